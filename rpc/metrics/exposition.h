/* Metrics as text, in Prometheus' exposition format 0.0.4: families with their help and type, and
 * their samples. Knows no metric; metrics_text.c does. Integers and exact seconds only. */
#ifndef XORD_RPC_EXPOSITION_H
#define XORD_RPC_EXPOSITION_H

#include "rpc/json/json.h"
#include "rpc/metrics/histogram.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8" /* its media type */

struct exposition_label {
    const char *name; /* NULL: none */
    const char *value;
};

/* Begins a family, whose samples follow. `type` is counter, gauge or histogram; `help` one line. */
void exposition_family(struct json_text *out, const char *name, const char *type, const char *help);
void exposition_sample(struct json_text *out, const char *name, struct exposition_label label,
                       uint64_t value);
/* As exposition_sample; shown in seconds, exactly. */
void exposition_seconds(struct json_text *out, const char *name, struct exposition_label label,
                        uint64_t value_ns);
/* As exposition_sample, with two labels. */
void exposition_sample2(struct json_text *out, const char *name, struct exposition_label first,
                        struct exposition_label second, uint64_t value);
/* The buckets, sum and count of one histogram, in seconds. */
void exposition_histogram(struct json_text *out, const char *name, struct exposition_label label,
                          const struct histogram *h, const struct histogram_scale *scale);

#endif
