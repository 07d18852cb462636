#include "daemon/dht/maintain.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/query.h"

#define JOIN_AGAIN_MS                                                                              \
    (15u * 60u * 1000u)         /* our own neighbourhood is searched as often as a bucket */
#define FILL_BUCKETS      8u    /* after joining: the widest parts of the table */
#define TABLES_CHECK_MS   1000u /* how soon after a full load of pings to look again */
#define RESTORE_WAIT_MS   300u  /* for restored contacts before starting without them */
#define RESTORE_GATHER_MS 5u
#define EXPIRE_EVERY_MS   60000u

void maintain_init(struct maintain *m, struct now now)
{
    *m = (struct maintain){
        .retry_ms = MAINTAIN_RETRY_MIN_MS,
        .join_at_ms = now.ms,
        .expire_at_ms = now.ms + EXPIRE_EVERY_MS,
    };
}

static bool start_search(struct node *node, struct now now, const struct id *target, bool is_join,
                         struct outbox *out)
{
    enum err err;
    struct op *op = op_new(node, now, OP_LOOKUP, true, 0, &err);
    if (op == NULL)
        return false;
    node->maintain.searches++;
    op->is_join = is_join;
    op_search(node, now, op, KRPC_FIND_NODE, target, out);
    return true;
}

static void join(struct node *node, struct now now, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    m->is_joining = true;
    m->join_target = node->id;
    m->join_at_ms = UINT64_MAX;
    if (!start_search(node, now, &node->id, true, out)) {
        m->is_joining = false;
        m->join_at_ms = now.ms + m->retry_ms;
    }
}

/* The tables' widest buckets are filled once after joining, a random target in each. */
static void fill(struct node *node, struct now now, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    while (m->fill_prefix < m->fill_count && m->searches < MAINTAIN_SEARCHES_MAX) {
        struct id target;
        id_random_at(&target, &node->id, m->fill_prefix++, &node->rng);
        start_search(node, now, &target, false, out);
    }
}

static void join_finished(struct node *node, struct now now, bool is_answered)
{
    struct maintain *m = &node->maintain;
    m->is_joining = false;
    m->has_joined = true;
    if (!is_answered) {
        if (!m->had_sources)
            return;
        m->join_at_ms = now.ms + m->retry_ms + rng_below(&node->rng, m->retry_ms / 4);
        m->retry_ms =
            m->retry_ms * 2 < MAINTAIN_RETRY_MAX_MS ? m->retry_ms * 2 : MAINTAIN_RETRY_MAX_MS;
        return;
    }
    m->had_sources = true;
    m->retry_ms = MAINTAIN_RETRY_MIN_MS;
    m->join_at_ms = now.ms + JOIN_AGAIN_MS + rng_below(&node->rng, JOIN_AGAIN_MS / 4);
    if (!id_equal(&m->join_target, &node->id))
        m->join_at_ms = now.ms;
    if (m->fill_count == 0)
        m->fill_count = FILL_BUCKETS;
}

void maintain_op_finished(struct node *node, struct now now, const struct op *op)
{
    if (op->kind == OP_PUT) {
        keep_finished(node);
        return;
    }
    struct lookup_stats stats;
    search_stats(&op->search, now, &stats);
    node->maintain.searches--;
    if (op->is_join)
        join_finished(node, now, stats.replied > 0);
}

