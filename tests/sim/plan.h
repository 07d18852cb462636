/* The faults of a run: drawn from the seed before it begins, each with a seed of its own, so that
 * any of them can be left out and the others stay as they are. */
#ifndef XORD_TESTS_SIM_PLAN_H
#define XORD_TESTS_SIM_PLAN_H

#include "tests/sim/world.h"

#define PLAN_FAULTS_MAX 64u /* the bits of `only` */

#define PLAN_TABLE(X)                                                                              \
    X(PARTITION, "partition", "two halves do not hear each other")                                 \
    X(ONE_WAY, "one-way", "one half does not hear the other")                                      \
    X(BURST, "burst", "three packets of ten are lost, others come twice, late or damaged")         \
    X(PAUSE, "pause", "some processes stand still")                                                \
    X(CLOCK, "clock", "some wall clocks jump, and monotonic ones run fast or slow")                \
    X(CRASH, "crash", "some processes crash at once and come back with their data")                \
    X(SLOW, "slow", "disks take long")                                                             \
    X(FULL, "full", "some disks are full")                                                         \
    X(BROKEN, "broken", "some disks refuse all writes")                                            \
    X(POWER, "power", "all processes crash and come back within a minute")                         \
    X(KILL, "kill", "some processes end for good")

#define PLAN_ENUM(symbol, name, text) FAULT_##symbol,
enum fault_kind { PLAN_TABLE(PLAN_ENUM) FAULT_KIND_COUNT };
#undef PLAN_ENUM

struct fault {
    enum fault_kind kind;
    uint64_t at_ms, duration_ms;
    uint32_t permille; /* of the processes */
    uint64_t seed;
};

struct plan {
    struct fault faults[PLAN_FAULTS_MAX];
    uint32_t count;
    uint64_t only; /* bit i: fault i takes place */
    struct wires_config usual_wires;
    uint32_t usual_disk_ms;
    uint32_t active;
};

const char *fault_name(enum fault_kind kind);
const char *fault_text(enum fault_kind kind);
/* Faults of the given kinds (a bit each), about every `every_ms` between the two times. */
void plan_draw(struct plan *plan, uint64_t seed, uint32_t kinds, uint64_t from_ms,
               uint64_t until_ms, uint64_t every_ms);
/* One fault at a given time, for scenarios that are told rather than drawn. */
void plan_add(struct plan *plan, const struct fault *fault);
void plan_begin(struct plan *plan, struct world *w);
/* All is as it should be again. */
void plan_heal(struct plan *plan, struct world *w);

#endif
