/* BEP 5's peer lists: who announced that it has a torrent. In memory only, bounded, newest kept.
 * Entries end 30 minutes after their last announce. */
#ifndef XORD_DHT_PEERS_H
#define XORD_DHT_PEERS_H

#include "common/rng.h"
#include "common/wire.h"
#include "daemon/dht/wire/id.h"

#define PEERS_TTL_MS     (30u * 60u * 1000u)
#define PEERS_HASHES_MAX 2000u /* torrents a node remembers */
#define PEERS_PER_HASH   100u  /* addresses a torrent, */
#define PEERS_PER_HOST   10u   /* and of one host: its ports push out one another, not others */
#define PEERS_REPLY_MAX  50u   /* listed in one reply */
#define PEERS_VALUES_MAX 256u  /* read from one reply: more do not fit into a packet */

struct peers; /* grows as it fills */

struct peers *peers_new(void); /* NULL without memory */
void peers_free(struct peers *p);
/* Adds or refreshes. When full, the torrent announced longest ago goes; of a torrent's addresses
 * likewise. A host is an IPv4 address or an IPv6 /56; loopback and private addresses are each one
 * of its own. False without memory. */
bool peers_announce(struct peers *p, const struct id *info_hash, const struct addr *addr,
                    uint64_t now_ms);
/* Appends the bencoded list of compact addresses of one family (BEP 5 `values`, BEP 32), a random
 * choice of at most PEERS_REPLY_MAX, while they fit in `room` bytes; nothing when there is none.
 * Returns how many. */
size_t peers_write_values(const struct peers *p, const struct id *info_hash,
                          enum addr_family family, uint64_t now_ms, struct rng *rng, size_t room,
                          struct wire_writer *w);
/* The usable addresses of such a list by whomever, at most `max`; returns how many. An absent list
 * has none. */
size_t peers_read_values(struct bytes values, struct addr *out, size_t max);
size_t peers_count(const struct peers *p); /* torrents */
void peers_expire(struct peers *p, uint64_t now_ms);

#endif
