#include "daemon/dht/routing/routing.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/routing/bucket.h"
#include "daemon/dht/routing/changes.h"

#define NEAR_BUCKETS      2 /* the deepest: their nodes hold what we hold, so they are checked */
#define RETRY_FIRST_MS    1000u /* until a node that failed is pinged again, doubled each time */
#define RETRY_DOUBLED_MAX 9u    /* up to about 8 minutes */

void routing_init(struct routing *r, const struct id *self, enum addr_family family)
{
    memset(r, 0, sizeof *r);
    r->self = *self;
    r->family = family;
    r->check_ms = r->refresh_ms = UINT64_MAX;
}

void routing_clear(struct routing *r)
{
    for (size_t i = 0; i < r->bucket_count; i++)
        bucket_clear(&r->buckets[i]);
    free(r->buckets);
    r->buckets = NULL;
    r->bucket_count = r->node_count = 0;
    r->check_ms = r->refresh_ms = UINT64_MAX;
}

size_t routing_bucket_of(const struct routing *r, const struct id *id)
{
    size_t prefix = id_common_prefix(&r->self, id);

    return prefix < r->bucket_count ? prefix : r->bucket_count - 1;
}

static void lower(uint64_t *time_ms, uint64_t to_ms)
{
    *time_ms = to_ms < *time_ms ? to_ms : *time_ms;
}

/* A member of this bucket may need a ping then. */
static void check_at(struct routing *r, struct bucket *b, uint64_t time_ms)
{
    lower(&b->check_ms, time_ms);
    lower(&r->check_ms, time_ms);
}

static struct bucket *append_bucket(struct routing *r)
{
    assert(r->bucket_count < ID_BITS);
    struct bucket *moved = realloc(r->buckets, (r->bucket_count + 1) * sizeof *moved);

    if (moved == NULL)
        return NULL;
    r->buckets = moved;
    bucket_init(&moved[r->bucket_count]);
    return &moved[r->bucket_count++];
}

static bool add_first_bucket(struct routing *r, uint64_t now_ms)
{
    struct bucket *b = append_bucket(r);

    if (b == NULL)
        return false;
    b->touched_ms = now_ms;
    lower(&r->refresh_ms, now_ms + ROUTING_REFRESH_MS);
    return true;
}

/* Splits the last bucket, the one that our own id is in. */
static bool split_last(struct routing *r)
{
    struct bucket *to = append_bucket(r);

    if (to == NULL)
        return false;
    if (!bucket_split(to - 1, &r->self, (unsigned)(r->bucket_count - 2), to)) {
        r->bucket_count--;
        return false;
    }
    return true;
}

static struct routing_node *find_addr(const struct routing *r, const struct addr *addr)
{
    for (size_t i = 0; i < r->bucket_count; i++) {
        struct routing_node *node = bucket_find_addr(&r->buckets[i], addr);
        if (node != NULL)
            return node;
    }
    return NULL;
}

static size_t count_in_prefix(const struct bucket *b, const struct addr *prefix)
{
    size_t count = 0;

    for (size_t i = 0; i < b->count; i++) {
        struct addr other = addr_prefix(&b->nodes[i].contact.addr);
        count += addr_equal_ip(&other, prefix);
    }
    return count;
}

/* True when the address's network has its share already, of the bucket or of the table. */
static bool is_capped(const struct routing *r, size_t index, const struct addr *addr)
{
    if (addr_is_private(addr))
        return false;
    struct addr prefix = addr_prefix(addr);
    if (count_in_prefix(&r->buckets[index], &prefix) >= ROUTING_PREFIX_BUCKET_MAX)
        return true;
    size_t count = 0;
    for (size_t i = 0; i < r->bucket_count; i++)
        count += count_in_prefix(&r->buckets[i], &prefix);
    return count >= ROUTING_PREFIX_TABLE_MAX;
}

/* True when a node with this id could become a member, caps aside. The last bucket makes room by
 * splitting, unless all its members stay together with the new one for good. */
static bool has_room(const struct routing *r, size_t index, const struct id *id)
{
    const struct bucket *b = &r->buckets[index];

    if (b->count < ROUTING_K || bucket_find_dead(b) != NULL)
        return true;
    if (index + 1 < r->bucket_count)
        return false;
    unsigned prefix = id_common_prefix(&r->self, id);
    for (size_t i = 0; i < b->count; i++) {
        if (id_common_prefix(&r->self, &b->nodes[i].contact.id) != prefix)
            return true;
    }
    return false;
}

static void fill_node(struct routing_node *node, const struct candidate *candidate, uint64_t now_ms)
{
    memset(node, 0, sizeof *node);
    node->contact = candidate->contact;
    node->rtt = candidate->rtt;
    node->is_xord = candidate->is_xord;
    node->first_ms = now_ms;
    node->answered_ms = candidate->answered_ms;
}

