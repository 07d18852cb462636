/* The one door by which a node's effects leave: packets to send, writes for the store, events for
 * whoever called. Owned by the caller, who acts on it and then calls outbox_reset. All bytes that
 * effects point to live in the outbox's arena until then and never move. One outbox can serve many
 * nodes in turn. Memory is kept over resets, so a busy node allocates nothing per packet. */
#ifndef XORD_DHT_OUTBOX_H
#define XORD_DHT_OUTBOX_H

#include "common/wire.h"
#include "daemon/dht/event.h"
#include "daemon/dht/records/store.h"

#define OUTBOX_CHUNK_SIZE  65536u /* arena growth step; the largest single allocation */
#define OUTBOX_CHUNKS_KEPT 4u     /* kept over a reset; the rest is returned */

struct out_packet {
    struct addr to;
    struct bytes data;
};

struct outbox_chunk;

struct outbox {
    struct out_packet *packets;
    size_t packet_count, packet_capacity;
    struct store_write *writes;
    size_t write_count, write_capacity;
    struct event *events;
    size_t event_count, event_capacity;
    struct outbox_chunk *chunks; /* newest first */
    struct outbox_chunk *spare;  /* empty ones kept over a reset */
    uint64_t lost;               /* effects dropped because memory ran out; kept over resets */
};

void outbox_init(struct outbox *o);
void outbox_clear(struct outbox *o);
void outbox_reset(struct outbox *o); /* forgets all effects; keeps memory */
bool outbox_is_empty(const struct outbox *o);

/* Zeroed memory from the arena, aligned for any type; NULL when size > OUTBOX_CHUNK_SIZE or memory
 * ran out. */
void *outbox_alloc(struct outbox *o, size_t size);
/* A copy in the arena; absent stays absent; absent also when memory ran out. */
struct bytes outbox_copy(struct outbox *o, struct bytes input);

/* A writer over arena space for one packet of at most KRPC_PACKET_MAX bytes (failed from the start
 * without memory), and its end: queues it to `to` unless the writer failed. Nothing else may be
 * taken from the outbox between the two. True when it was queued. */
struct wire_writer outbox_packet_begin(struct outbox *o);
bool outbox_packet_end(struct outbox *o, const struct wire_writer *w, const struct addr *to);

/* Queues a write; its record's bytes are copied into the arena. False without memory. */
bool outbox_write(struct outbox *o, const struct store_write *write);
/* Queues an event and returns it zeroed, to be filled; NULL without memory. What it points to must
 * be in the arena. Borrowed until the next outbox_event. */
struct event *outbox_event(struct outbox *o);

#endif
