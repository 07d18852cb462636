#include "daemon/dht/ops/search.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"

#define SEEDS_MAX          16 /* table contacts a lookup starts from: two buckets' worth */
#define WIDE_ALPHA         (2 * LOOKUP_ALPHA) /* the silent have cost time enough */
#define REPLY_CONTACTS_MAX KRPC_NODES_WIDE    /* read from one list of a reply; BEP 5 sends 8 */

static void add_known(struct search *s, unsigned index, const struct contact *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lookup_add(&s->lookups[index], &known[i], 0, true);
}

static void seed_family(struct search *s, struct node *node, unsigned index)
{
    struct contact seeds[SEEDS_MAX];
    struct lookup *lookup = &s->lookups[index];
    size_t live = node_closest(node, s->method, index, &s->target, seeds, SEEDS_MAX);
    add_known(s, index, seeds, live);
    lookup_trust(lookup);
    if (live >= LOOKUP_K)
        return;
    const struct routing *table = node_table(node, s->method, index);
    size_t all = routing_closest(table, &s->target, true, seeds, SEEDS_MAX);
    for (size_t i = live; i < all; i++)
        lookup_add(lookup, &seeds[i], 0, false);
    if (live > 0 || s->is_among_xord)
        return;
    for (size_t i = 0; i < node->maintain.bootstrap_count; i++)
        if (family_index(node->maintain.bootstrap[i].family) == index)
            lookup_add_unknown(lookup, &node->maintain.bootstrap[i]);
}

void search_start(struct search *s, struct node *node, struct now now, enum krpc_method method,
                  const struct id *target, unsigned k)
{
    struct overlay *overlay = node_overlay(node, method);
    *s = (struct search){
        .method = method,
        .target = *target,
        .is_among_xord = overlay != NULL,
        .started_ms = now.ms,
    };
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++) {
        if (!node->has_family[i])
            continue;
        s->is_used[i] = true;
        lookup_init(&s->lookups[i], target, &node->id, k, LOOKUP_ALPHA);
        seed_family(s, node, i);
        routing_touch(overlay != NULL ? &overlay->tables[i] : &node->tables[i], target, now.ms);
    }
}

void search_clear(struct search *s)
{
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++)
        if (s->is_used[i])
            lookup_clear(&s->lookups[i]);
    *s = (struct search){0};
}

static struct krpc message_of(const struct search *s, const struct node *node)
{
    bool is_of_both = node->has_family[FAMILY_V4] && node->has_family[FAMILY_V6];
    return (struct krpc){
        .method = s->method,
        .has_target = true,
        .target = s->target,
        .keys = s->keys,
        .has_seq = s->has_seq,
        .seq = s->seq,
        .command = s->command,
        .v = s->v,
        .want_v4 = is_of_both,
        .want_v6 = is_of_both,
    };
}

/* A command is sent anew as the same packet: a program must not run twice for it. */
static bool ask_again(struct search *s, struct node *node, struct now now, uint64_t owner,
                      const struct lookup_candidate *candidate, struct outbox *out)
{
    const struct krpc message = message_of(s, node);
    struct inflight_query *sent =
        inflight_find(node->inflight, owner, QUERY_SEARCH, &candidate->contact.addr);
    if (sent == NULL)
        return false;
    sent->owner_index = candidate->tries;
    return query_again(node, now, sent->t, &message,
                       query_timeout_ms(node, &candidate->contact, candidate->has_id), out);
}

