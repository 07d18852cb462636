#include "daemon/dht/listen/subscribe.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/records/multi.h"

static bool send_ask(struct node *node, struct now now, struct source *source, struct outbox *out)
{
    const struct listening *l = source->listening;
    uint8_t sub[SOURCES_SUB_SIZE];
    listening_sub(source, sub);
    const struct krpc message = {
        .method = KRPC_LISTEN,
        .kind = bytes_of_string(l->kind == RECORD_MULTI ? "m" : "s"),
        .sub = bytes_of(sub, sizeof sub),
        .has_target = true,
        .target = l->target,
        .token = bytes_of(source->token, source->token_size),
    };
    const struct query query = {
        .purpose = QUERY_SUBSCRIBE,
        .contact = source->peer->contact,
        .has_id = true,
        .is_xord = true,
        .owner = l->number,
        .patience_ms = SUBSCRIBE_PATIENCE_MS << source->tries,
        .message = &message,
    };
    return source->tries++ < SUBSCRIBE_TRIES && query_send(node, now, &query, out);
}

void subscribe_ask(struct node *node, struct now now, struct source *source, struct outbox *out)
{
    if (!send_ask(node, now, source, out))
        listening_lose_source(node, now, source);
}

/* The source that this is about, while it is still asked. */
static struct source *asked_by(const struct node *node, const struct inflight_query *query)
{
    const struct listening *l = listening_find(node, query->owner);
    struct source *source = l != NULL ? listening_source(l, &query->contact.addr) : NULL;
    return source != NULL && source->state == SOURCE_ASKED ? source : NULL;
}

void subscribe_answered(struct node *node, struct now now, const struct inflight_query *query,
                        const struct krpc *reply, struct outbox *out)
{
    struct source *source = asked_by(node, query);
    uint64_t digest = 0;
    if (source == NULL)
        return;
    struct listening *l = source->listening;
    multi_read_digest(reply->digest, &digest);
    if (reply->has_lease && source_leased(&node->listenings->sources, source, now, &node->rng)) {
        node_count(node, COUNTER_LEASES_TAKEN);
        catchups_judge(node, now, source, digest);
    } else {
        listening_lose_source(node, now, source);
    }
    listening_go_on(node, now, l, out);
}

/* A token that is too old is got anew; who has no room, or does not know how, is polled. */
void subscribe_refused(struct node *node, struct now now, const struct inflight_query *query,
                       int64_t code, struct outbox *out)
{
    struct source *source = asked_by(node, query);
    if (source == NULL)
        return;
    struct listening *l = source->listening;
    node_count(node, COUNTER_LEASES_DENIED);
    if (code == 0 || code == err_code(ERR_BAD_TOKEN))
        listening_lose_source(node, now, source);
    else if (l->kind == RECORD_SINGLE)
        source_polled(source);
    else
        listening_drop_source(node, now, source, false);
    listening_go_on(node, now, l, out);
}

void subscribe_late(struct node *node, struct now now, const struct inflight_query *query,
                    struct outbox *out)
{
    struct source *source = asked_by(node, query);
    if (source == NULL)
        return;
    struct listening *l = source->listening;
    subscribe_ask(node, now, source, out);
    listening_go_on(node, now, l, out);
}
