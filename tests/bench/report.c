#include "tests/bench/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void report_row(const struct report_row *row)
{
    const char *verdict = row->aim[0] == '\0' ? "" : row->is_met ? "met" : "missed";
    printf("%-10s %-52s %16s %7s  %-12s %s\n", row->name, row->what, row->figure, row->ratio,
           row->aim, verdict);
    fflush(stdout);
}

const char *report_format(char out[REPORT_TEXT_SIZE], const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(out, REPORT_TEXT_SIZE, format, list);
    va_end(list);
    return out;
}

const char *report_rate(double per_second, char out[REPORT_TEXT_SIZE])
{
    uint64_t rounded = ((uint64_t)per_second + 50) / 100 * 100;
    if (rounded < 1000)
        return report_format(out, "%.0f/s", per_second);
    if (rounded < 1000000)
        return report_format(out, "%u,%03u/s", (unsigned)(rounded / 1000),
                             (unsigned)(rounded % 1000));
    return report_format(out, "%u,%03u,%03u/s", (unsigned)(rounded / 1000000),
                         (unsigned)(rounded / 1000 % 1000), (unsigned)(rounded % 1000));
}

const char *report_percent(double ratio, char out[REPORT_TEXT_SIZE])
{
    return report_format(out, "%.0f %%", ratio * 100);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double report_percentile(double *values, size_t count, double percent)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare);
    size_t index = (size_t)((double)count * percent / 100);
    return values[index < count ? index : count - 1];
}

double report_median(double *values, size_t count)
{
    return report_percentile(values, count, 50);
}

uint64_t report_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void report_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}