static bool ask(struct search *s, struct node *node, struct now now, uint64_t owner,
                const struct lookup_candidate *candidate, struct outbox *out)
{
    const struct krpc message = message_of(s, node);
    const struct query query = {
        .purpose = QUERY_SEARCH,
        .contact = candidate->contact,
        .has_id = candidate->has_id,
        .is_xord = candidate->is_xord || s->is_among_xord,
        .owner = owner,
        .owner_index = candidate->tries,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

bool search_step(struct search *s, struct node *node, struct now now, uint64_t owner,
                 struct outbox *out)
{
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++) {
        if (!s->is_used[i])
            continue;
        const struct lookup_candidate *next;
        while ((next = lookup_next(&s->lookups[i])) != NULL) {
            const struct addr addr = next->contact.addr;
            bool is_again = s->method == KRPC_COMMAND && next->tries > 1;
            if (!(is_again ? ask_again : ask)(s, node, now, owner, next, out))
                lookup_dead(&s->lookups[i], &addr);
            else if (watch_is_on(node, WATCH_LOOKUPS))
                watch_asked(node, owner, next, out);
        }
    }
    return search_is_complete(s);
}

bool search_widen(struct search *s, struct node *node)
{
    struct contact known[SEARCH_WIDE];
    if (s->is_wide)
        return false;
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++) {
        if (!s->is_used[i] || !lookup_widen(&s->lookups[i], SEARCH_WIDE, WIDE_ALPHA))
            continue;
        s->is_wide = s->is_exact = true;
        add_known(s, i, known, node_closest(node, s->method, i, &s->target, known, SEARCH_WIDE));
        add_known(s, i, known,
                  routing_spares(node_table(node, s->method, i), &s->target, known, SEARCH_WIDE));
    }
    return s->is_wide;
}

/* A contact that a peer on the public network places inside a private one is a lie or a mistake. */
static bool is_plausible(const struct addr *contact, const struct addr *from)
{
    return addr_is_usable(contact) && (addr_is_private(from) || !addr_is_private(contact));
}

static void add_listed(struct search *s, struct bytes list, enum addr_family family, unsigned hop,
                       const struct addr *from)
{
    unsigned index = family_index(family);
    if (!s->is_used[index])
        return;
    struct contact contact;
    for (size_t i = 0; i < REPLY_CONTACTS_MAX; i++) {
        if (!krpc_read_contact(list, family, i, &contact.id, &contact.addr))
            return;
        if (is_plausible(&contact.addr, from))
            lookup_add(&s->lookups[index], &contact, hop, s->is_exact);
    }
}

struct lookup_candidate *search_answered(struct search *s, struct now now,
                                         const struct inflight_query *query,
                                         const struct krpc *reply)
{
    unsigned index = family_index(query->contact.addr.family);
    struct lookup *lookup = &s->lookups[index];
    const struct addr *from = &query->contact.addr;
    if (s->is_among_xord && !krpc_is_xord(reply)) {
        lookup_dead(lookup, from);
        return NULL;
    }
    struct lookup_candidate *candidate =
        lookup_answered(lookup, from, &reply->id, (uint32_t)(now.ms - query->sent_ms));
    if (candidate == NULL)
        return NULL;
    if (reply->token.data != NULL && reply->token.size <= LOOKUP_TOKEN_MAX) {
        candidate->token_size = (uint8_t)reply->token.size;
        memcpy(candidate->token, reply->token.data, reply->token.size);
    }
    candidate->is_xord = krpc_is_xord(reply);
    unsigned hop = candidate->hop + 1u;
    const struct id id = candidate->contact.id;
    add_listed(s, reply->nodes, ADDR_V4, hop, from);
    add_listed(s, reply->nodes6, ADDR_V6, hop, from);
    /* Adding may have moved or replaced candidates: look it up again by what it is. */
    for (unsigned i = 0; i < lookup->count; i++)
        if (lookup->candidates[i].has_id && id_equal(&lookup->candidates[i].contact.id, &id))
            return &lookup->candidates[i];
    return NULL;
}

static bool may_retry(const struct lookup *lookup, const struct addr *addr)
{
    for (unsigned i = 0; i < lookup->count; i++) {
        const struct lookup_candidate *candidate = &lookup->candidates[i];
        if (addr_equal(&candidate->contact.addr, addr))
            return candidate->is_retriable && candidate->tries < LOOKUP_TRIES;
    }
    return false;
}

void search_late(struct search *s, struct node *node, struct now now,
                 const struct inflight_query *query)
{
    unsigned index = family_index(query->contact.addr.family);
    lookup_late(&s->lookups[index], &query->contact.addr);
    /* Only a peer that also lost its second chance counts as failed: one lost packet is no death.
     */
    if (query->has_id && !may_retry(&s->lookups[index], &query->contact.addr))
        maintain_failed(node, now, &query->contact);
}

