#include "daemon/dht/listen/sources.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define CAPACITY_FIRST 4u
/* Given up in a packet that is full of renewals. */
#define GONE_BESIDE                                                                                \
    ((SOURCES_BATCH_BYTES - SOURCES_BATCH * SOURCES_RENEWAL_SIZE) / SOURCES_SUB_SIZE)

static struct source_peer *peer_of(struct chain_link *link)
{
    return (struct source_peer *)((char *)link - offsetof(struct source_peer, by_addr));
}

struct source_peer *sources_peer(const struct sources *s, const struct addr *addr)
{
    struct chain_link *link = chains_first(&s->by_addr, addr_hash(addr, s->hash_salt));
    while (link != NULL && !addr_equal(&peer_of(link)->contact.addr, addr))
        link = chains_next(link);
    return link != NULL ? peer_of(link) : NULL;
}

void sources_mask(const struct sources *s, const struct addr *addr, uint8_t out[SOURCES_SUB_SIZE])
{
    uint8_t compact[ADDR_COMPACT_V6];
    uint64_t mask = hash_keyed(s->mask_key, bytes_of(compact, addr_to_compact(addr, compact)));
    _Static_assert(sizeof mask == SOURCES_SUB_SIZE, "as long as an id");
    memcpy(out, &mask, sizeof mask);
}

struct source_peer *sources_due(const struct sources *s, struct now now)
{
    return alarms_next(&s->alarms) <= now.ms ? (struct source_peer *)alarms_first(&s->alarms)
                                             : NULL;
}

void sources_notice_clock(struct sources *s, struct now now)
{
    int64_t ahead_s = (int64_t)now.unix_s - (int64_t)(now.ms / 1000);
    int64_t step_s = ahead_s - s->wall_ahead_s;
    if (step_s > -SOURCES_CLOCK_STEP_S && step_s < SOURCES_CLOCK_STEP_S)
        return;
    s->wall_ahead_s = ahead_s;
    s->clock_steps++;
}

static void doubt_differences(const struct sources *s, struct source_peer *peer)
{
    if (peer->clock_steps == s->clock_steps)
        return;
    peer->clock_steps = s->clock_steps;
    for (uint32_t i = 0; i < peer->lease_count; i++)
        peer->leases[i]->difference = 0;
}

/* Packets that a round of so many leases takes. */
static uint32_t batches(uint32_t leases)
{
    return (leases + SOURCES_BATCH - 1) / SOURCES_BATCH;
}

static uint64_t round_ms(const struct sources *s)
{
    uint64_t ms = (uint64_t)s->batches * 1000 / SOURCES_PACKETS_S;
    if (ms < SOURCES_ROUND_MS)
        return SOURCES_ROUND_MS;
    return ms < SOURCES_ROUND_MAX_MS ? ms : SOURCES_ROUND_MAX_MS;
}

static void free_peer(struct sources *s, struct source_peer *peer)
{
    chains_remove(&s->by_addr, &peer->by_addr);
    alarms_remove(&s->alarms, &peer->alarm);
    free(peer->leases);
    free(peer->gone);
    free(peer);
}

void sources_clear(struct sources *s)
{
    while (s->alarms.count > 0)
        free_peer(s, (struct source_peer *)s->alarms.heap[s->alarms.count - 1]);
}

/* Nobody needs it any more, and it has nothing to be told. */
static void release_peer(struct sources *s, struct source_peer *peer)
{
    if (peer->users == 0 && peer->gone_count == 0)
        free_peer(s, peer);
}

static struct source_peer *add_peer(struct sources *s, const struct contact *contact)
{
    struct source_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    peer->contact = *contact;
    sources_mask(s, &contact->addr, peer->mask);
    peer->clock_steps = s->clock_steps;
    if (!alarms_add(&s->alarms, &peer->alarm, ALARM_NEVER)) {
        free(peer);
        return NULL;
    }
    if (!chains_add(&s->by_addr, &peer->by_addr, addr_hash(&contact->addr, s->hash_salt))) {
        alarms_remove(&s->alarms, &peer->alarm);
        free(peer);
        return NULL;
    }
    return peer;
}

