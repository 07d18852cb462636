#include "daemon/dht/outbox.h"

#include <stdalign.h>
#include <stdlib.h>

#include "daemon/dht/wire/krpc.h"

#define ALIGNMENT      (alignof(max_align_t))
#define CAPACITY_FIRST 16 /* effects of a kind before the first growth */

struct outbox_chunk {
    struct outbox_chunk *next;
    size_t used;
    alignas(max_align_t) uint8_t data[OUTBOX_CHUNK_SIZE];
};

static void free_chunks(struct outbox_chunk *chunk)
{
    while (chunk != NULL) {
        struct outbox_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void outbox_init(struct outbox *o)
{
    memset(o, 0, sizeof *o);
}

void outbox_clear(struct outbox *o)
{
    free(o->packets);
    free(o->writes);
    free(o->events);
    free_chunks(o->chunks);
    free_chunks(o->spare);
    outbox_init(o);
}

void outbox_reset(struct outbox *o)
{
    struct outbox_chunk *chunk = o->chunks;
    size_t kept = 0;

    o->packet_count = o->write_count = o->event_count = 0;
    o->chunks = NULL;
    for (struct outbox_chunk *spare = o->spare; spare != NULL; spare = spare->next)
        kept++;
    while (chunk != NULL && kept < OUTBOX_CHUNKS_KEPT) {
        struct outbox_chunk *next = chunk->next;
        chunk->next = o->spare;
        o->spare = chunk;
        chunk = next;
        kept++;
    }
    free_chunks(chunk);
}

bool outbox_is_empty(const struct outbox *o)
{
    return o->packet_count == 0 && o->write_count == 0 && o->event_count == 0;
}

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Where `size` more bytes lie in the arena, not yet taken; NULL without memory. */
static uint8_t *arena_peek(struct outbox *o, size_t size)
{
    struct outbox_chunk *chunk = o->chunks;

    if (size > OUTBOX_CHUNK_SIZE)
        return NULL;
    if (chunk != NULL && OUTBOX_CHUNK_SIZE - chunk->used >= size)
        return chunk->data + chunk->used;
    chunk = o->spare;
    if (chunk != NULL)
        o->spare = chunk->next;
    else
        chunk = malloc(sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    chunk->used = 0;
    chunk->next = o->chunks;
    o->chunks = chunk;
    return chunk->data;
}

/* Takes what arena_peek showed. The chunk's size is a multiple of the alignment, so rounding up
 * never passes its end. */
static void arena_take(struct outbox *o, size_t size)
{
    o->chunks->used += round_up(size);
}

void *outbox_alloc(struct outbox *o, size_t size)
{
    uint8_t *memory = arena_peek(o, size);

    if (memory == NULL)
        return NULL;
    arena_take(o, size);
    return memset(memory, 0, size);
}

struct bytes outbox_copy(struct outbox *o, struct bytes input)
{
    uint8_t *memory = input.data != NULL ? arena_peek(o, input.size) : NULL;

    if (memory == NULL)
        return bytes_of(NULL, 0);
    arena_take(o, input.size);
    memcpy(memory, input.data, input.size);
    return bytes_of(memory, input.size);
}

/* Room for one more element in an array that doubles; false without memory. */
static bool reserve(void **array, size_t count, size_t *capacity, size_t element_size)
{
    if (count < *capacity)
        return true;
    size_t larger = *capacity == 0 ? CAPACITY_FIRST : *capacity * 2;
    void *moved = realloc(*array, larger * element_size);
    if (moved == NULL)
        return false;
    *array = moved;
    *capacity = larger;
    return true;
}

struct wire_writer outbox_packet_begin(struct outbox *o)
{
    struct wire_writer w;
    uint8_t *memory = arena_peek(o, KRPC_PACKET_MAX);

    wire_writer_init(&w, memory, memory != NULL ? KRPC_PACKET_MAX : 0);
    w.failed = memory == NULL;
    return w;
}

bool outbox_packet_end(struct outbox *o, const struct wire_writer *w, const struct addr *to)
{
    void *array = o->packets;

    if (w->failed) { /* without memory, or a packet that does not fit, which is not lost memory */
        o->lost += w->capacity == 0;
        return false;
    }
    if (!reserve(&array, o->packet_count, &o->packet_capacity, sizeof *o->packets)) {
        o->lost++;
        return false;
    }
    o->packets = array;
    o->packets[o->packet_count++] = (struct out_packet){.to = *to, .data = wire_written(w)};
    arena_take(o, w->used);
    return true;
}

/* Copies `size` bytes and points *view at the copy; NULL stays NULL. False without memory. */
static bool copy_into(struct outbox *o, const uint8_t **view, size_t size)
{
    if (*view == NULL)
        return true;
    *view = outbox_copy(o, bytes_of(*view, size)).data;
    return *view != NULL;
}

bool outbox_write(struct outbox *o, const struct store_write *write)
{
    void *array = o->writes;
    struct store_write copy = *write;
    struct record *record = &copy.record;

    if (!copy_into(o, &record->k, KEYS_PUBLIC_SIZE) ||
        !copy_into(o, &record->sig, KEYS_SIGNATURE_SIZE) ||
        !copy_into(o, &record->salt.data, record->salt.size) ||
        !copy_into(o, &record->v.data, record->v.size) ||
        !reserve(&array, o->write_count, &o->write_capacity, sizeof *o->writes)) {
        o->lost++;
        return false;
    }
    o->writes = array;
    o->writes[o->write_count++] = copy;
    return true;
}

struct event *outbox_event(struct outbox *o)
{
    void *array = o->events;

    if (!reserve(&array, o->event_count, &o->event_capacity, sizeof *o->events)) {
        o->lost++;
        return NULL;
    }
    o->events = array;
    struct event *event = &o->events[o->event_count++];
    memset(event, 0, sizeof *event);
    return event;
}
