/* A stranger who sends packets to a node and looks at what comes back: for the tests of what a node
 * answers. */
#ifndef XORD_TESTS_DHT_ASKER_H
#define XORD_TESTS_DHT_ASKER_H

#include "daemon/dht/wire/krpc.h"
#include "tests/dht/net.h"

#define ASKER_PACKET_MAX 2048

struct asker {
    struct net net;   /* node 0 is the one that is asked */
    struct addr from; /* where the next packets come from */
    struct id id;
    /* Since the last packet was sent: */
    unsigned replies, queries; /* that came to no node's address */
    struct addr to;            /* where the last reply went */
    size_t size;
    uint8_t packet[ASKER_PACKET_MAX];
    struct krpc reply; /* views into `packet` */
    uint8_t token[KRPC_TOKEN_MAX];
};

/* A net of `count` nodes that know each other. */
void asker_init(struct asker *a, size_t count, bool has_v6);
void asker_clear(struct asker *a);
/* Sends it as it is and waits for the answer; NULL when there was none. */
const struct krpc *asker_send(struct asker *a, struct bytes packet);
const struct krpc *asker_send_text(struct asker *a, const char *packet);
/* Sends a query, its type, network and the asker's id filled in, and `t` where there is none. */
const struct krpc *asker_ask(struct asker *a, struct krpc query);
/* A token for this target, asked for and kept in the asker until the next call. */
struct bytes asker_token(struct asker *a, const struct id *target);
uint64_t asker_counter(const struct asker *a, enum counter counter);
/* What the answer says: its error's number, 0 for a response, -1 for silence. */
int64_t asker_code(const struct krpc *reply);

/* A put of a single, signed, with target and a token; its bytes are borrowed. */
struct krpc asker_single(struct asker *a, const char *salt, int64_t seq, struct bytes v,
                         uint8_t sig[KEYS_SIGNATURE_SIZE]);
/* A put of an immutable. */
struct krpc asker_immutable(struct asker *a, struct bytes v);

#endif