static bool keep_token(struct source *source, struct bytes token)
{
    if (token.data == NULL)
        return true;
    source->token = malloc(token.size + 1);
    if (source->token == NULL)
        return false;
    memcpy(source->token, token.data, token.size);
    source->token_size = (uint8_t)token.size;
    return true;
}

struct source *source_new(struct sources *s, struct listening *listening,
                          const struct contact *contact, struct bytes token, struct now now)
{
    struct source *source = calloc(1, sizeof *source);
    struct source_peer *peer = sources_peer(s, &contact->addr);
    if (source == NULL || !keep_token(source, token)) {
        free(source);
        return NULL;
    }
    if (peer == NULL)
        peer = add_peer(s, contact);
    if (peer == NULL) {
        free(source->token);
        free(source);
        return NULL;
    }
    peer->contact.id = contact->id;
    peer->users++;
    source->listening = listening;
    source->peer = peer;
    source->since_ms = now.ms;
    source->state = token.data != NULL ? SOURCE_ASKED : SOURCE_POLLED;
    return source;
}

static void drop_token(struct source *source)
{
    free(source->token);
    source->token = NULL;
    source->token_size = 0;
}

static void set_lease_count(struct sources *s, struct source_peer *peer, uint32_t count)
{
    s->batches += batches(count);
    s->batches -= batches(peer->lease_count);
    peer->lease_count = count;
    if (peer->cursor > count)
        peer->cursor = count;
}

bool source_leased(struct sources *s, struct source *source, struct now now, struct rng *rng)
{
    struct source_peer *peer = source->peer;
    assert(source->state != SOURCE_LEASED);
    if (peer->lease_count == peer->lease_capacity) {
        uint32_t capacity = peer->lease_capacity ? peer->lease_capacity * 2 : CAPACITY_FIRST;
        struct source **leases = realloc(peer->leases, capacity * sizeof(struct source *));
        if (leases == NULL)
            return false;
        peer->leases = leases;
        peer->lease_capacity = capacity;
    }
    drop_token(source);
    source->state = SOURCE_LEASED;
    source->lease_at = peer->lease_count;
    peer->leases[peer->lease_count] = source;
    set_lease_count(s, peer, peer->lease_count + 1);
    if (!peer->is_asked && peer->alarm.at == ALARM_NEVER)
        alarms_move(&s->alarms, &peer->alarm,
                    now.ms + SOURCES_ROUND_MS / 2 + rng_below(rng, SOURCES_ROUND_MS / 2));
    return true;
}

void source_polled(struct source *source)
{
    assert(source->state == SOURCE_ASKED);
    drop_token(source);
    source->state = SOURCE_POLLED;
    source->tries = 0;
}

static void remove_lease(struct sources *s, struct source *source)
{
    struct source_peer *peer = source->peer;
    struct source *last = peer->leases[peer->lease_count - 1];
    last->lease_at = source->lease_at;
    peer->leases[source->lease_at] = last;
    set_lease_count(s, peer, peer->lease_count - 1);
    if (peer->lease_count == 0 && peer->gone_count == 0 && !peer->is_asked)
        alarms_move(&s->alarms, &peer->alarm, ALARM_NEVER);
}

void source_free(struct sources *s, struct source *source)
{
    struct source_peer *peer = source->peer;
    if (source->state == SOURCE_LEASED)
        remove_lease(s, source);
    peer->users--;
    drop_token(source);
    free(source);
    release_peer(s, peer);
}

static bool add_gone(struct source_peer *peer, const uint8_t sub[SOURCES_SUB_SIZE])
{
    if (peer->gone_count == SOURCES_GONE_MAX)
        return false;
    if (peer->gone_count == peer->gone_capacity) {
        uint32_t capacity = peer->gone_capacity ? peer->gone_capacity * 2 : CAPACITY_FIRST;
        void *gone = realloc(peer->gone, capacity * sizeof *peer->gone);
        if (gone == NULL)
            return false;
        peer->gone = gone;
        peer->gone_capacity = capacity;
    }
    memcpy(peer->gone[peer->gone_count++], sub, SOURCES_SUB_SIZE);
    return true;
}

