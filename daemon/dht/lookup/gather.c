#include "daemon/dht/lookup/gather.h"

#define TAG_FETCH  0x80000000u
#define TAG_PLACES 32u /* holders or fetches: the low bits; the rest is a serial number */

_Static_assert(GATHER_HOLDERS_MAX <= TAG_PLACES && GATHER_FETCHES_MAX <= TAG_PLACES, "tags");

static uint32_t tag_of(uint32_t kind, uint32_t serial, uint32_t place)
{
    return kind | ((serial * TAG_PLACES + place) & ~TAG_FETCH);
}

bool gather_tag_is_fetch(uint32_t tag)
{
    return (tag & TAG_FETCH) != 0;
}

void gather_init(struct gather *g, const uint8_t hash_key[HASH_KEY_SIZE], struct claims_pool *pool)
{
    *g = (struct gather){0};
    claims_init(&g->claims, hash_key, pool);
}

void gather_clear(struct gather *g)
{
    claims_clear(&g->claims);
}

static void take_token(struct gather_holder *holder, struct bytes token)
{
    if (token.data == NULL || token.size > LOOKUP_TOKEN_MAX)
        return;
    holder->token_size = (uint8_t)token.size;
    memcpy(holder->token, token.data, token.size);
}

void gather_add_holder(struct gather *g, const struct contact *contact, struct bytes token)
{
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (id_equal(&g->holders[i].contact.id, &contact->id))
            return;
    if (g->holder_count == GATHER_HOLDERS_MAX || token.data == NULL) {
        g->has_overflown |= token.data != NULL;
        return;
    }
    struct gather_holder *holder = &g->holders[g->holder_count++];
    *holder = (struct gather_holder){.contact = *contact};
    take_token(holder, token);
}

static bool can_be_asked(const struct gather_holder *holder)
{
    return !holder->is_silent && !holder->is_dropped;
}

static uint32_t askable(const struct gather *g)
{
    uint32_t holders = 0;
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (can_be_asked(&g->holders[i]))
            holders |= 1u << i;
    return holders;
}

static void ask_of(const struct gather_holder *holder, uint32_t tag, struct gather_ask *ask)
{
    *ask = (struct gather_ask){
        .to = holder->contact,
        .token = bytes_of(holder->token, holder->token_size),
        .tag = tag,
        .has_position = holder->has_position,
        .position = holder->position,
    };
}

static bool next_page(struct gather *g, uint32_t index, struct gather_ask *ask)
{
    struct gather_holder *holder = &g->holders[index];
    if (!can_be_asked(holder) || holder->is_listed || holder->is_listing)
        return false;
    holder->is_listing = true;
    ask_of(holder, tag_of(0, holder->page, index), ask);
    return true;
}

static uint32_t free_fetch(const struct gather *g)
{
    uint32_t i = 0;
    while (i < GATHER_FETCHES_MAX && g->fetches[i].is_used)
        i++;
    return i;
}

static bool next_fetch(struct gather *g, uint32_t index, struct gather_ask *ask)
{
    struct gather_holder *holder = &g->holders[index];
    uint32_t slot = free_fetch(g);
    if (!can_be_asked(holder) || holder->fetches >= GATHER_HOLDER_FETCHES ||
        slot == GATHER_FETCHES_MAX)
        return false;
    struct gather_fetch *fetch = &g->fetches[slot];
    size_t count =
        claims_choose(&g->claims, index, fetch->turns, MULTI_KEYS_MAX, GATHER_REPLY_BYTES);
    if (count == 0)
        return false;
    fetch->is_used = true;
    fetch->holder = (uint8_t)index;
    fetch->count = (uint8_t)count;
    fetch->serial = ++g->fetch_serial;
    holder->fetches++;
    ask_of(holder, tag_of(TAG_FETCH, fetch->serial, slot), ask);
    ask->is_fetch = true;
    ask->key_count = count;
    for (size_t i = 0; i < count; i++)
        ask->keys[i] = *claims_key(&g->claims, fetch->turns[i]);
    return true;
}

/* Holders take turns, so that none brings much more than the others. */
static bool next_turn(struct gather *g, bool is_late, struct gather_ask *ask)
{
    for (unsigned busy = 0; busy < GATHER_HOLDER_FETCHES; busy++)
        for (uint32_t i = 0; i < g->holder_count; i++)
            if (g->holders[i].fetches == busy && (g->holders[i].silences > 0) == is_late &&
                next_fetch(g, i, ask))
                return true;
    return false;
}

/* What one was silent about another is asked for first, where there is one. */
bool gather_next(struct gather *g, struct gather_ask *ask)
{
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (next_page(g, i, ask))
            return true;
    return next_turn(g, false, ask) || next_turn(g, true, ask);
}

/* The holder whose present page this is; NULL for an earlier one's. */
static struct gather_holder *holder_of(struct gather *g, uint32_t tag)
{
    uint32_t index = tag % TAG_PLACES;
    if (gather_tag_is_fetch(tag) || index >= g->holder_count ||
        tag != tag_of(0, g->holders[index].page, index))
        return NULL;
    return &g->holders[index];
}

/* Likewise the fetch, which is then over. */
static struct gather_fetch *end_fetch(struct gather *g, uint32_t tag)
{
    struct gather_fetch *fetch = &g->fetches[tag % TAG_PLACES];
    if (!gather_tag_is_fetch(tag) || !fetch->is_used ||
        tag != tag_of(TAG_FETCH, fetch->serial, tag % TAG_PLACES))
        return NULL;
    fetch->is_used = false;
    g->holders[fetch->holder].fetches--;
    return fetch;
}

