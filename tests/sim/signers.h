/* Those who use multis: several signers put entries under shared targets, and delete some;
 * processes drawn at random gather them. Each gather is judged: what was acknowledged before it
 * began has to be there, in that or a higher seq, or deleted by a later one. One more signer may
 * want all the room there is. */
#ifndef XORD_TESTS_SIM_SIGNERS_H
#define XORD_TESTS_SIM_SIGNERS_H

#include "tests/sim/oracle.h"
#include "tests/sim/oracle_node.h"

#define SIGNERS_DELETES_EVERY 4 /* every fourth seq of a place deletes what was there */
#define SIGNERS_SLOT_MAX      16

struct signers_config {
    uint32_t targets;    /* 0: nobody is there */
    uint32_t entries;    /* places of each */
    uint32_t value_size; /* about */
    uint64_t ttl_s;
    uint64_t gather_every_ms, put_every_ms; /* on the average; 0: none */
    uint64_t flood_every_ms;                /* entries of the greedy signer; 0: none */
};

struct signers_place {
    struct id key; /* record_key */
    uint32_t target, owner;
    char slot[SIGNERS_SLOT_MAX];
    bool is_busy; /* a put of it is under way */
    int64_t signed_seq, acked_seq;
    int64_t top_seq;  /* the highest on any disk */
    uint32_t holders; /* processes up that hold top_seq */
    int64_t got_seq;  /* in the gather that is being judged; 0: none */
};

struct signers_floor { /* what was so when a gather began */
    int64_t seq;
    uint32_t holders;
};

struct signers_op {
    uint64_t op, started_ms;
    uint32_t process, incarnation;
    uint32_t subject; /* of a put its place, of a gather its target */
    bool is_put, is_flood;
    int64_t seq;                  /* of a put */
    struct signers_floor *floors; /* of a gather, by place; owned */
};

struct signers_figures {
    uint64_t puts, acked, gathers;
    uint64_t expected, good; /* acknowledged entries in gathers */
};

struct signers {
    struct world *world;
    const struct ledger *ledger; /* its owners sign */
    struct oracle *oracle;
    struct signers_config config;
    struct rng rng;
    struct id *targets;           /* owned */
    struct signers_place *places; /* by key; owned */
    uint32_t place_count;
    struct ledger_owner greedy;
    uint64_t flooded;
    struct signers_op *ops; /* under way; owned */
    uint32_t op_count, op_capacity;
    struct signers_figures figures;
};

void signers_init(struct signers *c, struct world *w, const struct ledger *ledger,
                  struct oracle *oracle, const struct signers_config *config);
void signers_clear(struct signers *c);
/* Puts each entry once, evenly over `ms` from now; then puts and gathers as configured. */
void signers_begin(struct signers *c, uint64_t ms);
/* From now on: nothing new. */
void signers_end(struct signers *c);
void signers_gather(struct signers *c, struct process *p, uint32_t target);
/* True when this operation is one of the signers'. */
bool signers_has(const struct signers *c, const struct process *p, uint64_t op);
/* Adds the copies of entries to those of records. */
void signers_count_copies(const struct signers *c, struct oracle_copies *out);
/* Acknowledged entries that no disk of a process that is up has. */
uint64_t signers_count_lost(const struct signers *c);

#endif
