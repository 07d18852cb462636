#include "daemon/dht/serve/peers.h"

#include <stdlib.h>

#include "common/bencode.h"
#include "common/sorted.h"

#define CAPACITY_FIRST 4u  /* addresses a torrent starts with */
#define ENTRY_V4       8u  /* 6: and the compact address */
#define ENTRY_V6       21u /* 18: and the compact address */

struct peer {
    struct addr addr;
    uint64_t announced_ms;
};

struct torrent {
    struct id info_hash;
    struct torrent *older, *newer; /* in order of the last announce */
    uint64_t announced_ms;
    struct peer *peers;
    uint8_t count, capacity;
};

_Static_assert(PEERS_PER_HASH <= UINT8_MAX, "a torrent counts its peers in 8 bits");

/* The torrents are sorted by info hash, as others choose these: a hash table could be made to
 * degenerate, a sorted array of this size cannot. */
struct peers {
    struct torrent **torrents;
    size_t count, capacity;
    struct torrent *oldest, *newest;
};

struct peers *peers_new(void)
{
    return calloc(1, sizeof(struct peers));
}

static void torrent_free(struct torrent *t)
{
    free(t->peers);
    free(t);
}

void peers_free(struct peers *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        torrent_free(p->torrents[i]);
    free(p->torrents);
    free(p);
}

size_t peers_count(const struct peers *p)
{
    return p->count;
}

static int compare(const void *key, const void *item)
{
    const struct id *info_hash = key;
    const struct torrent *const *torrent = item;
    return memcmp(info_hash->b, (*torrent)->info_hash.b, ID_SIZE);
}

/* Where this info hash is, or would be inserted. */
static size_t position(const struct peers *p, const struct id *info_hash, bool *is_there)
{
    const struct sorted sorted = {p->torrents, p->count, sizeof(p->torrents[0])};
    return sorted_place(&sorted, info_hash, compare, is_there);
}

static void unlink_torrent(struct peers *p, struct torrent *t)
{
    *(t->older != NULL ? &t->older->newer : &p->oldest) = t->newer;
    *(t->newer != NULL ? &t->newer->older : &p->newest) = t->older;
}

static void link_newest(struct peers *p, struct torrent *t)
{
    t->newer = NULL;
    t->older = p->newest;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = t;
    p->newest = t;
}

static void forget_oldest(struct peers *p)
{
    struct torrent *t = p->oldest;
    bool is_there;
    size_t at = position(p, &t->info_hash, &is_there);

    unlink_torrent(p, t);
    memmove(p->torrents + at, p->torrents + at + 1, (--p->count - at) * sizeof *p->torrents);
    torrent_free(t);
}

static struct torrent *add_torrent(struct peers *p, const struct id *info_hash)
{
    if (p->count == PEERS_HASHES_MAX)
        forget_oldest(p);
    if (p->count == p->capacity) {
        size_t larger = p->capacity == 0 ? CAPACITY_FIRST : p->capacity * 2;
        struct torrent **moved = realloc(p->torrents, larger * sizeof *moved);
        if (moved == NULL)
            return NULL;
        p->torrents = moved;
        p->capacity = larger;
    }
    struct torrent *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->info_hash = *info_hash;
    bool is_there;
    size_t at = position(p, info_hash, &is_there);
    memmove(p->torrents + at + 1, p->torrents + at, (p->count++ - at) * sizeof *p->torrents);
    p->torrents[at] = t;
    link_newest(p, t);
    return t;
}

static bool is_live(const struct peer *peer, uint64_t now_ms)
{
    return now_ms - peer->announced_ms < PEERS_TTL_MS;
}

static void drop_ended(struct torrent *t, uint64_t now_ms)
{
    uint8_t kept = 0;

    for (uint8_t i = 0; i < t->count; i++) {
        if (is_live(&t->peers[i], now_ms))
            t->peers[kept++] = t->peers[i];
    }
    t->count = kept;
}

static struct peer *find_peer(struct torrent *t, const struct addr *addr)
{
    for (uint8_t i = 0; i < t->count; i++) {
        if (addr_equal(&t->peers[i].addr, addr))
            return &t->peers[i];
    }
    return NULL;
}

static bool is_same_host(const struct addr *a, const struct addr *b)
{
    if (a->family != ADDR_V6)
        return addr_equal_ip(a, b);
    const struct addr first = addr_prefix(a), second = addr_prefix(b);
    return addr_equal_ip(&first, &second);
}

/* The one that announced longest ago, of this host unless that is NULL; *count: of how many. */
static struct peer *find_oldest(struct torrent *t, const struct addr *host, size_t *count)
{
    struct peer *oldest = NULL;

