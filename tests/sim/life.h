/* The life of a value, as targets: named scenarios, each with what has to come out of it. A long
 * form in full size (make sim-life), a short one for the tests. */
#ifndef XORD_TESTS_SIM_LIFE_H
#define XORD_TESTS_SIM_LIFE_H

#include <stdio.h>

#include "tests/sim/copies.h"
#include "tests/sim/meter.h"
#include "tests/sim/session.h"

#define LIFE_RESULTS_MAX 24

enum life_bound { LIFE_AT_LEAST, LIFE_AT_MOST, LIFE_TOLD };
enum life_unit { LIFE_COUNT, LIFE_SHARE /* in 100,000 */, LIFE_TIMES /* in hundredths */ };

struct life_result {
    const char *what;
    enum life_unit unit;
    enum life_bound bound;
    uint64_t target, measured;
};

struct life {
    struct session session;
    struct meter meter;
    struct closest closest;
    struct copies copies;
    struct life_result results[LIFE_RESULTS_MAX];
    uint32_t result_count;
};

struct life_scenario {
    const char *name, *text;
    const char *long_options, *short_options; /* each `name=value`, separated by spaces */
    void (*run)(struct life *l);
};

/* By name; NULL when there is none. life_at: all of them, NULL past the end. */
const struct life_scenario *life_find(const char *name);
const struct life_scenario *life_at(size_t index);
/* The options of its long or short form. */
void life_options(const struct life_scenario *scenario, bool is_short,
                  struct session_options *options);
/* Runs it. False when a target was missed or a rule broken. To be cleared after. */
bool life_run(struct life *l, const struct life_scenario *scenario,
              const struct session_options *options);
/* A row a result: what, target, measured. */
void life_print(const struct life *l, const struct life_scenario *scenario, FILE *to);
void life_clear(struct life *l);

/* For the scenarios. */
void life_result(struct life *l, const char *what, enum life_unit unit, enum life_bound bound,
                 uint64_t target, uint64_t measured);
uint64_t life_share(uint64_t part, uint64_t whole); /* in 100,000; of nothing: all */

#endif