static bool send_ping(struct node *node, struct now now, const struct contact *contact,
                      enum query_purpose purpose, uint32_t attempt, struct outbox *out)
{
    const struct krpc message = {.method = KRPC_PING};
    const struct query query = {
        .purpose = purpose,
        .contact = *contact,
        .has_id = true,
        .owner_index = attempt,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

void maintain_heard(struct node *node, struct now now, const struct contact *contact,
                    struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (m->pings < MAINTAIN_PINGS_MAX && send_ping(node, now, contact, QUERY_MEET, 1, out))
        m->pings++;
}

void maintain_restore(struct node *node, struct now now, const struct contact *contact,
                      struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (!m->has_joined && !m->is_joining)
        m->join_at_ms = now.ms + RESTORE_WAIT_MS;
    if (send_ping(node, now, contact, QUERY_MEET, 1, out))
        m->pings++;
}

void maintain_answered(struct node *node, struct now now)
{
    struct maintain *m = &node->maintain;
    m->pings--;
    /* The first restored contact that answers is enough to start from; others follow meanwhile. */
    if (!m->has_joined && !m->is_joining && m->join_at_ms > now.ms + RESTORE_GATHER_MS)
        m->join_at_ms = now.ms + RESTORE_GATHER_MS;
}

void maintain_dead(struct node *node)
{
    node->maintain.pings--;
}

/* The query stays under way until it is dead, and its place in `pings` with it; a member that
 * missed one ping gets a second before it counts as failed. */
void maintain_late(struct node *node, struct now now, const struct inflight_query *query,
                   struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (query->purpose != QUERY_CHECK)
        return;
    if (query->owner_index == 0 && send_ping(node, now, &query->contact, QUERY_CHECK, 1, out))
        m->pings++;
    else
        maintain_failed(node, now, &query->contact);
}

void maintain_failed(struct node *node, struct now now, const struct contact *contact)
{
    struct maintain *m = &node->maintain;
    routing_failed(&node->tables[family_index(contact->addr.family)], contact, now.ms);
    if (!m->is_joining && m->join_at_ms > now.ms + m->retry_ms && node_live_count(node) == 0)
        m->join_at_ms = now.ms + m->retry_ms;
}

static void check_table(struct node *node, struct now now, struct routing *table,
                        struct outbox *out)
{
    struct maintain *m = &node->maintain;
    struct contact contact;
    struct id target;
    while (m->pings < MAINTAIN_PINGS_MAX && routing_next_check(table, now.ms, &contact)) {
        if (send_ping(node, now, &contact, QUERY_CHECK, 0, out))
            m->pings++;
        else
            routing_failed(table, &contact, now.ms);
    }
    while (m->searches < MAINTAIN_SEARCHES_MAX &&
           routing_next_refresh(table, now.ms, &node->rng, &target))
        start_search(node, now, &target, false, out);
}

/* When the tables want to be looked at: not before check_after_ms, so that what is due but finds no
 * room is tried again soon rather than at once. */
static uint64_t tables_next_ms(const struct node *node)
{
    uint64_t next_ms = UINT64_MAX;
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        if (node->has_family[i] && routing_next_ms(&node->tables[i]) < next_ms)
            next_ms = routing_next_ms(&node->tables[i]);
    return next_ms > node->maintain.check_after_ms ? next_ms : node->maintain.check_after_ms;
}

void maintain_tick(struct node *node, struct now now, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (m->join_at_ms <= now.ms && !m->is_joining)
        join(node, now, out);
    if (m->fill_prefix < m->fill_count)
        fill(node, now, out);
    if (tables_next_ms(node) <= now.ms) {
        for (unsigned i = 0; i < FAMILY_COUNT; i++)
            if (node->has_family[i])
                check_table(node, now, &node->tables[i], out);
        m->check_after_ms = now.ms + TABLES_CHECK_MS;
    }
    if (m->expire_at_ms <= now.ms) {
        peers_expire(node->peers, now.ms);
        m->expire_at_ms = now.ms + EXPIRE_EVERY_MS;
    }
}

uint64_t maintain_next_ms(const struct node *node)
{
    const struct maintain *m = &node->maintain;
    if (m->fill_prefix < m->fill_count && m->searches < MAINTAIN_SEARCHES_MAX)
        return 0;
    uint64_t next_ms = tables_next_ms(node);
    if (m->join_at_ms < next_ms)
        next_ms = m->join_at_ms;
    if (peers_count(node->peers) > 0 && m->expire_at_ms < next_ms)
        next_ms = m->expire_at_ms;
    return next_ms;
}
