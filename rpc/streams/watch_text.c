#include "rpc/streams/watch_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/addr_text.h"
#include "common/hex.h"

#define PART_SIZE     256 /* the longest that is written at once */
#define DISTANCE_HEAD 8u  /* bytes of a distance that are shown: the rest is noise */

__attribute__((format(printf, 2, 3))) static void put(struct json_text *out, const char *format,
                                                      ...)
{
    char part[PART_SIZE];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(part, sizeof part, format, list);
    va_end(list);
    assert(size >= 0 && size < PART_SIZE);
    json_text_append(out, part, (size_t)size);
}

static void put_id(struct json_text *out, const char *name, const struct id *id)
{
    char text[2 * ID_SIZE + 1];
    put(out, ",\"%s\":\"%s\"", name, hex_encode(id_bytes(id), text));
}

static void put_addr(struct json_text *out, const char *name, const struct addr *addr)
{
    char text[ADDR_TEXT_SIZE];
    if (addr->family == ADDR_NONE)
        put(out, ",\"%s\":null", name);
    else
        put(out, ",\"%s\":\"%s\"", name, addr_format(addr, text));
}

static void put_err(struct json_text *out, enum err err)
{
    put(out, ",\"error\":{\"code\":%d,\"name\":\"%s\"}", err_code(err), err_name(err));
}

/* ---- lookups ---- */

/* `distance` as in lookup's trace; `shared_bits` is what it lacks to 160; `xor` its first bytes. */
static void put_distance(struct json_text *out, const struct id *target, const struct id *id)
{
    uint8_t head[DISTANCE_HEAD];
    char text[2 * DISTANCE_HEAD + 1];
    unsigned shared = id_common_prefix(target, id);
    for (size_t i = 0; i < DISTANCE_HEAD; i++)
        head[i] = target->b[i] ^ id->b[i];
    put(out, ",\"distance\":%u,\"shared_bits\":%u,\"xor\":\"%s\"", ID_BITS - shared, shared,
        hex_encode(bytes_of(head, sizeof head), text));
}

static const char *step_name(enum watch_what what)
{
    if (what == WATCH_ASKED)
        return "asked";
    if (what == WATCH_ANSWERED)
        return "answered";
    if (what == WATCH_LATE)
        return "late";
    return what == WATCH_DEAD ? "dead" : "refused";
}

static void put_step(struct json_text *out, const struct watch_event *event)
{
    put(out, ",\"step\":\"%s\"", step_name(event->what));
    if (event->lookup.has_id)
        put_id(out, "id", &event->lookup.contact.id);
    else
        put(out, ",\"id\":null");
    put_addr(out, "addr", &event->lookup.contact.addr);
    put(out, ",\"hop\":%" PRIu32, event->lookup.hop);
    if (event->lookup.has_id)
        put_distance(out, &event->lookup.target, &event->lookup.contact.id);
    if (event->what == WATCH_ASKED)
        put(out, ",\"attempt\":%" PRIu32, event->lookup.attempt);
    else
        put(out, ",\"rtt_ms\":%" PRIu32, event->lookup.rtt_ms);
    if (event->what == WATCH_REFUSED)
        put(out, ",\"code\":%" PRId64, event->lookup.code);
}

static void put_stats(struct json_text *out, const struct event *event)
{
    const struct lookup_stats *stats = &event->stats;
    put(out,
        ",\"queried\":%" PRIu32 ",\"replied\":%" PRIu32 ",\"hops\":%" PRIu32 ",\"ms\":%" PRIu32,
        stats->queried, stats->replied, stats->hops, stats->ms);
    put(out, ",\"complete\":%s", stats->is_complete ? "true" : "false");
    if (event->err != ERR_OK)
        put_err(out, event->err);
}

