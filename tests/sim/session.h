/* One simulation from its options to its verdict: a network that bootstraps, a load, churn and
 * faults, then quiet, in which all must come right. */
#ifndef XORD_TESTS_SIM_SESSION_H
#define XORD_TESTS_SIM_SESSION_H

#include "tests/sim/adversary.h"
#include "tests/sim/churn.h"
#include "tests/sim/client.h"
#include "tests/sim/oracle_node.h"
#include "tests/sim/plan.h"
#include "tests/sim/prober.h"
#include "tests/sim/subscribers.h"

/* Every option, by the name it has on the command line, with its default. */
#define SESSION_TABLE(X)                                                                           \
    X(seed, 1, "all chance comes from it")                                                         \
    X(nodes, 100, "honest nodes")                                                                  \
    X(minutes, 60, "from the first put until the faults stop")                                     \
    X(ramp_s, 60, "in which the nodes start, one after the other")                                 \
    X(from_first, 0, "1: all start from the first node alone")                                     \
    X(mainline, 0, "1: they speak on BitTorrent's network, with no tag of their own")              \
    X(settle_minutes, 40, "quiet at the end, in which all must come right")                        \
    X(keys, 100, "records, put once at the beginning")                                             \
    X(owners, 16, "who sign them")                                                                 \
    X(load_s, 120, "in which they are put")                                                        \
    X(keep, 0, "permille of puts that the putting node keeps alive")                               \
    X(get_ms, 1000, "between gets, on the average, all nodes together")                            \
    X(put_ms, 20000, "between later puts")                                                         \
    X(ttl_minutes, RECORD_TTL_S_DEFAULT / 60, "until a record ends")                               \
    X(value_size, 100, "bytes")                                                                    \
    X(multis, 0, "targets of multis; entries are put and gathered as often as records")            \
    X(entries, 40, "of each, by as many signers as there are owners")                              \
    X(flood_ms, 0, "between entries of one who wants all the room; 0: none")                       \
    X(multi_entries, 0, "that a holder holds of one multi; 0: the usual")                          \
    X(listeners, 0, "who listen to records and multis, at a time")                                 \
    X(listen_minutes, 0, "median until one gives it up and another begins; 0: they stay")          \
    X(kill_holder_s, 0, "between killings of who holds what is listened to; 0: none")              \
    X(mute, 0, "permille of pushes lost, beside what else is")                                     \
    X(leased, 0, "permille of the 8 nearest that know who listens; 0: not judged")                 \
    X(prompt, 0, "permille of values heard within 5 seconds; 0: not judged")                       \
    X(delivered, 0, "permille of pushes that must be acknowledged; 0: not judged")                 \
    X(loss, 0, "permille of packets")                                                              \
    X(duplicate, 0, "permille")                                                                    \
    X(reorder, 0, "permille held back")                                                            \
    X(corrupt, 0, "permille with a byte changed")                                                  \
    X(delay_min_ms, 10, "of each packet")                                                          \
    X(delay_median_ms, 20, "more, exponentially")                                                  \
    X(delay_max_ms, 400, "of both together")                                                       \
    X(disk_min_ms, 2, "until a write is synced")                                                   \
    X(disk_median_ms, 4, "more")                                                                   \
    X(disk_errors, 0, "permille of writes that end in an error")                                   \
    X(nat, 0, "permille of nodes that hear only those they asked")                                 \
    X(drift_ppm, 0, "of each clock, at most")                                                      \
    X(median_minutes, 0, "median session; 0: nobody comes or goes")                                \
    X(leave, 0, "permille of sessions that end in order")                                          \
    X(fresh, 1000, "permille of sessions after which a new node comes instead")                    \
    X(adversaries, 0, "nodes that mean harm")                                                      \
    X(evil, 0x1f, "their kinds, a bit each; --help names them")                                    \
    X(faults, 0, "kinds of faults, a bit each; --help names them")                                 \
    X(fault_every_minutes, 10, "on the average")                                                   \
    X(only, UINT64_MAX, "which of the drawn faults take place, a bit each")                        \
    X(probe_ms, 0, "between probes of what must not work; 0: none")                                \
    X(forged, 10, "permille of queries answered by forgers too, when there are probes")            \
    X(partings, 0, "nodes that leave in order in the end, one after the other")                    \
    X(parting_s, 60, "in which they do")                                                           \
    X(copies, 0, "permille of copies that must be where they belong in the end; 0: not judged")    \
    X(slow_ms, 0, "a get that is good may take so long on the average; 0: not judged")             \
    X(good, 0, "permille of gets that must be good in the end; 0: not judged")                     \
    X(dead, 0, "permille of table members that may be dead in the end")

#define SESSION_FIELD(name, value, text) uint64_t name;
struct session_options {
    SESSION_TABLE(SESSION_FIELD)
};
#undef SESSION_FIELD

struct session {
    struct session_options options;
    struct world world;
    struct ledger ledger;
    struct oracle oracle;
    struct client client;
    struct signers signers;
    struct subscribers subscribers;
    struct adversaries adversaries;
    struct churn churn;
    struct prober prober;
    struct plan plan;
    uint64_t quiet_ms; /* when the faults stop */
    struct oracle_figures at_quiet;
    uint64_t lost; /* acknowledged keys that no disk of a node that is up has, at the end */
    uint64_t members, dead;
    struct oracle_copies copies;
    uint64_t node_ms; /* of nodes that were up */
};

void session_defaults(struct session_options *options);
/* Sets one option by its name; false when there is none of it or the value is no number. */
bool session_set(struct session_options *options, const char *name, const char *value);
/* Runs it to its end, or to the first broken rule (s->oracle.has_failed). To be cleared after. */
void session_run(struct session *s, const struct session_options *options);
/* Its parts, for scenarios that go on by themselves: the nodes start and every key is put; and
 * churn begins, as the options say. */
void session_begin(struct session *s, const struct session_options *options);
void session_churn(struct session *s);
void session_clear(struct session *s);

#endif