static void drop(struct gather *g, struct gather_holder *holder)
{
    holder->is_dropped = true;
    claims_forget(&g->claims, (unsigned)(holder - g->holders));
}

static void was_silent(struct gather_holder *holder, unsigned weight)
{
    holder->silences = (uint8_t)(holder->silences + weight);
    if (holder->silences >= GATHER_SILENCES_MAX)
        holder->is_silent = true;
}

void gather_heard(struct gather *g, const struct id *id)
{
    for (uint32_t i = 0; i < g->holder_count; i++) {
        if (id_equal(&g->holders[i].contact.id, id)) {
            g->holders[i].silences = 0;
            g->holders[i].is_silent = false;
        }
    }
}

static void was_refused(struct gather_holder *holder, struct bytes token)
{
    take_token(holder, token);
    holder->is_silent = ++holder->refusals >= GATHER_REFUSALS_MAX;
}

static bool take_page(struct gather *g, struct gather_holder *holder, const struct krpc *reply)
{
    struct multi_brief brief;
    size_t count = reply->briefs.size / MULTI_BRIEF_SIZE;
    if (count == 0 || count > MULTI_ENTRIES_MAX - holder->claimed)
        return false;
    holder->claimed += (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!multi_read_brief(reply->briefs, i, &brief))
            return false;
        if (!claims_add(&g->claims, (unsigned)(holder - g->holders), &brief)) {
            g->has_overflown = holder->is_listed = true; /* what it said before still counts */
            return true;
        }
    }
    return true;
}

/* Moves on to the next page. False when the positions do not go on. */
static bool go_on(struct gather_holder *holder, struct bytes next)
{
    struct store_position position;
    if (!multi_read_position(next, &position) ||
        (holder->has_position && multi_position_compare(&position, &holder->position) <= 0))
        return false;
    holder->has_position = true;
    holder->position = position;
    holder->page++;
    return true;
}

void gather_listed(struct gather *g, uint32_t tag, const struct krpc *reply)
{
    struct gather_holder *holder = holder_of(g, tag);
    if (holder == NULL || holder->is_listed)
        return;
    holder->is_listing = false;
    if (reply->briefs.data == NULL && reply->token.data != NULL) { /* ours was too old */
        was_refused(holder, reply->token);
        return;
    }
    holder->is_listed = reply->next.data == NULL;
    if (reply->briefs.size > 0 && !take_page(g, holder, reply))
        drop(g, holder);
    else if (!holder->is_listed && (reply->briefs.size == 0 || !go_on(holder, reply->next)))
        drop(g, holder);
}

/* What came late, when it was asked for again already, leaves nothing to take of the same first
 * entries: the others are no lies for that. Each time something has come, so there is an end. */
void gather_fetched(struct gather *g, uint32_t tag, const struct krpc *reply, size_t taken)
{
    struct gather_fetch *fetch = end_fetch(g, tag);
    if (fetch == NULL)
        return;
    struct gather_holder *holder = &g->holders[fetch->holder];
    bool is_refused = reply->entries.data == NULL;
    bool is_denial =
        !is_refused && taken == 0 && !claims_has_come(&g->claims, fetch->turns, fetch->count);
    if (is_refused)
        was_refused(holder, reply->token);
    holder->denials = is_denial ? (uint8_t)(holder->denials + 1) : 0;
    claims_release(&g->claims, fetch->holder, fetch->turns, fetch->count,
                   is_denial ? CLAIMS_DENIED : CLAIMS_AGAIN);
    if (holder->denials >= GATHER_DENIALS_MAX)
        drop(g, holder);
}

static void end_fetch_silent(struct gather *g, uint32_t tag)
{
    struct gather_fetch *fetch = end_fetch(g, tag);
    if (fetch == NULL)
        return;
    claims_release(&g->claims, fetch->holder, fetch->turns, fetch->count, CLAIMS_SILENT);
    was_silent(&g->holders[fetch->holder], 1);
}

void gather_late(struct gather *g, uint32_t tag)
{
    struct gather_holder *holder = holder_of(g, tag);
    if (holder != NULL && holder->is_listing) {
        holder->is_listing = false;
        was_silent(holder, 2);
    }
    end_fetch_silent(g, tag);
}

void gather_refused(struct gather *g, uint32_t tag)
{
    gather_late(g, tag);
}

bool gather_is_waiting(const struct gather *g)
{
    for (uint32_t i = 0; i < GATHER_FETCHES_MAX; i++)
        if (g->fetches[i].is_used)
            return true;
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (g->holders[i].is_listing)
            return true;
    return false;
}

bool gather_is_done(struct gather *g)
{
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (can_be_asked(&g->holders[i]) && !g->holders[i].is_listed)
            return false;
    return !gather_is_waiting(g) && !claims_is_open(&g->claims, askable(g));
}

bool gather_is_listed(const struct gather *g)
{
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (!g->holders[i].is_listed || g->holders[i].is_dropped)
            return false;
    return true;
}

bool gather_is_whole(const struct gather *g)
{
    for (uint32_t i = 0; i < g->holder_count; i++)
        if (g->holders[i].is_silent && !g->holders[i].is_listed)
            return false;
    return !g->has_overflown && !g->claims.is_short && !claims_is_missing(&g->claims);
}
