/* A crowd of nodes of other make on a net's public network, which are only played: each answers
 * what BEP 5 has, lists the nearest of the crowd and nobody else, remembers who announced what to
 * it, stores nothing, and knows no method beyond those of BEP 5 and 44. What comes to them must be
 * meant for such nodes: xord's own queries are counted. */
#ifndef XORD_TESTS_DHT_CROWD_H
#define XORD_TESTS_DHT_CROWD_H

#include "tests/dht/net.h"

#define CROWD_MAX           256
#define CROWD_ANNOUNCED_MAX 4096

struct crowd_announce {
    uint32_t to; /* the member that it was made to */
    struct id info_hash;
    struct addr peer;
};

struct crowd {
    struct net *net;
    struct id ids[CROWD_MAX]; /* by index */
    size_t count;
    struct crowd_announce announced[CROWD_ANNOUNCED_MAX];
    size_t announced_count, announces; /* remembered, and come in */
    size_t seeks;                      /* get_peers that came in */
    size_t impostor;                   /* says that it is xord, but not in answer to xget */
    size_t extensions;                 /* of xord's own queries, to anybody but the impostor */
};

#define CROWD_NOBODY SIZE_MAX

/* Answers from now on; `net` is on the public network from now on. */
void crowd_init(struct crowd *c, struct net *net, size_t count);
struct contact crowd_contact(const struct crowd *c, size_t index);
/* A xord server, or client, that starts from one of the crowd. Its index in the net. */
size_t crowd_add(struct crowd *c, enum node_role role);

#endif