/* The newest cached node that the caps allow, or NULL. */
static const struct candidate *find_replacement(const struct routing *r, size_t index)
{
    const struct bucket *b = &r->buckets[index];

    for (size_t i = 0; i < b->cache_count; i++) {
        if (!is_capped(r, index, &b->cache[i].contact.addr))
            return &b->cache[i];
    }
    return NULL;
}

/* Makes a cached node the member at `node`. */
static void promote(struct routing *r, size_t index, const struct candidate *replacement,
                    struct routing_node *node, uint64_t now_ms)
{
    struct bucket *b = &r->buckets[index];

    fill_node(node, replacement, now_ms);
    bucket_uncache(b, &node->contact.id);
    check_at(r, b, node->answered_ms + ROUTING_QUESTIONABLE_MS);
}

static void remove_member(struct routing *r, size_t index, struct routing_node *node)
{
    struct bucket *b = &r->buckets[index];
    const struct contact gone = node->contact;

    bucket_take_out(b, node);
    r->node_count--;
    const struct candidate *replacement = find_replacement(r, index);
    struct routing_node *place = replacement != NULL ? bucket_extend(b) : NULL;
    changes_add(r->changes, &gone, place != NULL ? &replacement->contact : NULL);
    if (place == NULL)
        return;
    r->node_count++;
    promote(r, index, replacement, place, replacement->answered_ms);
}

void routing_remove(struct routing *r, const struct id *id)
{
    if (r->bucket_count == 0)
        return;
    size_t index = routing_bucket_of(r, id);
    struct routing_node *node = bucket_find(&r->buckets[index], id);
    if (node != NULL)
        remove_member(r, index, node);
    else
        bucket_uncache(&r->buckets[index], id);
}

static enum routing_added cache_node(struct routing *r, size_t index,
                                     const struct candidate *candidate, uint64_t now_ms)
{
    struct bucket *b = &r->buckets[index];
    bool is_private = addr_is_private(&candidate->contact.addr);
    struct addr prefix = addr_prefix(&candidate->contact.addr);
    size_t same = 0;

    bucket_uncache(b, &candidate->contact.id);
    for (size_t i = 0; i < b->cache_count && !is_private; i++) {
        struct addr other = addr_prefix(&b->cache[i].contact.addr);
        same += addr_equal_ip(&other, &prefix);
    }
    if (same >= ROUTING_PREFIX_BUCKET_MAX || !bucket_cache(b, candidate))
        return ROUTING_REFUSED;
    if (b->cache_count == 1) /* its questionable members have become worth a ping */
        check_at(r, b, now_ms);
    return ROUTING_CACHED;
}

static enum routing_added add_node(struct routing *r, const struct candidate *candidate,
                                   uint64_t now_ms)
{
    const struct contact *contact = &candidate->contact;
    size_t index = routing_bucket_of(r, &contact->id);
    bool is_roomy = has_room(r, index, &contact->id);

    while (is_roomy && r->buckets[index].count == ROUTING_K &&
           bucket_find_dead(&r->buckets[index]) == NULL) {
        is_roomy = split_last(r); /* false without memory */
        index = routing_bucket_of(r, &contact->id);
    }
    if (is_capped(r, index, &contact->addr))
        return ROUTING_REFUSED;
    if (!is_roomy)
        return cache_node(r, index, candidate, now_ms);
    struct bucket *b = &r->buckets[index];
    struct routing_node *node = b->count < ROUTING_K ? bucket_extend(b) : NULL;
    bool is_taken = node == NULL;
    if (is_taken)
        node = bucket_find_dead(b);
    else
        r->node_count++;
    if (node == NULL)
        return ROUTING_REFUSED; /* without memory */
    changes_add(r->changes, is_taken ? &node->contact : NULL, contact);
    bucket_uncache(b, &contact->id);
    fill_node(node, candidate, now_ms);
    check_at(r, b, now_ms + ROUTING_QUESTIONABLE_MS);
    return ROUTING_ADDED;
}

static void refresh_node(struct routing *r, struct bucket *b, struct routing_node *node,
                         bool is_xord, uint32_t rtt_ms, uint64_t now_ms)
{
    if (node->fails >= ROUTING_FAILS_MAX) /* it was given up, and is back */
        changes_add(r->changes, NULL, &node->contact);
    node->fails = 0;
    node->is_pinged = false;
    node->is_xord = is_xord;
    node->answered_ms = now_ms;
    rtt_peer_add(&node->rtt, rtt_ms);
    check_at(r, b, now_ms + ROUTING_QUESTIONABLE_MS);
}

