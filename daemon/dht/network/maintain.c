#include "daemon/dht/network/maintain.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_queries.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/routing/changes.h"

#define JOIN_FAILS_MAX    3u     /* unanswered searches until we no longer call it starting */
#define FILL_BUCKETS      8u     /* after joining: the widest parts of the table, */
#define FILL_ENOUGH       6u     /* where it knows fewer than this, */
#define FILL_PAUSE_MS     60000u /* after a restart at most so long after each other */
#define TABLES_CHECK_MS   1000u  /* how soon after a full load of pings to look again */
#define RESTORE_AT_ONCE   8u     /* contacts of an earlier run, until one answers */
#define RESTORE_WAIT_MS   300u   /* for them, before the next ones and starting without them */
#define RESTORE_GATHER_MS 5u
#define EXPIRE_EVERY_MS   60000u

void maintain_init(struct maintain *m, struct now now)
{
    *m = (struct maintain){
        .retry_ms = MAINTAIN_RETRY_MIN_MS,
        .join_at_ms = now.ms,
        .join_again_ms = MAINTAIN_JOIN_SOON_MS,
        .expire_at_ms = now.ms + EXPIRE_EVERY_MS,
    };
}

void maintain_clear(struct maintain *m)
{
    restored_clear(&m->restored);
}

bool maintain_search(struct node *node, struct now now, enum krpc_method method,
                     const struct id *target, bool is_join, struct outbox *out)
{
    enum err err;
    struct op *op = op_new(node, now, OP_LOOKUP, true, 0, &err);
    if (op == NULL)
        return false;
    node->maintain.searches++;
    op->is_join = is_join;
    op_search(node, now, op, method, target, out);
    return true;
}

static void join(struct node *node, struct now now, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    m->is_joining = true;
    m->join_at_ms = UINT64_MAX;
    if (!maintain_search(node, now, KRPC_FIND_NODE, &node->id, true, out)) {
        m->is_joining = false;
        m->join_at_ms = now.ms + m->retry_ms;
    }
}

/* Nodes that fall into our bucket of this prefix share more bits than it with any of its targets.
 */
static bool is_filled(const struct node *node, const struct id *target, unsigned prefix)
{
    struct contact nearest[FILL_ENOUGH];
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        if (!node->has_family[i])
            continue;
        size_t count = routing_closest(&node->tables[i], target, false, nearest, FILL_ENOUGH);
        if (count < FILL_ENOUGH || id_common_prefix(&nearest[count - 1].id, target) <= prefix)
            return false;
    }
    return true;
}

/* Nodes that started together, and buckets of one node that were filled together, would all be
 * refreshed at once: from now on each has its own time. */
static void stagger_refreshes(struct node *node, struct now now)
{
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        routing_stagger(&node->tables[i], now.ms, &node->rng);
}

/* The tables' widest buckets are filled once after joining, a random target in each. */
static void fill(struct node *node, struct now now, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    while (m->fill_prefix < m->fill_count && m->searches < MAINTAIN_SEARCHES_MAX &&
           m->fill_at_ms <= now.ms) {
        struct id target;
        id_random_at(&target, &node->id, m->fill_prefix, &node->rng);
        if (is_filled(node, &target, m->fill_prefix++))
            continue;
        maintain_search(node, now, KRPC_FIND_NODE, &target, false, out);
        m->fill_at_ms = now.ms + rng_below(&node->rng, m->fill_pause_ms + 1);
    }
    if (m->fill_prefix == m->fill_count)
        stagger_refreshes(node, now);
}

static void begin_fill(struct node *node, struct now now)
{
    struct maintain *m = &node->maintain;
    m->fill_prefix = 0;
    m->fill_count = FILL_BUCKETS;
    m->fill_at_ms = now.ms + rng_below(&node->rng, m->fill_pause_ms + 1);
}

uint64_t maintain_join_again_ms(struct node *node, struct now now, uint32_t *again_ms)
{
    uint64_t at_ms = now.ms + *again_ms + rng_below(&node->rng, *again_ms / 4);
    *again_ms = *again_ms * 3 < MAINTAIN_JOIN_AGAIN_MS ? *again_ms * 3 : MAINTAIN_JOIN_AGAIN_MS;
    return at_ms;
}

static void join_finished(struct node *node, struct now now, const struct id *searched,
                          bool is_answered)
{
    struct maintain *m = &node->maintain;
    m->is_joining = false;
    if (!is_answered) {
        m->has_joined = m->has_joined || !m->had_sources || ++m->failed_joins >= JOIN_FAILS_MAX;
        if (!m->had_sources)
            return;
        m->join_at_ms = now.ms + m->retry_ms + rng_below(&node->rng, m->retry_ms / 4);
        m->retry_ms =
            m->retry_ms * 2 < MAINTAIN_RETRY_MAX_MS ? m->retry_ms * 2 : MAINTAIN_RETRY_MAX_MS;
        return;
    }
    m->has_joined = true;
    m->failed_joins = 0;
    m->had_sources = true;
    m->retry_ms = MAINTAIN_RETRY_MIN_MS;
    /* A second time where the first may have come too early: nobody knew anybody yet. */
    if (m->restored.count == 0 &&
        (m->fill_count == 0 || m->join_again_ms == 3 * MAINTAIN_JOIN_SOON_MS))
        begin_fill(node, now);
    m->join_at_ms = maintain_join_again_ms(node, now, &m->join_again_ms);
    if (!id_equal(searched, &node->id)) /* we have taken another id since (adopt.h) */
        m->join_at_ms = now.ms;
    overlay_begin(node, now);
}

