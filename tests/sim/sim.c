/* The simulator's command: runs one session as its options say, tells how it went, and when a rule
 * is broken everything that is needed to see it again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/sim/life.h"
#include "tests/sim/shrink.h"

#define LAST_EVENTS 30u /* of the nodes concerned, in a failure's report */

static int usage(FILE *to)
{
    struct session_options o;
    session_defaults(&o);
    fprintf(to, "usage: sim [--shrink] [OPTION=NUMBER]...\n"
                "       sim life=SCENARIO [--short] [OPTION=NUMBER]...\n"
                "scenarios:\n");
    for (size_t i = 0; life_at(i) != NULL; i++)
        fprintf(to, "  %-20s %s\n", life_at(i)->name, life_at(i)->text);
    fprintf(to, "options:\n");
#define SESSION_HELP(name, value, text)                                                            \
    fprintf(to, "  %-20s %s (%" PRIu64 ")\n", #name, text, o.name);
    SESSION_TABLE(SESSION_HELP)
#undef SESSION_HELP
    fprintf(to, "faults:\n");
    for (unsigned kind = 0; kind < FAULT_KIND_COUNT; kind++)
        fprintf(to, "  %#6x %-10s %s\n", 1u << kind, fault_name((enum fault_kind)kind),
                fault_text((enum fault_kind)kind));
    static const char *const evil[] = {
#define SIM_EVIL(symbol, text) #symbol " " text,
        ADVERSARY_TABLE(SIM_EVIL)
#undef SIM_EVIL
    };
    fprintf(to, "evil:\n");
    for (unsigned kind = 0; kind < ADVERSARY_KIND_COUNT; kind++)
        fprintf(to, "  %#6x %s\n", 1u << kind, evil[kind]);
    return to == stderr ? 3 : 0;
}

static bool read_option(const char *argument, struct session_options *options)
{
    char name[64];
    const char *value = strchr(argument, '=');
    if (strncmp(argument, "--", 2) == 0)
        argument += 2;
    if (value == NULL || (size_t)(value - argument) >= sizeof name)
        return false;
    memcpy(name, argument, (size_t)(value - argument));
    name[value - argument] = 0;
    return session_set(options, name, value + 1);
}

static void print_figures(const struct session *s)
{
    const struct oracle_figures *f = &s->oracle.figures;
    const struct world *w = &s->world;
    uint64_t ended = f->gets > 0 ? f->gets : 1;
    uint64_t node_hours = s->node_ms / 3600000 > 0 ? s->node_ms / 3600000 : 1;
    printf("seed %" PRIu64 ": %u nodes up, %" PRIu64 " node-hours, %" PRIu64
           " events, trace %016" PRIx64 "\n",
           s->options.seed, w->live_count, node_hours, w->trace.count, w->trace.hash);
    printf("packets %" PRIu64 ", %" PRIu64 " a node-hour, %" PRIu64 " bytes each\n", w->packets,
           w->packets / node_hours, w->packets > 0 ? w->bytes / w->packets : 0);
    printf("sessions ended %" PRIu64 ", came back %" PRIu64 ", new %" PRIu64 ", faults %u\n",
           s->churn.ended, s->churn.came_back, s->churn.fresh, s->plan.count);
    printf("puts %" PRIu64 ": acknowledged %" PRIu64 ", refused %" PRIu64 ", cut off %" PRIu64 "\n",
           f->puts, f->acked, f->refused, s->client.cut_off);
    printf("gets %" PRIu64 ": good %" PRIu64 " (%" PRIu64 " of 100000), missed %" PRIu64
           ", stale %" PRIu64 ", unanswered %" PRIu64 "; of %" PRIu64 " held, good %" PRIu64 "\n",
           f->gets, f->found, f->found * 100000 / ended, f->missed, f->stale, f->unanswered,
           f->gets_held, f->found_held);
    printf("a get: %" PRIu64 ".%" PRIu64 " hops, %" PRIu64 ".%" PRIu64 " messages, %" PRIu64
           " ms\n",
           f->hops / ended, f->hops * 10 / ended % 10, f->messages / ended,
           f->messages * 10 / ended % 10, f->ms / ended);
    const struct signers_figures *signers = &s->signers.figures;
    if (s->options.multis > 0)
        printf("entries: puts %" PRIu64 ", acknowledged %" PRIu64 "; gathers %" PRIu64
               ", of %" PRIu64 " entries that they should bring good %" PRIu64
               "; in the end %" PRIu64 " entries lost\n",
               signers->puts, signers->acked, signers->gathers, signers->expected, signers->good,
               signers_count_lost(&s->signers));
    const struct subscribers_figures *heard = &s->subscribers.figures;
    if (s->options.listeners > 0)
        printf("listeners: %" PRIu64 " began, %" PRIu64 " synced; heard %" PRIu64
               " values, %" PRIu64 " deletions, %" PRIu64 " ends; of %" PRIu64 " promised %" PRIu64
               " within 5 s; %" PRIu64 " holders killed; %" PRIu64 " of %" PRIu64
               " of the nearest knew of them\n",
               heard->began, heard->synced, heard->values, heard->deletions, heard->expiries,
               heard->promised, heard->prompt, heard->killed, heard->leases_there,
               heard->leases_wanted);
    printf("in the end: %" PRIu64 " keys lost; %" PRIu64 " of %" PRIu64
           " table members dead; %" PRIu64 " of %" PRIu64 " copies where they belong\n",
           s->lost, s->dead, s->members, s->copies.there, s->copies.wanted);
}

/* `life`: the scenario's name; NULL for a plain session. */
static void print_command(const struct session_options *options, const char *life, FILE *to)
{
    struct session_options standard;
    session_defaults(&standard);
    if (life != NULL)
        life_options(life_find(life), false, &standard);
    fprintf(to, "  build/tests/sim/sim%s%s", life != NULL ? " life=" : "", life ? life : "");
#define SESSION_PRINT(name, value, text)                                                           \
    if (options->name != standard.name)                                                            \
        fprintf(to, " %s=%" PRIu64, #name, options->name);
    SESSION_TABLE(SESSION_PRINT)
#undef SESSION_PRINT
    fprintf(to, "\n");
}

static void print_failure(const struct session *s)
{
    const struct oracle *o = &s->oracle;
    fprintf(stderr, "FAILED: seed %" PRIu64 ", at %" PRIu64 ".%03u s: %s\n", s->options.seed,
            s->world.now_ms / 1000, (unsigned)(s->world.now_ms % 1000), o->rule);
    for (uint32_t i = 0; i < s->plan.count; i++) {
        const struct fault *fault = &s->plan.faults[i];
        if (s->plan.only >> i & 1 && fault->at_ms <= s->world.now_ms)
            fprintf(stderr, "  fault %u: %s from %" PRIu64 " s for %" PRIu64 " s, permille %u\n", i,
                    fault_name(fault->kind), fault->at_ms / 1000, fault->duration_ms / 1000,
                    fault->permille);
    }
    trace_print(&s->world.trace, o->concerned, o->concerned_count, LAST_EVENTS, stderr);
    fprintf(stderr, "again with:\n");
    print_command(&s->options, NULL, stderr);
}

static double cpu_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A scenario with its own options, those on the command line over them. */
static int run_life(const char *name, int argc, char **argv)
{
    static struct life life;
    struct session_options options;
    const struct life_scenario *scenario = life_find(name);
    bool is_short = argc > 0 && strcmp(argv[0], "--short") == 0;
    if (scenario == NULL)
        return usage(stderr);
    life_options(scenario, is_short, &options);
    for (int i = is_short; i < argc; i++)
        if (!read_option(argv[i], &options))
            return usage(stderr);
    bool is_good = life_run(&life, scenario, &options);
    life_print(&life, scenario, stdout);
    print_command(&options, scenario->name, stdout);
    printf("  %.1f s of processor time\n", cpu_s());
    life_clear(&life);
    return !is_good;
}

int main(int argc, char **argv)
{
    static struct session session;
    struct session_options options;
    bool is_shrinking = false;
    session_defaults(&options);
    if (argc > 1 && strncmp(argv[1], "life=", 5) == 0)
        return keys_init() == ERR_OK ? run_life(argv[1] + 5, argc - 2, argv + 2) : 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout);
        if (strcmp(argv[i], "--shrink") == 0)
            is_shrinking = true;
        else if (!read_option(argv[i], &options))
            return usage(stderr);
    }
    if (keys_init() != ERR_OK)
        return 1;
    session_run(&session, &options);
    double seconds = cpu_s();
    print_figures(&session);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("%.1f s of processor time: %.0f node-hours a minute; at most %ld MB\n", seconds,
           (double)session.node_ms / 3600000 / seconds * 60, used.ru_maxrss * 1024 / 1000000);
    bool has_failed = session.oracle.has_failed;
    if (has_failed)
        print_failure(&session);
    session_clear(&session);
    if (has_failed && is_shrinking) {
        shrink(&options, stderr);
        fprintf(stderr, "as small as it gets:\n");
        print_command(&options, NULL, stderr);
    }
    return has_failed;
}
