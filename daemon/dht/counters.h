/* What a node counts. One table; names are stable, for getinfo, metrics and tests. Counters only
 * grow. */
#ifndef XORD_DHT_COUNTERS_H
#define XORD_DHT_COUNTERS_H

#include <stdint.h>

#define COUNTER_TABLE(X)                                                                           \
    X(PACKETS_IN, "packets_in", "packets received")                                                \
    X(PACKETS_OUT, "packets_out", "packets sent")                                                  \
    X(BYTES_IN, "bytes_in", "bytes of packets received")                                           \
    X(BYTES_OUT, "bytes_out", "bytes of packets sent")                                             \
    X(QUERIES_SERVED, "queries_served", "queries answered")                                        \
    X(QUERIES_SENT, "queries_sent", "queries sent")                                                \
    X(REPLIES_IN, "replies_in", "replies to queries of ours")                                      \
    X(QUERIES_LATE, "queries_late", "queries not answered in the time expected")                   \
    X(QUERIES_DEAD, "queries_dead", "queries never answered")                                      \
    X(PACKETS_MALFORMED, "packets_malformed", "packets dropped: not KRPC")                         \
    X(PACKETS_FOREIGN_NETWORK, "packets_foreign_network", "packets dropped: of another network")   \
    X(PACKETS_UNUSABLE_SOURCE, "packets_unusable_source",                                          \
      "packets dropped: from no usable address")                                                   \
    X(REPLIES_UNEXPECTED, "replies_unexpected", "replies that nobody asked for")                   \
    X(REPLIES_WRONG_ID, "replies_wrong_id", "replies under another id than asked")                 \
    X(REPLIES_UNVERIFIED, "replies_unverified", "replies whose values did not verify")             \
    X(QUERIES_REFUSED_TOKEN, "queries_refused_token", "queries refused: bad token")                \
    X(QUERIES_REFUSED_MALFORMED, "queries_refused_malformed", "queries refused: malformed")        \
    X(QUERIES_REFUSED_UNKNOWN, "queries_refused_unknown", "queries refused: unknown method")       \
    X(QUERIES_CUT_SHORT, "queries_cut_short", "queries answered without all that was asked")       \
    X(QUERIES_IGNORED_AS_CLIENT, "queries_ignored_as_client",                                      \
      "queries not answered: the role is client")                                                  \
    X(PUTS_ACCEPTED, "puts_accepted", "puts of others stored")                                     \
    X(PUTS_REFUSED_SIZE, "puts_refused_size", "puts refused: too big")                             \
    X(PUTS_REFUSED_SIGNATURE, "puts_refused_signature", "puts refused: bad signature")             \
    X(PUTS_REFUSED_SEQ, "puts_refused_seq", "puts refused: stale sequence number")                 \
    X(PUTS_REFUSED_CAS, "puts_refused_cas", "puts refused: cas mismatch")                          \
    X(PUTS_REFUSED_TIME, "puts_refused_time", "puts refused: expired or ahead of time")            \
    X(PUTS_REFUSED_BUSY, "puts_refused_busy", "puts refused: too many writes waiting")             \
    X(PUTS_REFUSED_STORAGE, "puts_refused_storage", "puts refused: no room or no disk")            \
    X(OPERATIONS, "operations", "operations begun, its own too")                                   \
    X(OPERATIONS_REFUSED, "operations_refused", "operations refused")                              \
    X(REPUBLISHES, "republishes", "own values put again")                                          \
    X(RENEWALS, "renewals", "own values signed anew")                                              \
    X(PUSHES_ASKED, "pushes_asked", "holders asked before a record is passed on")                  \
    X(PUSHES, "pushes", "records passed on to other holders")                                      \
    X(SYNCS_ASKED, "syncs_asked", "holders asked to compare a multi")                              \
    X(SYNCS_LISTED, "syncs_listed", "holders that listed a multi")                                 \
    X(SYNCS_GAVE, "syncs_gave", "entries given to such a holder")                                  \
    X(SYNCS_TOOK, "syncs_took", "entries taken from such a holder")                                \
    X(LEASES_GRANTED, "leases_granted", "leases granted to subscribers")                           \
    X(LEASES_RENEWED, "leases_renewed", "leases renewed")                                          \
    X(LEASES_REFUSED, "leases_refused", "leases refused: too many")                                \
    X(LEASES_ENDED, "leases_ended", "leases given up, not renewed or unknown to the subscriber")   \
    X(DELIVERIES, "deliveries", "new records pushed to subscribers")                               \
    X(DELIVERIES_REPEATED, "deliveries_repeated", "pushes repeated for want of an answer")         \
    X(DELIVERIES_ACKNOWLEDGED, "deliveries_acknowledged", "pushes acknowledged")                   \
    X(DELIVERIES_REFUSED, "deliveries_refused", "pushes refused by the subscriber")                \
    X(DELIVERIES_UNANSWERED, "deliveries_unanswered", "pushes never answered")                     \
    X(DELIVERIES_DROPPED, "deliveries_dropped",                                                    \
      "pushes not sent: too many, or the subscriber is silent")                                    \
    X(COMMANDS, "commands", "commands received for programs")                                      \
    X(COMMANDS_REPEATED, "commands_repeated", "commands that came again in the same packet")       \
    X(COMMANDS_ANSWERED, "commands_answered", "commands answered by a program")                    \
    X(COMMANDS_REFUSED_BUSY, "commands_refused_busy", "commands refused: too many waiting")        \
    X(COMMANDS_TIMED_OUT, "commands_timed_out", "commands that no program answered in time")       \
    X(COMMANDS_LATE, "commands_late", "programs' answers that nobody waited for")                  \
    X(LISTENS, "listens", "listens begun")                                                         \
    X(LISTEN_NEWS, "listen_news", "records told to listens")                                       \
    X(SEEKS, "seeks", "searches for nodes to listen to")                                           \
    X(CATCHUPS, "catchups", "holders read, whose digest said that they had something else")        \
    X(POLLS, "polls", "foreign holders asked for what is listened to")                             \
    X(LEASES_TAKEN, "leases_taken", "leases granted to us")                                        \
    X(LEASES_DENIED, "leases_denied", "leases not granted to us")                                  \
    X(LEASES_LOST, "leases_lost", "leases lost with their holders")                                \
    X(LEASE_RENEWALS, "lease_renewals", "packets sent that renew leases")                          \
    X(NEWS_TAKEN, "news_taken", "records pushed to us and taken, or known")                        \
    X(NEWS_REFUSED_UNKNOWN, "news_refused_unknown", "pushes refused: no such subscription")        \
    X(NEWS_REFUSED_SOURCE, "news_refused_source", "pushes refused: not from its holder")           \
    X(NEWS_REFUSED_OTHER, "news_refused_other", "pushes refused: not what is listened to")         \
    X(NEWS_REFUSED_FORGED, "news_refused_forged", "pushes refused: not genuine, or ended")         \
    X(EFFECTS_LOST, "effects_lost", "effects lost for want of memory")

#define COUNTER_ENUM(symbol, name, help) COUNTER_##symbol,
enum counter { COUNTER_TABLE(COUNTER_ENUM) COUNTER_COUNT };
#undef COUNTER_ENUM

const char *counter_name(enum counter counter);
const char *counter_help(enum counter counter); /* what it counts, one clause */

#endif
