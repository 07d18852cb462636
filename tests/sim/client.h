/* Those who use the network: puts and gets of the ledger's keys from processes drawn at random,
 * each watched until it ends, exactly once. */
#ifndef XORD_TESTS_SIM_CLIENT_H
#define XORD_TESTS_SIM_CLIENT_H

#include "tests/sim/signers.h"

struct client_config {
    uint64_t get_every_ms;  /* on the average, all processes together; 0: none */
    uint64_t put_every_ms;  /* of keys that have been put before; 0: none */
    uint32_t keep_permille; /* puts that the putting process keeps alive */
    uint32_t value_size;    /* about */
    uint64_t ttl_s;         /* of each record */
    uint32_t liars;         /* processes that say they stored what they did not */
};

struct client_op {
    uint64_t op;
    uint64_t started_ms;
    uint32_t process, incarnation;
    bool is_put;
    struct oracle_get get; /* of a put: its key alone */
};

struct client {
    struct world *world;
    struct ledger *ledger;
    struct oracle *oracle;
    const struct signers *signers; /* whose operations are none of ours */
    struct client_config config;
    struct rng rng;
    struct client_op *ops; /* under way; owned */
    uint32_t op_count, op_capacity;
    uint64_t cut_off; /* operations whose process ended first */
};

void client_init(struct client *c, struct world *w, struct ledger *ledger, struct oracle *oracle,
                 const struct signers *signers, const struct client_config *config);
void client_clear(struct client *c);
/* Puts each key once, evenly over `ms` from now; then gets and puts as configured. */
void client_begin(struct client *c, uint64_t ms);
/* From now on: nothing new. */
void client_end(struct client *c);
void client_put(struct client *c, struct process *p, uint32_t key);
void client_get(struct client *c, struct process *p, uint32_t key);

#endif
