/* Judges what happens: each rule is checked whenever something happens that could break it. The
 * first breach stops the world and is kept with the nodes concerned; figures of how gets went are
 * counted beside it, for targets that are a share and no certainty. */
#ifndef XORD_TESTS_SIM_ORACLE_H
#define XORD_TESTS_SIM_ORACLE_H

#include "tests/sim/ledger.h"

#define ORACLE_TEXT_MAX      256
#define ORACLE_CONCERNED_MAX 4
#define ORACLE_BUDGET        4u /* of 8 holders this many are up: the value has to be found */

struct oracle_get { /* a get that has ended */
    uint32_t key;
    int64_t floor_seq;      /* acknowledged before it began */
    uint32_t floor_kept;    /* holders up when it began */
    uint32_t floor_keepers; /* those of them that keep it alive */
    uint64_t started_ms;
};

struct oracle_figures {
    uint64_t gets, found, missed, stale, unanswered; /* of acknowledged keys */
    uint64_t gets_held, found_held; /* of those with a holder or a keeper up when it began */
    uint64_t hops, messages, ms;    /* sums over found */
    uint64_t puts, acked, refused;
};

struct pending_put;
struct reader_mark;

struct oracle {
    struct world *world;
    const struct ledger *ledger;
    bool is_strict; /* faults are over, or never were: what is in budget must be found */
    bool has_failed;
    bool has_damage; /* packets were changed on their way: anything may be believed */
    char rule[ORACLE_TEXT_MAX];
    uint32_t concerned[ORACLE_CONCERNED_MAX];
    uint32_t concerned_count;
    struct oracle_figures figures;
    struct pending_put *pending; /* puts that came to holders and are not answered; owned */
    struct reader_mark *marks;   /* what each reader has seen; owned */
    struct {                     /* what a disk has just lost, which a record may replace */
        uint32_t process;
        enum store_space space;
        struct id key;
        int64_t seq;
    } replaced;
    uint32_t mark_count, mark_places;
};

void oracle_init(struct oracle *o, struct world *w, const struct ledger *ledger);
void oracle_clear(struct oracle *o);
/* A rule is broken: the first one is kept, and the world stops. */
__attribute__((format(printf, 3, 4))) void oracle_fail(struct oracle *o, const struct process *p,
                                                       const char *rule, ...);
void oracle_got(struct oracle *o, const struct process *p, const struct oracle_get *get,
                const struct event *event);
/* This run of a process was given this seq by something begun at started_ms: it must not have been
 * given a higher one before. `key`: of the ledger, or others above all of those. */
void oracle_check_reader(struct oracle *o, const struct process *p, uint32_t key, int64_t seq,
                         uint64_t started_ms);
/* Tables, queues and counts of one node are within their limits. */
void oracle_check_limits(struct oracle *o, const struct process *p);
/* How many members of this node's table are no live node though it thinks so, and how many it
 * thinks live. */
uint32_t oracle_count_dead(const struct oracle *o, const struct process *p, uint32_t *members);

#endif
