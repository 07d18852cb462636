#include "daemon/dht/lookup/lookup.h"

#include <assert.h>
#include <stdlib.h>

#include "common/sorted.h"

#define LOOKUP_START 16 /* the first allocation: a reply's contacts and our own table's */

static_assert(LOOKUP_CANDIDATES % LOOKUP_START == 0, "growth by doubling ends at the limit");

void lookup_init(struct lookup *l, const struct id *target, const struct id *self, unsigned k,
                 unsigned alpha)
{
    assert(k > 0 && k <= LOOKUP_CANDIDATES && alpha > 0 && alpha <= UINT8_MAX);
    *l =
        (struct lookup){.target = *target, .self = *self, .k = (uint8_t)k, .alpha = (uint8_t)alpha};
}

void lookup_clear(struct lookup *l)
{
    free(l->candidates);
    l->candidates = NULL;
    l->count = l->capacity = 0;
}

static struct lookup_candidate *find(const struct lookup *l, const struct addr *addr)
{
    for (size_t i = 0; i < l->count; i++)
        if (addr_equal(&l->candidates[i].contact.addr, addr))
            return &l->candidates[i];
    return NULL;
}

struct sought {
    const struct id *target, *id;
};

static int compare(const void *key, const void *item)
{
    const struct sought *sought = key;
    const struct lookup_candidate *c = item;
    return c->has_id ? id_compare_distance(sought->target, sought->id, &c->contact.id) : -1;
}

/* How many known ids are nearer than `id`: where it belongs. *is_known when it is there already.
 * Candidates without an id lie behind all that have one. */
static size_t place_of(const struct lookup *l, const struct id *id, bool *is_known)
{
    const struct sorted sorted = {l->candidates, l->count, sizeof(l->candidates[0])};
    const struct sought sought = {&l->target, id};
    return sorted_place(&sorted, &sought, compare, is_known);
}

static void remove_at(struct lookup *l, size_t at)
{
    l->count--;
    memmove(&l->candidates[at], &l->candidates[at + 1], (l->count - at) * sizeof(l->candidates[0]));
}

static bool make_room(struct lookup *l)
{
    if (l->count < l->capacity)
        return true;
    if (l->count == LOOKUP_CANDIDATES) {
        /* The farthest falls out. Had it been asked, its answer will find no candidate. */
        l->count--;
        return true;
    }
    uint16_t capacity = l->capacity == 0 ? LOOKUP_START : (uint16_t)(2 * l->capacity);
    struct lookup_candidate *grown = realloc(l->candidates, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    l->candidates = grown;
    l->capacity = capacity;
    return true;
}

static bool insert_at(struct lookup *l, size_t at, const struct lookup_candidate *candidate)
{
    if (at >= LOOKUP_CANDIDATES || !make_room(l))
        return false;
    memmove(&l->candidates[at + 1], &l->candidates[at], (l->count - at) * sizeof(l->candidates[0]));
    l->candidates[at] = *candidate;
    l->count++;
    return true;
}

static bool can_retry(const struct lookup_candidate *c)
{
    return c->is_retriable && c->tries < LOOKUP_TRIES;
}

/* The same id at another address: whoever named the first one may have lied, so when nobody
 * answered there, the second gets its chance. */
static bool move_dead(struct lookup_candidate *c, const struct contact *contact, unsigned hop)
{
    bool is_lost = c->state == LOOKUP_DEAD || (c->state == LOOKUP_LATE && !can_retry(c));
    if (!is_lost || !addr_is_usable(&contact->addr) || addr_equal(&c->contact.addr, &contact->addr))
        return false;
    *c = (struct lookup_candidate){
        .contact = *contact, .hop = (uint8_t)(hop < UINT8_MAX ? hop : UINT8_MAX), .has_id = true};
    return true;
}

bool lookup_add(struct lookup *l, const struct contact *contact, unsigned hop, bool is_retriable)
{
    bool is_known;
    size_t at = place_of(l, &contact->id, &is_known);
    if (is_known)
        return move_dead(&l->candidates[at], contact, hop);
    if (at >= LOOKUP_CANDIDATES || id_equal(&contact->id, &l->self) ||
        !addr_is_usable(&contact->addr) || find(l, &contact->addr) != NULL)
        return false;
    struct lookup_candidate candidate = {.contact = *contact,
                                         .hop = (uint8_t)(hop < UINT8_MAX ? hop : UINT8_MAX),
                                         .has_id = true,
                                         .is_retriable = is_retriable};
    return insert_at(l, at, &candidate);
}

void lookup_trust(struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++)
        l->candidates[i].was_live = true;
}

