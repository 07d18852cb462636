/* Writes that are on their way to disk, and what waits for each: a peer's put to acknowledge, or an
 * operation of our own. Bounded by NODE_WRITES_MAX; grows as it fills. */
#ifndef XORD_DHT_WRITES_H
#define XORD_DHT_WRITES_H

#include "common/addr.h"
#include "daemon/dht/wire/krpc.h"

struct pending_write {
    uint64_t op;      /* our own operation; 0: a peer's put */
    struct addr from; /* the peer to acknowledge to */
    uint8_t t_size;
    uint8_t t[KRPC_T_MAX];
    bool is_news;      /* it changes what is held, in this place: */
    uint8_t kind;      /* enum record_kind */
    struct id key;     /* record_key */
    uint32_t sequence; /* guards against an answer for an earlier use of this slot */
    bool is_used;
    uint32_t next_free;
};

struct writes {
    struct pending_write *slots;
    uint32_t capacity, used;
    uint32_t first_free; /* slot + 1; 0: none */
    uint32_t sequence;
};

void writes_clear(struct writes *w);
/* A place for one more: fills in its number and answers it zeroed, with t empty; NULL when
 * NODE_WRITES_MAX are waiting or memory ran out. Borrowed until the next call. */
struct pending_write *writes_add(struct writes *w, uint64_t *number);
/* Takes a pending write out; false when the number is none of ours. */
bool writes_take(struct writes *w, uint64_t number, struct pending_write *out);

#endif