enum routing_added routing_answered(struct routing *r, const struct contact *contact, bool is_xord,
                                    uint32_t rtt_ms, uint64_t now_ms)
{
    if (contact->addr.family != r->family || id_equal(&contact->id, &r->self))
        return ROUTING_REFUSED;
    if (r->bucket_count == 0 && !add_first_bucket(r, now_ms))
        return ROUTING_REFUSED;
    struct bucket *b = &r->buckets[routing_bucket_of(r, &contact->id)];
    struct routing_node *namesake = bucket_find(b, &contact->id);
    if (namesake != NULL && addr_equal(&namesake->contact.addr, &contact->addr)) {
        refresh_node(r, b, namesake, is_xord, rtt_ms, now_ms);
        return ROUTING_UPDATED;
    }
    /* One id, one address: a live member keeps both, one that failed gives them up. */
    const struct routing_node *neighbour = find_addr(r, &contact->addr);
    if ((namesake != NULL && namesake->fails == 0) || (neighbour != NULL && neighbour->fails == 0))
        return ROUTING_REFUSED;
    if (neighbour != NULL) {
        struct id old = neighbour->contact.id;
        routing_remove(r, &old);
    }
    if (namesake != NULL)
        routing_remove(r, &contact->id);
    struct candidate candidate = {.contact = *contact, .is_xord = is_xord, .answered_ms = now_ms};
    rtt_peer_add(&candidate.rtt, rtt_ms);
    return add_node(r, &candidate, now_ms);
}

bool routing_queried_us(struct routing *r, const struct contact *contact, uint64_t now_ms)
{
    if (contact->addr.family != r->family || id_equal(&contact->id, &r->self))
        return true;
    if (r->bucket_count == 0)
        return false;
    size_t index = routing_bucket_of(r, &contact->id);
    struct routing_node *node = bucket_find(&r->buckets[index], &contact->id);
    if (node != NULL) {
        bool is_same = addr_equal(&node->contact.addr, &contact->addr);
        if (is_same)
            node->queried_us_ms = now_ms;
        return is_same || node->fails == 0;
    }
    if (!has_room(r, index, &contact->id))
        return true;
    node = find_addr(r, &contact->addr);
    return (node != NULL && node->fails == 0) || is_capped(r, index, &contact->addr);
}

/* The members that failed are pinged again together, when the one that failed least should be. */
static void schedule_retry(struct routing *r, struct bucket *b, uint64_t now_ms)
{
    unsigned least = UINT8_MAX;

    for (size_t i = 0; i < b->count; i++) {
        if (b->nodes[i].fails > 0 && !b->nodes[i].is_pinged && b->nodes[i].fails < least)
            least = b->nodes[i].fails;
    }
    unsigned doubled = least - 1 < RETRY_DOUBLED_MAX ? least - 1 : RETRY_DOUBLED_MAX;
    b->retry_ms = now_ms + ((uint64_t)RETRY_FIRST_MS << doubled);
    check_at(r, b, b->retry_ms);
}

/* The outcome for a node that is no member: it is no replacement either. Somebody may have told of
 * its id at an address that is not its own; that says nothing about it. */
static void fail_cached(struct bucket *b, const struct contact *contact)
{
    const struct candidate *cached = bucket_find_cached(b, &contact->id);

    if (cached != NULL && addr_equal(&cached->contact.addr, &contact->addr))
        bucket_uncache(b, &contact->id);
}

void routing_failed(struct routing *r, const struct contact *contact, uint64_t now_ms)
{
    if (r->bucket_count == 0)
        return;
    size_t index = routing_bucket_of(r, &contact->id);
    struct bucket *b = &r->buckets[index];
    struct routing_node *node = bucket_find(b, &contact->id);
    if (node == NULL) {
        fail_cached(b, contact);
        return;
    }
    if (!addr_equal(&node->contact.addr, &contact->addr))
        return;
    node->is_pinged = false;
    if (node->fails < UINT8_MAX)
        node->fails++;
    const struct candidate *replacement =
        node->fails >= ROUTING_FAILS_MAX ? find_replacement(r, index) : NULL;
    if (node->fails == ROUTING_FAILS_MAX || replacement != NULL)
        changes_add(r->changes, &node->contact, replacement != NULL ? &replacement->contact : NULL);
    if (replacement != NULL)
        promote(r, index, replacement, node, now_ms);
    else
        schedule_retry(r, b, now_ms);
}

const struct routing_node *routing_find(const struct routing *r, const struct contact *contact)
{
    if (r->bucket_count == 0)
        return NULL;
    const struct routing_node *node =
        bucket_find(&r->buckets[routing_bucket_of(r, &contact->id)], &contact->id);
    return node != NULL && addr_equal(&node->contact.addr, &contact->addr) ? node : NULL;
}