bool lookup_add_unknown(struct lookup *l, const struct addr *addr)
{
    if (!addr_is_usable(addr) || find(l, addr) != NULL)
        return false;
    struct lookup_candidate candidate = {.contact.addr = *addr, .is_retriable = true};
    return insert_at(l, l->count, &candidate);
}

static bool should_ask(const struct lookup_candidate *c)
{
    return c->state == LOOKUP_FRESH || (c->state == LOOKUP_LATE && can_retry(c));
}

/* Whether it takes one of the k places within which contacts are asked. One that was late once
 * takes none, even while it is asked again: that is the hedge. */
static bool holds_place(const struct lookup_candidate *c)
{
    return c->state == LOOKUP_ANSWERED || (c->state == LOOKUP_ASKED && c->tries == 1);
}

static struct lookup_candidate *pick(struct lookup *l)
{
    if (lookup_is_done(l))
        return NULL;
    for (size_t i = l->count; i-- > 0 && !l->candidates[i].has_id;)
        if (should_ask(&l->candidates[i]))
            return &l->candidates[i];
    unsigned placed = 0;
    for (size_t i = 0; i < l->count && placed < l->k; i++) {
        if (should_ask(&l->candidates[i]))
            return &l->candidates[i];
        placed += holds_place(&l->candidates[i]);
    }
    return NULL;
}

struct lookup_candidate *lookup_next(struct lookup *l)
{
    unsigned asked = 0;
    for (size_t i = 0; i < l->count; i++)
        asked += l->candidates[i].state == LOOKUP_ASKED;
    if (asked >= l->alpha)
        return NULL;
    struct lookup_candidate *c = pick(l);
    if (c == NULL)
        return NULL;
    c->state = LOOKUP_ASKED;
    c->tries++;
    l->asked++;
    return c;
}

/* Moves a candidate whose id has just become known to its place. NULL when the id is our own, or
 * that of another that answered already; one that did not answer makes way. */
static struct lookup_candidate *settle(struct lookup *l, struct lookup_candidate *c,
                                       const struct id *id)
{
    struct lookup_candidate moved = *c;
    moved.contact.id = *id;
    moved.has_id = true;
    bool is_known;
    size_t at = place_of(l, id, &is_known);
    if (id_equal(id, &l->self) || (is_known && l->candidates[at].state == LOOKUP_ANSWERED)) {
        c->state = LOOKUP_DEAD;
        return NULL;
    }
    remove_at(l, (size_t)(c - l->candidates));
    if (is_known)
        remove_at(l, at);
    bool is_inserted = insert_at(l, at, &moved);
    assert(is_inserted);
    return &l->candidates[at];
}

struct lookup_candidate *lookup_answered(struct lookup *l, const struct addr *from,
                                         const struct id *id, uint32_t rtt_ms)
{
    struct lookup_candidate *c = find(l, from);
    if (c == NULL || c->state == LOOKUP_DEAD)
        return NULL;
    if (!c->has_id)
        c = settle(l, c, id);
    if (c == NULL)
        return NULL;
    if (!id_equal(&c->contact.id, id)) {
        c->state = LOOKUP_DEAD;
        return NULL;
    }
    if (c->state != LOOKUP_ANSWERED) {
        c->state = LOOKUP_ANSWERED;
        c->rtt_ms = rtt_ms;
        l->answered++;
    }
    return c;
}

void lookup_late(struct lookup *l, const struct addr *addr)
{
    struct lookup_candidate *c = find(l, addr);
    if (c != NULL && (c->state == LOOKUP_ASKED || c->state == LOOKUP_PROBED))
        c->state = LOOKUP_LATE;
}

