/* One node that holds entries of multis, with a store at its side that is read and written at once,
 * and a stranger who asks it. */
#ifndef XORD_TESTS_DHT_HOLDER_H
#define XORD_TESTS_DHT_HOLDER_H

#include <check.h>

#include "daemon/dht/node.h"
#include "daemon/dht/records/multi.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/dht/draft.h"
#include "tests/sim/ram.h"

#define HOLDER_PACKET_MAX 2048

struct holder {
    struct node *node;
    struct now now;
    struct outbox out;
    struct ram store;
    struct addr from; /* the stranger's, and the size of its `t` */
    size_t t_size;
    /* What came of the last question: */
    unsigned writes;
    size_t packet_size;
    uint8_t packet[HOLDER_PACKET_MAX];
    struct krpc reply; /* views into `packet` */
    uint8_t token[KRPC_TOKEN_MAX];
    struct draft draft; /* the last of holder_draft */
};

/* A server of both families; asked from an IPv4 address. `h` must not move. */
void holder_init(struct holder *h);
void holder_clear(struct holder *h);
/* Gives each of the tests a holder of its own, and returns where it is. */
struct holder *holder_fixture(TCase *tests);
/* From now on it is asked from an IPv6 address and with the longest `t`. */
void holder_ask_at_length(struct holder *h);
/* Holds it as if it had been put. */
void holder_hold(struct holder *h, const struct record *entry);
size_t holder_count(const struct holder *h, const struct id *target);
/* The index-th entry of those of this target, newest first; borrowed until it changes. */
struct record holder_entry(const struct holder *h, const struct id *target, size_t index);
/* Asks, and carries out what is to be written, signatures and all. What the answer says: an error's
 * number, 0 for a response, -1 for silence. */
int64_t holder_ask(struct holder *h, struct krpc query);
/* A token for this target, borrowed until the next. */
struct bytes holder_token(struct holder *h, const struct id *target);
/* A signed entry of signer 1, written a minute ago; borrowed until the next. */
struct draft *holder_draft(struct holder *h, const struct id *target, const char *slot,
                           int64_t seq);
/* A put of this draft, signed here, with a token. */
struct krpc holder_xput(struct holder *h, struct draft *d);
uint64_t holder_counter(const struct holder *h, enum counter counter);

#endif
