/* A host for the tests of rpc/: keys and contacts in memory, tickets answered when the test says
 * so, a real node without a network, time that stands still until it is set. */
#ifndef XORD_TESTS_RPC_FAKE_HOST_H
#define XORD_TESTS_RPC_FAKE_HOST_H

#include "daemon/dht/outbox.h"
#include "rpc/host.h"
#include "rpc/names/name_cache.h"
#include "tests/sim/ram.h"

#define FAKE_IDENTITIES_MAX 16

struct fake_host {
    struct rpc_host host; /* handed to what is tested */
    struct outbox outbox;
    struct now now;
    uint64_t clock_step_ns; /* by which the clock goes on whenever it is read */
    uint64_t clock_ns;      /* beyond `now` */
    struct ram store;       /* the node's */
    struct rpc_identity keys[FAKE_IDENTITIES_MAX], contacts[FAKE_IDENTITIES_MAX];
    uint8_t seeds[FAKE_IDENTITIES_MAX][KEYS_SEED_SIZE];
    size_t key_count, contact_count;
    struct name_cache names;
    const char *authority;   /* as configured; NULL: none */
    uint64_t ticket;         /* the last one asked for, for rpc_server_done */
    uint64_t resolve_ticket; /* likewise, for rpc_server_resolved */
    uint8_t random_calls;    /* the next call's random bytes are all this number plus one */
    bool is_stopped;
};

void fake_host_init(struct fake_host *fake);
void fake_host_clear(struct fake_host *fake);
/* Lets the node find out that it is the first one of its network. */
void fake_host_tick(struct fake_host *fake);

#endif