/* Where one family answers, the other is not waited for beyond its time: it may lead nowhere. */
bool search_is_complete(const struct search *s)
{
    bool is_answered = false, is_complete = true;
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++)
        is_answered = is_answered || (s->is_used[i] && s->lookups[i].answered > 0);
    for (unsigned i = 0; i < SEARCH_FAMILIES && is_complete; i++)
        if (s->is_used[i])
            is_complete =
                is_answered ? lookup_is_exhausted(&s->lookups[i]) : lookup_is_done(&s->lookups[i]);
    return is_complete;
}

bool search_has_doubt(const struct search *s)
{
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++)
        if (s->is_used[i] && lookup_has_doubt(&s->lookups[i]))
            return true;
    return false;
}

void search_probed(struct search *s, const struct inflight_query *query)
{
    lookup_probed(&s->lookups[family_index(query->contact.addr.family)], &query->contact.addr);
}

void search_alive(struct search *s, struct node *node, struct now now, const struct addr *addr,
                  uint32_t t, uint32_t patience_ms, struct outbox *out)
{
    const struct krpc message = message_of(s, node);
    if (query_again(node, now, t, &message, patience_ms, out))
        lookup_alive(&s->lookups[family_index(addr->family)], addr);
}

bool search_is_waiting(const struct search *s)
{
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++)
        for (unsigned c = 0; s->is_used[i] && c < s->lookups[i].count; c++)
            if (s->lookups[i].candidates[c].state == LOOKUP_ASKED)
                return true;
    return false;
}

void search_end(struct search *s, struct node *node, struct now now)
{
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++) {
        for (unsigned c = 0; s->is_used[i] && c < s->lookups[i].count; c++) {
            const struct lookup_candidate *candidate = &s->lookups[i].candidates[c];
            if (candidate->state == LOOKUP_LATE && candidate->is_retriable && candidate->has_id &&
                candidate->tries < LOOKUP_TRIES)
                maintain_failed(node, now, &candidate->contact);
        }
    }
}

void search_silent(struct search *s, const struct inflight_query *query)
{
    lookup_silent(&s->lookups[family_index(query->contact.addr.family)], &query->contact.addr,
                  query->owner_index);
}

void search_refused(struct search *s, const struct inflight_query *query)
{
    lookup_dead(&s->lookups[family_index(query->contact.addr.family)], &query->contact.addr);
}

size_t search_closest(const struct search *s, const struct lookup_candidate *out[], size_t max)
{
    const struct lookup_candidate *found[SEARCH_FAMILIES][LOOKUP_CANDIDATES];
    size_t count[SEARCH_FAMILIES] = {0}, at[SEARCH_FAMILIES] = {0}, total = 0;
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++)
        if (s->is_used[i])
            count[i] = lookup_closest(&s->lookups[i], found[i], LOOKUP_CANDIDATES);
    while (total < max && (at[0] < count[0] || at[1] < count[1])) {
        unsigned pick = at[0] < count[0] ? 0 : 1;
        if (at[0] < count[0] && at[1] < count[1] &&
            id_compare_distance(&s->target, &found[1][at[1]]->contact.id,
                                &found[0][at[0]]->contact.id) < 0)
            pick = 1;
        const struct lookup_candidate *next = found[pick][at[pick]++];
        if (total > 0 && id_equal(&out[total - 1]->contact.id, &next->contact.id))
            continue;
        out[total++] = next;
    }
    return total;
}

void search_stats(const struct search *s, struct now now, struct lookup_stats *out)
{
    *out = (struct lookup_stats){.ms = (uint32_t)(now.ms - s->started_ms)};
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++) {
        if (!s->is_used[i])
            continue;
        out->queried += s->lookups[i].asked;
        out->replied += s->lookups[i].answered;
        unsigned hops = lookup_hops(&s->lookups[i]);
        if (hops > out->hops)
            out->hops = hops;
    }
}
