/* Those who listen: to records and multis of the session, on processes drawn at random, and what is
 * promised to them. Each value that was acknowledged reaches each of them within
 * SUBSCRIBERS_LATE_MS, once, in order of seq in its place; deletions do too, and the end of what
 * has ended; the loss of holders is none. Holders of what is listened to may be killed at random,
 * one after the other. */
#ifndef XORD_TESTS_SIM_SUBSCRIBERS_H
#define XORD_TESTS_SIM_SUBSCRIBERS_H

#include "tests/sim/signers.h"

/* A refresh comes every 30 seconds; it, the search for who takes a lost holder's place, and the
 * reading of what was missed have some tries each. */
#define SUBSCRIBERS_LATE_MS   75000u
#define SUBSCRIBERS_PROMPT_MS 5000u /* by a push that came, be it the third */

struct subscribers_config {
    uint32_t count;         /* at a time; 0: nobody listens */
    uint64_t life_ms;       /* median until one gives it up and another begins; 0: they stay */
    uint64_t kill_ms;       /* between holders killed, on the average; 0: none */
    uint32_t mute_permille; /* of pushes, lost beside what the wires lose */
};

struct subscriber_seen { /* of one place, the highest that has come */
    int64_t seq;
    int64_t floor_seq; /* acknowledged when it was last begun or went on */
    uint64_t expiry_unix_s;
    bool has_content;
};

struct subscriber {
    uint64_t op, started_ms;
    uint32_t process, incarnation;
    uint64_t since_ms; /* listens without a break, its process not standing still */
    bool is_multi, is_synced, is_cancelled;
    bool has_floor;               /* to be judged SUBSCRIBERS_LATE_MS after since_ms */
    uint32_t subject;             /* a key of the ledger, or a target of the signers */
    struct subscriber_seen *seen; /* of a single one, else one a place of all multis; owned */
};

/* What is promised of a place: the oldest acknowledged seq that is not judged yet. */
struct subscribers_promise {
    int64_t seq, prompt_seq;
    uint64_t since_ms, prompt_ms; /* 0: nothing to judge */
};

struct subscribers_figures {
    uint64_t values, deletions, expiries, synced, began, killed;
    uint64_t leases_wanted, leases_there; /* of listeners at the 8 nearest to their targets */
    uint64_t floors;                      /* what was acknowledged before it began or went on */
    uint64_t promised, prompt; /* values × listeners who hold none, and within the moment */
};

struct subscribers {
    struct world *world;
    const struct ledger *ledger;
    const struct signers *signers;
    struct oracle *oracle;
    struct subscribers_config config;
    struct rng rng;
    struct subscriber *all; /* owned */
    uint32_t count, capacity;
    struct subscribers_promise *promises; /* by key, then by place; owned */
    struct subscribers_figures figures;
};

void subscribers_init(struct subscribers *l, struct world *w, const struct ledger *ledger,
                      const struct signers *signers, struct oracle *oracle,
                      const struct subscribers_config *config);
void subscribers_clear(struct subscribers *l);
/* They begin, evenly over `ms` from now. */
void subscribers_begin(struct subscribers *l, uint64_t ms);
/* What it asks its node for. Views into the ledger. */
struct listen_request subscribers_request(const struct subscribers *l,
                                          const struct subscriber *listener);
/* No more holders are killed. */
void subscribers_stop_killing(struct subscribers *l);
/* All give it up, and no others begin: to be followed by subscribers_check_ended. */
void subscribers_end(struct subscribers *l);
/* Of all processes that are up: records handed to subscribers, those that came to nothing too. */
void subscribers_count_pushes(const struct subscribers *l, uint64_t *acknowledged,
                              uint64_t *unanswered);
/* Each was told its end, and nobody keeps anything of it. */
void subscribers_check_ended(struct subscribers *l);

#endif