void maintain_search_finished(struct node *node, struct now now, const struct op *op)
{
    struct lookup_stats stats;
    search_stats(&op->search, now, &stats);
    node->maintain.searches--;
    if (op->search.is_among_xord)
        overlay_search_finished(node, now, op);
    else if (op->is_join)
        join_finished(node, now, &op->search.target, stats.replied > 0);
}

static bool send_ping(struct node *node, struct now now, const struct contact *contact,
                      enum query_purpose purpose, uint32_t attempt, struct outbox *out)
{
    const struct krpc message = {.method = KRPC_PING};
    const struct query query = {
        .purpose = purpose,
        .contact = *contact,
        .has_id = !id_is_zero(&contact->id),
        .owner_index = attempt,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

bool maintain_can_meet(const struct node *node)
{
    return node->maintain.meetings < MAINTAIN_MEETINGS_MAX;
}

void maintain_heard(struct node *node, struct now now, const struct contact *contact,
                    struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (maintain_can_meet(node) && send_ping(node, now, contact, QUERY_MEET, 1, out))
        m->meetings++;
}

void maintain_restore(struct node *node, struct now now, const struct contact *contact)
{
    struct maintain *m = &node->maintain;
    m->join_again_ms = MAINTAIN_JOIN_AGAIN_MS;
    m->fill_pause_ms = FILL_PAUSE_MS;
    if (!m->has_joined && !m->is_joining)
        m->join_at_ms = now.ms + RESTORE_WAIT_MS;
    restored_add(&m->restored, now, contact);
}

/* Searches and the questions of others may have met it meanwhile. */
static void meet_restored(struct node *node, struct now now, const struct contact *contact,
                          struct outbox *out)
{
    const struct routing *table = &node->tables[family_index(contact->addr.family)];
    if (routing_find(table, contact) == NULL &&
        send_ping(node, now, contact, QUERY_MEET, MAINTAIN_RESTORED, out))
        node->maintain.meetings++;
}

/* A few at once, until somebody is there to start from; then one by one, so that a power cut is no
 * storm, and who comes back after us is met too. */
static void meet_next_restored(struct node *node, struct now now, struct outbox *out)
{
    struct restored *restored = &node->maintain.restored;
    struct contact contact;
    bool is_alone = node_live_count(node) == 0;
    for (unsigned i = 0; i < (is_alone ? RESTORE_AT_ONCE : 1); i++)
        if (restored_take(restored, &node->id, &contact))
            meet_restored(node, now, &contact, out);
    if (is_alone)
        restored_wait(restored, now, RESTORE_WAIT_MS);
    else
        restored_spread(restored, now, &node->rng);
    if (restored->count == 0 && node->maintain.has_joined)
        begin_fill(node, now);
}

/* Anybody could have sent it in that node's name, so it proves nothing by itself. */
void maintain_bye(struct node *node, struct now now, const struct contact *contact,
                  struct outbox *out)
{
    struct maintain *m = &node->maintain;
    const struct overlay *overlay = node_overlay(node, KRPC_BYE);
    unsigned family = family_index(contact->addr.family);
    bool is_known = routing_find(&node->tables[family], contact) != NULL ||
                    (overlay != NULL && overlay_has(overlay, contact));
    if (is_known && m->checks < MAINTAIN_CHECKS_MAX &&
        send_ping(node, now, contact, QUERY_CHECK, 0, out))
        m->checks++;
}

/* A ping that was under way is not any more. */
static void end_ping(struct maintain *m, const struct inflight_query *query)
{
    if (query->purpose == QUERY_CHECK)
        m->checks--;
    else
        m->meetings--;
}

void maintain_answered(struct node *node, struct now now, const struct inflight_query *query)
{
    struct maintain *m = &node->maintain;
    end_ping(m, query);
    /* The first restored contact that answers is enough to start from; others follow meanwhile. */
    if (!m->has_joined && !m->is_joining && m->join_at_ms > now.ms + RESTORE_GATHER_MS)
        m->join_at_ms = now.ms + RESTORE_GATHER_MS;
}

void maintain_dead(struct node *node, const struct inflight_query *query)
{
    end_ping(&node->maintain, query);
}

/* The query stays under way until it is dead, and its place in `checks` with it; a member that
 * missed one ping gets a second before it counts as failed. */
void maintain_late(struct node *node, struct now now, const struct inflight_query *query,
                   struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (query->purpose != QUERY_CHECK)
        return;
    if (query->owner_index == 0 && send_ping(node, now, &query->contact, QUERY_CHECK, 1, out))
        m->checks++;
    else
        maintain_failed(node, now, &query->contact);
}

static void neighbour_lost(struct node *node, struct now now, const struct contact *contact)
{
    changes_add_neighbour(node->watch.changes, contact, NULL);
    repair_lost(node, now, contact);
}

void maintain_failed(struct node *node, struct now now, const struct contact *contact)
{
    struct maintain *m = &node->maintain;
    unsigned family = family_index(contact->addr.family);
    routing_failed(&node->tables[family], contact, now.ms);
    m->has_failed = true;
    bool is_lost = neighbours_failed(&node->neighbours[family], contact);
    bool is_lost_xord = overlay_failed(node, now, contact);
    if (is_lost || is_lost_xord)
        neighbour_lost(node, now, contact);
    if (!m->is_joining && m->join_at_ms > now.ms + m->retry_ms && node_live_count(node) == 0)
        m->join_at_ms = now.ms + m->retry_ms;
}

void maintain_replaced(struct node *node, struct now now, const struct contact *contact)
{
    unsigned family = family_index(contact->addr.family);
    routing_remove(&node->tables[family], &contact->id);
    bool is_lost = neighbours_remove(&node->neighbours[family], contact);
    bool is_lost_xord = overlay_replaced(node, contact);
    if (is_lost || is_lost_xord)
        neighbour_lost(node, now, contact);
}

static void check(struct node *node, struct now now, const struct contact *contact,
                  struct outbox *out)
{
    if (send_ping(node, now, contact, QUERY_CHECK, 0, out))
        node->maintain.checks++;
    else
        maintain_failed(node, now, contact);
}

/* One family's nodes, `method` being what finds more of them. */
static void check_family(struct node *node, struct now now, enum krpc_method method,
                         struct routing *table, struct neighbours *neighbours, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    struct contact contact;
    struct id target;
    while (m->checks < MAINTAIN_CHECKS_MAX && neighbours_next_check(neighbours, &contact))
        check(node, now, &contact, out);
    while (m->checks < MAINTAIN_CHECKS_MAX && routing_next_check(table, now.ms, &contact))
        check(node, now, &contact, out);
    while (m->searches < MAINTAIN_SEARCHES_MAX &&
           routing_next_refresh(table, now.ms, &node->rng, &target))
        maintain_search(node, now, method, &target, false, out);
}

static void check_tables(struct node *node, struct now now, struct outbox *out)
{
    struct overlay *overlay = node->overlay;
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        if (!node->has_family[i])
            continue;
        check_family(node, now, KRPC_FIND_NODE, &node->tables[i], &node->neighbours[i], out);
        if (overlay != NULL)
            check_family(node, now, KRPC_XGET, &overlay->tables[i], &overlay->neighbours[i], out);
    }
    node->maintain.has_failed = false;
    node->maintain.check_after_ms = now.ms + TABLES_CHECK_MS;
}

/* When the tables want to be looked at: not before check_after_ms, so that what is due but finds no
 * room is tried again soon rather than at once. */
static uint64_t tables_next_ms(const struct node *node)
{
    uint64_t next_ms = UINT64_MAX;
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        uint64_t all_ms = routing_next_ms(&node->tables[i]);
        uint64_t xord_ms = routing_next_ms(node_table(node, KRPC_XGET, i));
        if (node->has_family[i] && all_ms < next_ms)
            next_ms = all_ms;
        if (node->has_family[i] && xord_ms < next_ms)
            next_ms = xord_ms;
    }
    if (node->maintain.has_failed)
        next_ms = 0;
    return next_ms > node->maintain.check_after_ms ? next_ms : node->maintain.check_after_ms;
}

