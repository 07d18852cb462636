/* What a node counts. One table; names are stable, for getinfo, metrics and tests. */
#ifndef XORD_DHT_COUNTERS_H
#define XORD_DHT_COUNTERS_H

#include <stdint.h>

#define COUNTER_TABLE(X)                                                                           \
    X(PACKETS_IN, "packets_in")                                                                    \
    X(PACKETS_OUT, "packets_out")                                                                  \
    X(BYTES_IN, "bytes_in")                                                                        \
    X(BYTES_OUT, "bytes_out")                                                                      \
    X(QUERIES_SERVED, "queries_served")                                                            \
    X(QUERIES_SENT, "queries_sent")                                                                \
    X(REPLIES_IN, "replies_in")                                                                    \
    X(QUERIES_LATE, "queries_late")                                                                \
    X(QUERIES_DEAD, "queries_dead")                                                                \
    X(PACKETS_MALFORMED, "packets_malformed")                                                      \
    X(PACKETS_FOREIGN_NETWORK, "packets_foreign_network")                                          \
    X(PACKETS_UNUSABLE_SOURCE, "packets_unusable_source")                                          \
    X(REPLIES_UNEXPECTED, "replies_unexpected")                                                    \
    X(REPLIES_WRONG_ID, "replies_wrong_id")                                                        \
    X(REPLIES_UNVERIFIED, "replies_unverified")                                                    \
    X(QUERIES_REFUSED_TOKEN, "queries_refused_token")                                              \
    X(QUERIES_REFUSED_MALFORMED, "queries_refused_malformed")                                      \
    X(QUERIES_REFUSED_UNKNOWN, "queries_refused_unknown")                                          \
    X(QUERIES_CUT_SHORT, "queries_cut_short")                                                      \
    X(QUERIES_IGNORED_AS_CLIENT, "queries_ignored_as_client")                                      \
    X(PUTS_ACCEPTED, "puts_accepted")                                                              \
    X(PUTS_REFUSED_SIZE, "puts_refused_size")                                                      \
    X(PUTS_REFUSED_SIGNATURE, "puts_refused_signature")                                            \
    X(PUTS_REFUSED_SEQ, "puts_refused_seq")                                                        \
    X(PUTS_REFUSED_CAS, "puts_refused_cas")                                                        \
    X(PUTS_REFUSED_TIME, "puts_refused_time")                                                      \
    X(PUTS_REFUSED_BUSY, "puts_refused_busy")                                                      \
    X(PUTS_REFUSED_STORAGE, "puts_refused_storage")                                                \
    X(OPERATIONS, "operations")                                                                    \
    X(OPERATIONS_REFUSED, "operations_refused")                                                    \
    X(REPUBLISHES, "republishes")                                                                  \
    X(RENEWALS, "renewals")                                                                        \
    X(PUSHES_ASKED, "pushes_asked")                                                                \
    X(PUSHES, "pushes")                                                                            \
    X(SYNCS_ASKED, "syncs_asked")                                                                  \
    X(SYNCS_LISTED, "syncs_listed")                                                                \
    X(SYNCS_GAVE, "syncs_gave")                                                                    \
    X(SYNCS_TOOK, "syncs_took")                                                                    \
    X(EFFECTS_LOST, "effects_lost")

#define COUNTER_ENUM(symbol, name) COUNTER_##symbol,
enum counter { COUNTER_TABLE(COUNTER_ENUM) COUNTER_COUNT };
#undef COUNTER_ENUM

const char *counter_name(enum counter counter);

#endif
