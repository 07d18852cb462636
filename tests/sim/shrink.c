#include "tests/sim/shrink.h"

#include <inttypes.h>
#include <stdlib.h>

#define NODES_MIN 4u

/* Whether these options fail; how many faults were drawn goes to *faults. */
static bool fails(const struct session_options *options, uint32_t *faults, FILE *to)
{
    struct session *s = malloc(sizeof *s);
    if (s == NULL)
        return false;
    session_run(s, options);
    bool has_failed = s->oracle.has_failed;
    *faults = s->plan.count;
    fprintf(to, "nodes %" PRIu64 ", keys %" PRIu64 ", faults %016" PRIx64 ": %s\n", options->nodes,
            options->keys, options->only, has_failed ? s->oracle.rule : "passes");
    session_clear(s);
    free(s);
    return has_failed;
}

/* Takes `smaller` when it still fails. */
static bool take(struct session_options *options, const struct session_options *smaller, FILE *to)
{
    uint32_t faults;
    if (!fails(smaller, &faults, to))
        return false;
    *options = *smaller;
    return true;
}

/* Leaves out runs of faults, longer ones first, then each alone. */
static void drop_faults(struct session_options *options, uint32_t count, FILE *to)
{
    if (count == 0)
        return;
    uint32_t run = count;
    while (run > 0) {
        for (uint32_t at = 0; at < count; at += run) {
            struct session_options smaller = *options;
            for (uint32_t i = at; i < at + run && i < count; i++)
                smaller.only &= ~((uint64_t)1 << i);
            if (smaller.only != options->only)
                take(options, &smaller, to);
        }
        run /= 2;
    }
}

void shrink(struct session_options *options, FILE *to)
{
    uint32_t faults;
    if (!fails(options, &faults, to))
        return;
    if (faults < PLAN_FAULTS_MAX)
        options->only &= ((uint64_t)1 << faults) - 1;
    drop_faults(options, faults, to);
    for (;;) {
        struct session_options smaller = *options;
        smaller.nodes /= 2;
        if (smaller.nodes < NODES_MIN || !take(options, &smaller, to))
            break;
    }
    for (;;) {
        struct session_options smaller = *options;
        smaller.keys /= 2;
        if (smaller.keys == 0 || !take(options, &smaller, to))
            break;
    }
}