/* Where it cannot be told, its lease runs out. One that is asked may have been granted, too. */
void source_give_up(struct sources *s, struct source *source, const uint8_t sub[SOURCES_SUB_SIZE],
                    struct now now)
{
    struct source_peer *peer = source->peer;
    bool is_told = source->state != SOURCE_POLLED && add_gone(peer, sub);
    source_free(s, source);
    if (is_told && !peer->is_asked && peer->alarm.at > now.ms + SOURCES_GONE_MS)
        alarms_move(&s->alarms, &peer->alarm, now.ms + SOURCES_GONE_MS);
}

/* What is given up goes first: the renewals of a packet that has no room for both can wait. */
static void choose(struct sources *s, struct source_peer *peer)
{
    peer->is_asked = true;
    peer->serial = ++s->serial;
    peer->tries = 0;
    if (peer->cursor == 0)
        peer->cursor = peer->lease_count;
    uint32_t leases = peer->gone_count <= GONE_BESIDE ? peer->cursor : 0;
    peer->sent_leases = (uint8_t)(leases < SOURCES_BATCH ? leases : SOURCES_BATCH);
    peer->sent_gone =
        (uint8_t)(peer->gone_count < SOURCES_GONE_BATCH ? peer->gone_count : SOURCES_GONE_BATCH);
}

bool source_peer_compose(struct sources *s, struct source_peer *peer, source_write_fn *write,
                         struct wire_writer *subs, struct wire_writer *gone)
{
    if (!peer->is_asked)
        choose(s, peer);
    doubt_differences(s, peer);
    if (peer->sent_leases > peer->cursor)
        peer->sent_leases = (uint8_t)peer->cursor;
    peer->tries++;
    alarms_move(&s->alarms, &peer->alarm, ALARM_NEVER);
    for (uint32_t i = 0; i < peer->sent_leases; i++)
        write(subs, peer->leases[peer->cursor - 1 - i]);
    for (uint32_t i = 0; i < peer->sent_gone; i++)
        wire_write(gone, peer->gone[i], SOURCES_SUB_SIZE);
    return peer->sent_leases > 0 || peer->sent_gone > 0;
}

void source_peer_repeat(struct sources *s, struct source_peer *peer, uint64_t at_ms)
{
    alarms_move(&s->alarms, &peer->alarm, at_ms);
}

void source_peer_postpone(struct sources *s, struct source_peer *peer, uint64_t at_ms)
{
    peer->is_asked = false;
    alarms_move(&s->alarms, &peer->alarm, at_ms);
}

static void forget_gone(struct source_peer *peer, uint32_t count)
{
    peer->gone_count -= count;
    memmove(peer->gone, peer->gone + count, peer->gone_count * sizeof *peer->gone);
    if (peer->gone_count > 0)
        return;
    free(peer->gone);
    peer->gone = NULL;
    peer->gone_capacity = 0;
}

/* Leases that ended meanwhile have moved others before the cursor: those are renewed twice. */
void source_peer_acknowledged(struct sources *s, struct source_peer *peer, struct now now)
{
    peer->is_asked = false;
    peer->cursor -= peer->sent_leases < peer->cursor ? peer->sent_leases : peer->cursor;
    if (peer->sent_gone > 0)
        forget_gone(peer, peer->sent_gone);
    peer->sent_leases = peer->sent_gone = 0;
    uint64_t at = ALARM_NEVER;
    if (peer->gone_count > 0)
        at = now.ms;
    else if (peer->lease_count > 0)
        at = now.ms + round_ms(s) / batches(peer->lease_count);
    alarms_move(&s->alarms, &peer->alarm, at);
    release_peer(s, peer);
}

void source_peer_lost(struct sources *s, struct source_peer *peer)
{
    peer->is_asked = false;
    peer->sent_leases = peer->sent_gone = 0;
    if (peer->gone_count > 0)
        forget_gone(peer, peer->gone_count);
    alarms_move(&s->alarms, &peer->alarm, ALARM_NEVER);
    release_peer(s, peer);
}
