#include "daemon/dht/listen/poll.h"

#include "daemon/dht/listen/hearing.h"
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

struct krpc poll_question(const struct listening *l)
{
    const struct place *place = l->places.newest;
    return (struct krpc){
        .method = KRPC_GET,
        .has_target = true,
        .target = l->target,
        .has_seq = place != NULL,
        .seq = place != NULL ? place->seq : 0,
    };
}

static bool ask(struct node *node, struct now now, const struct listening *l,
                const struct source *source, struct outbox *out)
{
    const struct krpc message = poll_question(l);
    const struct query query = {
        .purpose = QUERY_POLL,
        .contact = source->peer->contact,
        .has_id = true,
        .owner = l->number,
        .message = &message,
    };
    node_count(node, COUNTER_POLLS);
    return query_send(node, now, &query, out);
}

void poll_ask(struct node *node, struct now now, struct listening *l, struct outbox *out)
{
    unsigned asked = 0;
    for (unsigned i = 0; i < l->source_count && asked < POLL_SOURCES; i++) {
        const struct source *source = l->sources[++l->poll_turn % l->source_count];
        if (source->state == SOURCE_POLLED && ask(node, now, l, source, out))
            asked++;
    }
    l->poll_at_ms = now.ms + l->poll_every_ms;
    l->poll_every_ms += l->poll_every_ms / 2;
    if (l->poll_every_ms > POLL_MAX_MS)
        l->poll_every_ms = POLL_MAX_MS;
}

/* The source that was polled, while it is one. */
static struct source *polled_by(const struct node *node, const struct inflight_query *query)
{
    const struct listening *l = listening_find(node, query->owner);
    struct source *source = l != NULL ? listening_source(l, &query->contact.addr) : NULL;
    return source != NULL && source->state == SOURCE_POLLED ? source : NULL;
}

void poll_answered(struct node *node, struct now now, const struct inflight_query *query,
                   const struct krpc *reply, struct outbox *out)
{
    struct source *source = polled_by(node, query);
    struct record record;
    if (source == NULL)
        return;
    struct listening *l = source->listening;
    const struct record wanted = listening_wanted(l);
    source->silences = 0;
    if (!get_read_record(node, now, &wanted, reply, &record) ||
        listening_hear(node, now, l, &record, HEARING_READ, out) != HEARD_NEWS)
        return;
    l->poll_every_ms = POLL_MS;
    l->poll_at_ms = now.ms + POLL_MS;
    listening_go_on(node, now, l, out);
}

void poll_unanswered(struct node *node, struct now now, const struct inflight_query *query,
                     struct outbox *out)
{
    struct source *source = polled_by(node, query);
    if (source == NULL || ++source->silences < POLL_SILENCES)
        return;
    struct listening *l = source->listening;
    listening_lose_source(node, now, source);
    listening_go_on(node, now, l, out);
}
