/* Holders that are only played, for what a subscriber must stand: each answers lookups with the
 * others, grants leases or refuses them, holds what the test says, and pushes what the test wants,
 * true or false. Node 0 of the net is the subscriber, and knows nobody else. */
#ifndef XORD_TESTS_DHT_TROUPE_H
#define XORD_TESTS_DHT_TROUPE_H

#include "daemon/dht/wire/krpc.h"
#include "tests/dht/listener.h"

#define TROUPE_MAX      16u
#define TROUPE_SUBS_MAX 600u

struct troupe_counts { /* of what came */
    size_t listens, renewals, gets, xgets;
    size_t values;     /* brought in answer to gets */
    size_t subs, gone; /* renewed, and given up */
};

struct player {
    struct id id;
    bool is_foreign;             /* of other make: knows nothing of xord's own queries */
    bool is_silent;              /* answers nothing */
    bool is_forgetful;           /* knows of no lease when one is renewed */
    bool is_moving;              /* says that the targets of all leases have got nearer nodes */
    unsigned deaf;               /* to so many questions for a lease */
    int64_t listen_code;         /* the error by which it refuses a lease; 0: it grants it */
    int64_t renew_code;          /* the error by which it refuses renewals; 0: it renews */
    const struct record *record; /* that it holds; NULL: nothing */
    uint64_t lie;                /* the digest that it says it has; 0: the true one */
    uint8_t sub[8];              /* of the last lease that was asked for */
    struct troupe_counts came;
};

struct troupe {
    struct net *net;
    size_t count;
    struct player players[TROUPE_MAX];
    int64_t code; /* of the answer to the last push: 0: taken, -1: none */
};

struct made_single { /* a record under the key of the net's owner */
    uint8_t v[OWNER_VALUE_MAX], sig[KEYS_SIGNATURE_SIZE];
    struct record record;
};

/* As many as are to play, all alike at first; the subscriber starts from the first. */
void troupe_init(struct troupe *t, struct net *net, size_t count, enum node_role role);
struct addr troupe_addr(size_t index);
/* All hold this from now on. */
void troupe_hold(struct troupe *t, const struct record *record);
/* What came to all of them together. */
struct troupe_counts troupe_came(const struct troupe *t);

/* Signed, and ending in `ttl_s`. A view into `m`, which must not move. `salt` is borrowed. */
const struct record *make_single(struct made_single *m, const struct net *net, const char *salt,
                                 int64_t seq, const char *body, uint64_t ttl_s);
/* Pushes this record from an address, under this subscription; the answer's code. */
int64_t troupe_push(struct troupe *t, const struct addr *from, struct bytes sub,
                    const struct record *record);
/* As this player would, under the lease that it granted last. */
int64_t troupe_push_from(struct troupe *t, size_t index, const struct record *record);

#endif