void maintain_tick(struct node *node, struct now now, struct outbox *out)
{
    struct maintain *m = &node->maintain;
    if (restored_next_ms(&m->restored) <= now.ms)
        meet_next_restored(node, now, out);
    if (m->join_at_ms <= now.ms && !m->is_joining)
        join(node, now, out);
    if (m->fill_prefix < m->fill_count)
        fill(node, now, out);
    if (tables_next_ms(node) <= now.ms)
        check_tables(node, now, out);
    if (m->expire_at_ms <= now.ms) {
        peers_expire(node->peers, now.ms);
        m->expire_at_ms = now.ms + EXPIRE_EVERY_MS;
    }
}

uint64_t maintain_next_ms(const struct node *node)
{
    const struct maintain *m = &node->maintain;
    uint64_t next_ms = tables_next_ms(node);
    if (m->fill_prefix < m->fill_count && m->searches < MAINTAIN_SEARCHES_MAX &&
        m->fill_at_ms < next_ms)
        next_ms = m->fill_at_ms;
    if (restored_next_ms(&m->restored) < next_ms)
        next_ms = restored_next_ms(&m->restored);
    if (m->join_at_ms < next_ms)
        next_ms = m->join_at_ms;
    if (peers_count(node->peers) > 0 && m->expire_at_ms < next_ms)
        next_ms = m->expire_at_ms;
    return next_ms;
}
