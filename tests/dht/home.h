/* A node's id and its routing table, and contacts as tests make them, seen from there. */
#ifndef XORD_TESTS_DHT_HOME_H
#define XORD_TESTS_DHT_HOME_H

#include <check.h>

#include "daemon/dht/routing/routing.h"

struct home {
    struct routing table; /* of IPv4 */
    struct rng rng;
    struct id self;
};

/* Gives each of the tests a home of its own, and returns where it is. */
struct home *home_fixture(TCase *tests);
/* On loopback, so without caps; each number is another address. */
struct addr home_local(uint32_t number);
/* At an id that shares exactly `prefix` bits with ours, any such one. */
struct contact home_contact(struct home *h, unsigned prefix, struct addr addr);
/* It is of xord's make and has answered us. */
enum routing_added home_answered(struct home *h, const struct contact *contact, uint64_t now_ms);

#endif
