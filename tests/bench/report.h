/* What the benchmarks share to print: one line of the table a figure, medians and percentiles, and
 * the end of the program when it cannot measure. */
#ifndef XORD_BENCH_REPORT_H
#define XORD_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_TEXT_SIZE 48

struct report_row {
    const char *name; /* as scripts/bench takes it */
    const char *what;
    const char *figure;
    const char *ratio; /* to the floor measured in the same run; "" when there is none */
    const char *aim;   /* "" when there is none */
    bool is_met;
};

void report_row(const struct report_row *row);
/* "431,000/s" into `out`; returns `out`. */
const char *report_rate(double per_second, char out[REPORT_TEXT_SIZE]);
const char *report_percent(double ratio, char out[REPORT_TEXT_SIZE]);
const char *report_format(char out[REPORT_TEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sorts `values`; the one at `percent` (0 to 100). 0 when there are none. */
double report_percentile(double *values, size_t count, double percent);
double report_median(double *values, size_t count);

uint64_t report_now_ns(void); /* monotonic */
/* One line on stderr, and exit 1: a figure that cannot be measured is not left out in silence. */
void report_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
