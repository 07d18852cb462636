#include "daemon/dht/serve/serve_push.h"

#include "daemon/dht/listen/hearing.h"
#include "daemon/dht/node_state.h"
#include "daemon/dht/serve/reply.h"

/* A record as a put or xput would carry it. */
static bool read_record(const struct krpc *query, struct record *out)
{
    bool is_entry = query->slot.data != NULL;
    if (!query->has_target || !query->has_seq || query->v.data == NULL ||
        query->k.size != KEYS_PUBLIC_SIZE || query->sig.size != KEYS_SIGNATURE_SIZE ||
        (is_entry && (query->slot.size == 0 || query->salt.data != NULL)))
        return false;
    *out = (struct record){
        .kind = is_entry ? RECORD_MULTI : RECORD_SINGLE,
        .target = query->target,
        .k = query->k.data,
        .sig = query->sig.data,
        .salt = is_entry ? query->slot : query->salt,
        .seq = query->seq,
        .v = query->v,
    };
    return true;
}

/* The lease may be granted while its answer is still on the way. */
static bool is_from_source(const struct listening *l, const struct addr *from)
{
    const struct source *source = listening_source(l, from);
    return source != NULL && source->state != SOURCE_POLLED;
}

void serve_push(struct node *node, struct now now, const struct addr *from,
                const struct krpc *query, struct outbox *out)
{
    struct record record;
    if (!query->has_id || query->sub.size != SOURCES_SUB_SIZE || !read_record(query, &record)) {
        reply_refuse(node, from, query, ERR_MALFORMED, "not a record with its subscription",
                     COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    struct listening *l = listening_of_sub(node, from, query->sub);
    if (l == NULL || !is_from_source(l, from)) {
        reply_refuse(node, from, query, ERR_NOT_FOUND, "no such subscription",
                     l == NULL ? COUNTER_NEWS_REFUSED_UNKNOWN : COUNTER_NEWS_REFUSED_SOURCE, out);
        return;
    }
    if (!listening_is_about(l, &record)) {
        reply_refuse(node, from, query, ERR_MALFORMED, "not what is listened to",
                     COUNTER_NEWS_REFUSED_OTHER, out);
        return;
    }
    if (listening_hear(node, now, l, &record, HEARING_PUSHED, out) == HEARD_NOTHING) {
        reply_refuse(node, from, query, ERR_MALFORMED, "not genuine, or ended",
                     COUNTER_NEWS_REFUSED_FORGED, out);
        return;
    }
    node_count(node, COUNTER_NEWS_TAKEN);
    reply_plain(node, from, query->t, out);
}