static void put_lookup(struct json_text *out, const struct event *event)
{
    const struct watch_event *watch = &event->watch;
    const char *name = watch->what == WATCH_STARTED ? "started"
                       : watch->what == WATCH_ENDED ? "ended"
                                                    : "step";
    put(out, "\"class\":\"lookups\",\"event\":\"%s\",\"lookup\":%" PRIu64 ",\"for\":\"%s\"", name,
        watch->lookup.number, watch->lookup.purpose);
    put_id(out, "target", &watch->lookup.target);
    if (watch->what == WATCH_ENDED)
        put_stats(out, event);
    else if (watch->what != WATCH_STARTED)
        put_step(out, watch);
}

/* ---- nodes and the store ---- */

/* Of WATCH_SEEN and all that follow. */
static const char *event_name(enum watch_what what)
{
    static const char *const names[] = {
        [WATCH_SEEN] = "seen",       [WATCH_REPLACED] = "replaced",   [WATCH_LOST] = "lost",
        [WATCH_JOINED] = "joined",   [WATCH_PARTED] = "parted",       [WATCH_STORED] = "stored",
        [WATCH_EVICTED] = "evicted", [WATCH_TURNED_AWAY] = "refused", [WATCH_EXPIRED] = "expired",
        [WATCH_DROPPED] = "dropped",
    };
    return names[what];
}

static void put_node(struct json_text *out, const struct watch_event *watch)
{
    put(out, "\"class\":\"nodes\",\"event\":\"%s\"", event_name(watch->what));
    put_id(out, "id", &watch->node.contact.id);
    put_addr(out, "addr", &watch->node.contact.addr);
    if (watch->what == WATCH_REPLACED) {
        put_id(out, "old_id", &watch->node.old.id);
        put_addr(out, "old_addr", &watch->node.old.addr);
    }
}

static const char *type_of(enum record_kind kind)
{
    return kind == RECORD_IMMUTABLE ? "i" : kind == RECORD_SINGLE ? "s" : "m";
}

static bool is_removal(enum watch_what what)
{
    return what == WATCH_EVICTED || what == WATCH_EXPIRED || what == WATCH_DROPPED;
}

static void put_store(struct json_text *out, const struct event *event)
{
    const struct watch_event *watch = &event->watch;
    put(out, "\"class\":\"store\",\"event\":\"%s\"", event_name(watch->what));
    if (watch->store.more > 0) {
        put(out, ",\"records\":%" PRIu32, watch->store.more);
        return;
    }
    put(out, ",\"space\":\"%s\",\"type\":\"%s\"", watch->store.is_kept ? "kept" : "held",
        type_of(watch->store.kind));
    put_id(out, "target", &watch->store.target);
    if (watch->store.has_seq)
        put(out, ",\"seq\":%" PRId64, watch->store.seq);
    if (watch->what != WATCH_DROPPED)
        put(out, ",\"size\":%" PRIu32, watch->store.size);
    if (!is_removal(watch->what))
        put_addr(out, "from", &watch->store.from);
    if (watch->what != WATCH_TURNED_AWAY)
        return;
    put_err(out, event->err);
    put(out, ",\"check\":\"%s\",\"reason\":\"%s\"", watch->store.check,
        watch->store.text != NULL ? watch->store.text : err_text(event->err));
}

void watch_text(struct json_text *out, const struct event *event)
{
    switch (event->watch.class) {
    case WATCH_LOOKUPS:
        put_lookup(out, event);
        return;
    case WATCH_NODES:
        put_node(out, &event->watch);
        return;
    case WATCH_STORE:
        put_store(out, event);
        return;
    }
}

void watch_text_call(struct json_text *out, const char *method, uid_t uid, enum err err,
                     uint64_t took_ns)
{
    put(out, "\"class\":\"rpc\",\"event\":\"call\"");
    if (method != NULL)
        put(out, ",\"method\":\"%s\"", method);
    else
        put(out, ",\"method\":null");
    put(out, ",\"uid\":%" PRIu64 ",\"ms\":%" PRIu64 ".%03" PRIu64, (uint64_t)uid, took_ns / 1000000,
        took_ns / 1000 % 1000);
    if (err != ERR_OK)
        put_err(out, err);
}