    *count = 0;
    for (uint8_t i = 0; i < t->count; i++) {
        struct peer *peer = &t->peers[i];
        if (host != NULL && !is_same_host(&peer->addr, host))
            continue;
        if (oldest == NULL || peer->announced_ms < oldest->announced_ms)
            oldest = peer;
        ++*count;
    }
    return oldest;
}

static bool grow_peers(struct torrent *t)
{
    unsigned larger = t->capacity == 0 ? CAPACITY_FIRST : t->capacity * 2u;
    larger = larger < PEERS_PER_HASH ? larger : PEERS_PER_HASH;
    struct peer *moved = realloc(t->peers, larger * sizeof *moved);
    if (moved == NULL)
        return false;
    t->peers = moved;
    t->capacity = (uint8_t)larger;
    return true;
}

/* Room for one more peer: a new place, or that of another; NULL without memory. */
static struct peer *take_peer(struct torrent *t, const struct addr *addr)
{
    size_t count;
    struct peer *own = find_oldest(t, addr, &count);

    if (count >= PEERS_PER_HOST && !addr_is_private(addr))
        return own;
    if (t->count == PEERS_PER_HASH)
        return find_oldest(t, NULL, &count);
    if (t->count == t->capacity && !grow_peers(t))
        return NULL;
    return &t->peers[t->count++];
}

bool peers_announce(struct peers *p, const struct id *info_hash, const struct addr *addr,
                    uint64_t now_ms)
{
    bool is_there;
    size_t at = position(p, info_hash, &is_there);
    struct torrent *t = is_there ? p->torrents[at] : add_torrent(p, info_hash);

    if (t == NULL)
        return false;
    unlink_torrent(p, t);
    link_newest(p, t);
    t->announced_ms = now_ms;
    drop_ended(t, now_ms);
    struct peer *peer = find_peer(t, addr);
    if (peer == NULL)
        peer = take_peer(t, addr);
    if (peer == NULL)
        return false;
    *peer = (struct peer){.addr = *addr, .announced_ms = now_ms};
    return true;
}

/* The torrent's live peers of this family, as indexes. */
static size_t choose_live(const struct torrent *t, enum addr_family family, uint64_t now_ms,
                          uint8_t chosen[PEERS_PER_HASH])
{
    size_t count = 0;

    for (uint8_t i = 0; i < t->count; i++) {
        if (t->peers[i].addr.family == family && is_live(&t->peers[i], now_ms))
            chosen[count++] = i;
    }
    return count;
}

size_t peers_write_values(const struct peers *p, const struct id *info_hash,
                          enum addr_family family, uint64_t now_ms, struct rng *rng, size_t room,
                          struct wire_writer *w)
{
    bool is_there;
    size_t at = position(p, info_hash, &is_there);
    size_t entry_size = family == ADDR_V4 ? ENTRY_V4 : ENTRY_V6;
    uint8_t chosen[PEERS_PER_HASH];

    if (!is_there || room < 2 + entry_size)
        return 0;
    const struct torrent *t = p->torrents[at];
    size_t live = choose_live(t, family, now_ms, chosen);
    size_t count = (room - 2) / entry_size; /* the list itself takes 2 bytes: l and e */
    count = count < live ? count : live;
    count = count < PEERS_REPLY_MAX ? count : PEERS_REPLY_MAX;
    if (count == 0)
        return 0;
    bencode_write_list(w);
    for (size_t i = 0; i < count; i++) { /* the start of a shuffle is a random choice */
        size_t other = i + rng_below(rng, (uint32_t)(live - i));
        uint8_t compact[ADDR_COMPACT_V6];
        uint8_t index = chosen[other];
        chosen[other] = chosen[i];
        size_t size = addr_to_compact(&t->peers[index].addr, compact);
        bencode_write_bytes(w, bytes_of(compact, size));
    }
    bencode_write_end(w);
    return count;
}

size_t peers_read_values(struct bytes values, struct addr *out, size_t max)
{
    struct bencode_reader r;
    size_t count = 0;
    if (values.data == NULL)
        return 0;
    bencode_reader_init(&r, values);
    bencode_read_list(&r);
    while (count < max && bencode_more(&r)) {
        struct bytes compact = bencode_read_bytes(&r);
        if (!r.failed && addr_from_compact(compact, &out[count]) && addr_is_usable(&out[count]))
            count++;
    }
    return count;
}

void peers_expire(struct peers *p, uint64_t now_ms)
{
    while (p->oldest != NULL && now_ms - p->oldest->announced_ms >= PEERS_TTL_MS)
        forget_oldest(p);
}