void lookup_probed(struct lookup *l, const struct addr *addr)
{
    struct lookup_candidate *c = find(l, addr);
    if (c != NULL && c->state == LOOKUP_ASKED)
        c->state = LOOKUP_PROBED;
}

void lookup_alive(struct lookup *l, const struct addr *addr)
{
    struct lookup_candidate *c = find(l, addr);
    if (c != NULL && c->state == LOOKUP_PROBED)
        c->state = LOOKUP_ASKED;
}

void lookup_dead(struct lookup *l, const struct addr *addr)
{
    struct lookup_candidate *c = find(l, addr);
    if (c != NULL && c->state != LOOKUP_ANSWERED)
        c->state = LOOKUP_DEAD;
}

void lookup_silent(struct lookup *l, const struct addr *addr, unsigned tries)
{
    struct lookup_candidate *c = find(l, addr);
    if (c == NULL || c->state == LOOKUP_ANSWERED || c->state == LOOKUP_DEAD || c->tries != tries)
        return;
    c->state = LOOKUP_DEAD;
    c->is_silent = true;
}

/* The nearest up to the k-th that answered: how many they are, and how many of them did answer. */
static size_t within(const struct lookup *l, unsigned k, unsigned *answered)
{
    size_t count = 0;
    for (*answered = 0; count < l->count && *answered < k; count++)
        *answered += l->candidates[count].state == LOOKUP_ANSWERED;
    return count;
}

static void allow_retry(struct lookup_candidate *c)
{
    c->is_retriable = true;
    if (c->state == LOOKUP_DEAD && c->is_silent && c->tries < LOOKUP_TRIES)
        c->state = LOOKUP_LATE;
}

bool lookup_widen(struct lookup *l, unsigned k, unsigned alpha)
{
    assert(k >= l->k && k <= LOOKUP_CANDIDATES && alpha >= l->alpha);
    unsigned answered;
    size_t count = within(l, l->k, &answered);
    if (answered == 0 || answered == count)
        return false;
    for (size_t i = 0; i < count; i++)
        allow_retry(&l->candidates[i]);
    l->k = (uint8_t)k;
    l->alpha = (uint8_t)alpha;
    return true;
}

bool lookup_is_exhausted(const struct lookup *l)
{
    unsigned answered = 0;
    for (size_t i = 0; i < l->count && answered < l->k; i++) {
        const struct lookup_candidate *c = &l->candidates[i];
        if (c->state == LOOKUP_ASKED || c->state == LOOKUP_PROBED || should_ask(c))
            return false;
        answered += c->state == LOOKUP_ANSWERED;
    }
    return true;
}

/* While nobody has answered at all, a network slower than we believed is likelier than one that is
 * dead, so the late ones are worth waiting for. */
bool lookup_is_done(const struct lookup *l)
{
    unsigned answered = 0, late = 0;
    for (size_t i = 0; i < l->count; i++) {
        answered += l->candidates[i].state == LOOKUP_ANSWERED;
        late += l->candidates[i].state == LOOKUP_LATE;
    }
    return (answered > 0 || late == 0) && lookup_is_exhausted(l);
}

bool lookup_has_doubt(const struct lookup *l)
{
    unsigned answered;
    size_t count = within(l, LOOKUP_K, &answered);
    for (size_t i = 0; i < count; i++) {
        const struct lookup_candidate *c = &l->candidates[i];
        bool has_spoken = c->state == LOOKUP_ANSWERED || (c->state == LOOKUP_DEAD && !c->is_silent);
        if (c->was_live && !has_spoken)
            return true;
    }
    return false;
}

size_t lookup_closest(const struct lookup *l, const struct lookup_candidate *out[], size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < l->count && count < max; i++)
        if (l->candidates[i].state == LOOKUP_ANSWERED)
            out[count++] = &l->candidates[i];
    return count;
}

unsigned lookup_hops(const struct lookup *l)
{
    unsigned hops = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->candidates[i].state == LOOKUP_ANSWERED && l->candidates[i].hop > hops)
            hops = l->candidates[i].hop;
    return hops;
}
