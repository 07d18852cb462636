/* One holder and the subscribers that tests make up for it: each an address of its own, which takes
 * leases, and says of each push what the test has it say. */
#ifndef XORD_TESTS_DHT_AUDIENCE_H
#define XORD_TESTS_DHT_AUDIENCE_H

#include "daemon/dht/serve/serve_listen.h"
#include "tests/dht/holder.h"

#define AUDIENCE_PUSHES_MAX 40000u
#define AUDIENCE_RTT_MS     2u
#define AUDIENCE_SILENT     (-1) /* instead of an error's number, or 0 for an acknowledgement */

struct audience_push { /* that the holder has sent */
    struct addr to;
    uint64_t ms;
    uint8_t t[KRPC_T_SIZE];
    uint8_t sub[LEASE_SUB_SIZE];
    struct id target;
    int64_t seq;
    bool is_entry; /* of a multi */
};

struct audience {
    struct holder holder;
    int64_t answer; /* of every subscriber to every push */
    size_t push_count, answered;
    struct audience_push pushes[AUDIENCE_PUSHES_MAX];
};

/* Static memory is the place for it: it is large, and must not move. The
 * first subscriber asks, from port 7000. */
void audience_init(struct audience *a);
void audience_clear(struct audience *a);
/* Gives each of the tests an audience of its own, and returns where it is. */
struct audience *audience_fixture(TCase *tests);
/* The index-th subscriber's address, with the port; its id is made from both. */
struct addr audience_addr(uint32_t index, uint16_t port);
/* From now on this one asks. */
void audience_be(struct audience *a, const struct addr *addr);
/* Asks for a lease, with a token; what the answer says: an error's number, or 0. */
int64_t audience_listen(struct audience *a, uint64_t sub, char kind, const struct id *target);
/* Asks anything: the asker's id is filled in. */
int64_t audience_ask(struct audience *a, struct krpc query);
/* Renews one lease; `seen` is its digest. */
int64_t audience_renew(struct audience *a, uint64_t sub, uint64_t seen);
/* Somebody stores this at the holder, which acknowledges it. */
void audience_put_entry(struct audience *a, const char *slot, int64_t seq, const struct id *target);
/* The same for a single under this salt; its target. */
struct id audience_put_single(struct audience *a, const char *salt, int64_t seq);
struct id audience_single_target(const char *salt);
/* Lets time pass: the holder is ticked when it wants to be, its pushes are answered. */
void audience_run(struct audience *a, uint64_t ms);
uint64_t audience_counter(const struct audience *a, enum counter counter);
size_t audience_leases(const struct audience *a);

#endif
