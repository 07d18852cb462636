#include "tests/sim/life.h"

#include <inttypes.h>

#include "tests/sim/life_scenarios.h"

/* One row a target (docs/LIFE.md). A get and a lookup a second: enough to see one in a thousand. */
static const struct life_scenario scenarios[] = {
    {"churn", "sessions of half an hour, 5 % loss, publishers gone",
     "nodes=1000 minutes=4320 keys=10000 load_s=1200 loss=50 median_minutes=30 get_ms=2000 "
     "put_ms=0",
     "nodes=100 minutes=240 keys=300 loss=50 median_minutes=30 get_ms=1000 put_ms=0", life_churn},
    {"multis", "the same churn; entries of multis, their signers gone",
     "nodes=1000 minutes=720 keys=100 multis=100 entries=100 load_s=1200 loss=50 median_minutes=30 "
     "get_ms=5000 put_ms=0",
     "nodes=100 minutes=120 keys=10 multis=10 entries=30 loss=50 median_minutes=30 get_ms=9000 "
     "put_ms=0",
     life_multis},
    {"partition", "sessions of 10 minutes, 20 % loss, two halves apart for 30 minutes",
     "nodes=1000 minutes=360 keys=10000 load_s=1200 loss=200 median_minutes=10 get_ms=200 put_ms=0",
     "nodes=200 minutes=180 keys=400 loss=200 median_minutes=10 get_ms=500 put_ms=0",
     life_partition},
    {"half", "half of all nodes killed at once",
     "nodes=1000 minutes=30 keys=10000 load_s=1200 keep=300 get_ms=0 put_ms=0",
     "nodes=100 minutes=30 keys=500 keep=300 get_ms=0 put_ms=0", life_half},
    {"power", "all nodes crash at once and come back within a minute",
     "nodes=1000 minutes=180 keys=10000 load_s=1200 get_ms=0 put_ms=0",
     "nodes=60 minutes=120 keys=500 get_ms=0 put_ms=0", life_power},
    {"bootstrap", "all nodes start at once from one",
     "nodes=1000 keys=1 ramp_s=0 load_s=0 from_first=1 get_ms=0 put_ms=0",
     "nodes=300 keys=1 ramp_s=0 load_s=0 from_first=1 get_ms=0 put_ms=0", life_bootstrap},
    {"listen", "one node listens to 5,000 keys",
     "nodes=1000 keys=5000 load_s=600 get_ms=0 put_ms=0",
     "nodes=100 keys=5000 load_s=120 get_ms=0 put_ms=0", life_listen},
};

const struct life_scenario *life_at(size_t index)
{
    return index < sizeof scenarios / sizeof *scenarios ? &scenarios[index] : NULL;
}

const struct life_scenario *life_find(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

void life_options(const struct life_scenario *scenario, bool is_short,
                  struct session_options *options)
{
    char text[256], *rest = text, *word;
    session_defaults(options);
    snprintf(text, sizeof text, "%s", is_short ? scenario->short_options : scenario->long_options);
    while ((word = strsep(&rest, " ")) != NULL) {
        char *value = strchr(word, '=');
        *value = 0;
        session_set(options, word, value + 1);
    }
}

void life_result(struct life *l, const char *what, enum life_unit unit, enum life_bound bound,
                 uint64_t target, uint64_t measured)
{
    if (l->result_count < LIFE_RESULTS_MAX)
        l->results[l->result_count++] = (struct life_result){what, unit, bound, target, measured};
}

uint64_t life_share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 100000 : part * 100000 / whole;
}

static bool is_met(const struct life_result *result)
{
    switch (result->bound) {
    case LIFE_AT_LEAST:
        return result->measured >= result->target;
    case LIFE_AT_MOST:
        return result->measured <= result->target;
    case LIFE_TOLD:
        break;
    }
    return true;
}

bool life_run(struct life *l, const struct life_scenario *scenario,
              const struct session_options *options)
{
    *l = (struct life){0};
    session_begin(&l->session, options);
    meter_init(&l->meter, &l->session.world);
    scenario->run(l);
    bool is_good = !l->session.oracle.has_failed;
    for (uint32_t i = 0; i < l->result_count; i++)
        is_good = is_good && is_met(&l->results[i]);
    return is_good;
}

static void print_number(enum life_unit unit, uint64_t value, char *out, size_t size)
{
    switch (unit) {
    case LIFE_COUNT:
        snprintf(out, size, "%" PRIu64, value);
        return;
    case LIFE_SHARE:
        snprintf(out, size, "%" PRIu64 ".%03" PRIu64 " %%", value / 1000, value % 1000);
        return;
    case LIFE_TIMES:
        snprintf(out, size, "%" PRIu64 ".%02" PRIu64, value / 100, value % 100);
        return;
    }
}

void life_print(const struct life *l, const struct life_scenario *scenario, FILE *to)
{
    static const char *const bounds[] = {"at least ", "at most ", ""};
    const struct oracle *oracle = &l->session.oracle;
    fprintf(to, "%s: %s (seed %" PRIu64 ")\n", scenario->name, scenario->text,
            l->session.options.seed);
    for (uint32_t i = 0; i < l->result_count; i++) {
        const struct life_result *result = &l->results[i];
        char target[32] = "", measured[32];
        if (result->bound != LIFE_TOLD)
            print_number(result->unit, result->target, target, sizeof target);
        print_number(result->unit, result->measured, measured, sizeof measured);
        fprintf(to, "  %-6s %-50s %14s  %s%s\n", is_met(result) ? "" : "MISSED", result->what,
                measured, bounds[result->bound], target);
    }
    if (oracle->has_failed)
        fprintf(to, "  BROKEN at %" PRIu64 " ms: %s\n", l->session.world.now_ms, oracle->rule);
}

void life_clear(struct life *l)
{
    meter_clear(&l->meter);
    session_clear(&l->session);
}
