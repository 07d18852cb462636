/* What happened: a hash over all events, by which two runs are compared, and the last of them, for
 * the report of a failure. */
#ifndef XORD_TESTS_SIM_TRACE_H
#define XORD_TESTS_SIM_TRACE_H

#include <stdio.h>

#include "common/bytes.h"

#define TRACE_KEPT 262144u /* events of all processes; a report looks back no farther */

#define TRACE_TABLE(X)                                                                             \
    X(SENT, "sent")                                                                                \
    X(LOST, "lost on the way")                                                                     \
    X(ARRIVED, "received")                                                                         \
    X(WRITE, "write")                                                                              \
    X(STORED, "stored")                                                                            \
    X(STARTED, "started")                                                                          \
    X(CRASHED, "crashed")                                                                          \
    X(LEFT, "left")                                                                                \
    X(PAUSED, "paused")                                                                            \
    X(RESUMED, "resumed")                                                                          \
    X(REQUEST, "request")                                                                          \
    X(COMPLETION, "completion")                                                                    \
    X(FAULT, "fault")

#define TRACE_ENUM(symbol, name) TRACE_##symbol,
enum trace_kind { TRACE_TABLE(TRACE_ENUM) TRACE_KIND_COUNT };
#undef TRACE_ENUM

struct trace_entry {
    uint64_t at_ms;
    uint64_t detail; /* a packet's content in short, an operation, a write */
    uint32_t process;
    uint32_t other; /* the other process, or an error */
    uint32_t size;
    uint32_t kind;
};

struct trace {
    struct trace_entry *entries; /* a ring; owned */
    uint64_t count;              /* of all that happened */
    uint64_t hash;
};

void trace_init(struct trace *t);
void trace_clear(struct trace *t);
void trace_add(struct trace *t, const struct trace_entry *entry);
uint64_t trace_content(struct bytes content); /* a packet in 8 bytes; not a MAC */
/* Prints the last `max` events of these processes, oldest first. */
void trace_print(const struct trace *t, const uint32_t *processes, size_t count, size_t max,
                 FILE *to);

#endif