/* When this member should be pinged; UINT64_MAX: not as things are. */
static uint64_t node_due_ms(const struct bucket *b, const struct routing_node *node,
                            bool is_watched)
{
    if (node->is_pinged)
        return UINT64_MAX;
    if (node->fails > 0)
        return b->retry_ms;
    uint64_t heard_ms =
        node->answered_ms > node->queried_us_ms ? node->answered_ms : node->queried_us_ms;
    uint64_t due_ms = heard_ms + (is_watched ? ROUTING_QUESTIONABLE_MS : ROUTING_UNWATCHED_MS);
    uint64_t latest_ms = node->answered_ms + ROUTING_UNANSWERED_MS;
    return due_ms < latest_ms ? due_ms : latest_ms;
}

/* A member that is due, or NULL; then b->check_ms is exact. */
static struct routing_node *find_due(const struct routing *r, struct bucket *b, uint64_t now_ms)
{
    size_t index = (size_t)(b - r->buckets);
    bool is_watched = b->cache_count > 0 || index + NEAR_BUCKETS >= r->bucket_count;

    if (now_ms < b->check_ms)
        return NULL;
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < b->count; i++) {
        uint64_t due_ms = node_due_ms(b, &b->nodes[i], is_watched);
        if (due_ms <= now_ms)
            return &b->nodes[i];
        lower(&next_ms, due_ms);
    }
    b->check_ms = next_ms;
    return NULL;
}

bool routing_next_check(struct routing *r, uint64_t now_ms, struct contact *out)
{
    uint64_t next_ms = UINT64_MAX;

    if (now_ms < r->check_ms)
        return false;
    for (size_t i = r->bucket_count; i > 0; i--) { /* those near us first */
        struct bucket *b = &r->buckets[i - 1];
        struct routing_node *node = find_due(r, b, now_ms);
        if (node != NULL) {
            node->is_pinged = true;
            *out = node->contact;
            return true;
        }
        lower(&next_ms, b->check_ms);
    }
    r->check_ms = next_ms;
    return false;
}

/* A random id in this bucket. In the last one, each further bit is as likely to agree with ours as
 * not: so are ids spread that share at least so many. */
static void random_inside(const struct routing *r, size_t index, struct rng *rng, struct id *out)
{
    unsigned prefix = (unsigned)index;

    if (index + 1 == r->bucket_count) {
        while (prefix < ID_BITS - 1 && rng_below(rng, 2) == 0)
            prefix++;
    }
    id_random_at(out, &r->self, prefix, rng);
}

void routing_stagger(struct routing *r, uint64_t now_ms, struct rng *rng)
{
    for (size_t i = 0; i < r->bucket_count; i++) {
        r->buckets[i].touched_ms = now_ms;
        r->buckets[i].refresh_after_ms = rng_below(rng, ROUTING_REFRESH_MS);
        lower(&r->refresh_ms, now_ms + r->buckets[i].refresh_after_ms);
    }
}

bool routing_next_refresh(struct routing *r, uint64_t now_ms, struct rng *rng, struct id *target)
{
    uint64_t next_ms = UINT64_MAX;

    if (now_ms < r->refresh_ms)
        return false;
    for (size_t i = 0; i < r->bucket_count; i++) {
        struct bucket *b = &r->buckets[i];
        uint64_t due_ms = b->touched_ms + b->refresh_after_ms;
        if (due_ms <= now_ms) {
            b->touched_ms = now_ms;
            b->refresh_after_ms = ROUTING_REFRESH_MS - rng_below(rng, ROUTING_REFRESH_JITTER_MS);
            random_inside(r, i, rng, target);
            return true;
        }
        lower(&next_ms, due_ms);
    }
    r->refresh_ms = next_ms;
    return false;
}

uint64_t routing_next_ms(const struct routing *r)
{
    return r->check_ms < r->refresh_ms ? r->check_ms : r->refresh_ms;
}

void routing_touch(struct routing *r, const struct id *target, uint64_t now_ms)
{
    if (r->bucket_count > 0)
        r->buckets[routing_bucket_of(r, target)].touched_ms = now_ms;
}

const struct routing_node *routing_each(const struct routing *r, size_t *bucket, size_t *index)
{
    while (*bucket < r->bucket_count) {
        const struct bucket *b = &r->buckets[*bucket];
        if (*index < b->count)
            return &b->nodes[(*index)++];
        ++*bucket;
        *index = 0;
    }
    return NULL;
}

size_t routing_live_count(const struct routing *r)
{
    const struct routing_node *member;
    size_t bucket = 0, index = 0, live = 0;
    while ((member = routing_each(r, &bucket, &index)) != NULL)
        live += member->fails == 0;
    return live;
}
