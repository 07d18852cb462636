/* What a daemon costs: resident memory, threads and the time to be ready when idle; disk and heap
 * for each of 100,000 records of 1 KB, really put, and the time to be ready with them. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/items.h"
#include "tests/bench/load.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define STARTS    5
#define RECORDS   100000
#define SETTLE_US 1500000 /* what a start or a flood left to do is done by then */

static void print(const char *name, const char *what, const char *figure, const char *aim,
                  bool is_met)
{
    struct report_row row = {
        .name = name, .what = what, .figure = figure, .ratio = "", .aim = aim, .is_met = is_met};
    report_row(&row);
}

static void start(struct process *daemon, const char *binary, const char *datadir)
{
    struct process_options options = {.binary = binary,
                                      .datadir = datadir,
                                      .network = "mainline",
                                      .bootstrap = "none",
                                      .core = PROCESS_ALL_CORES};
    process_start(daemon, &options);
    process_wait_ready(daemon);
}

/* Each first start is in a directory of its own; the second is in the same again. */
static void measure_idle(const char *binary, const char *directory)
{
    char datadir[PROCESS_PATH_SIZE], figure[REPORT_TEXT_SIZE];
    double fresh[STARTS], again[STARTS], resident[STARTS];
    long threads = 0;
    for (size_t i = 0; i < STARTS; i++) {
        struct process daemon;
        snprintf(datadir, sizeof(datadir), "%s/idle%zu", directory, i);
        start(&daemon, binary, datadir);
        fresh[i] = daemon.ready_ms;
        usleep(SETTLE_US / STARTS);
        resident[i] = (double)process_status(&daemon, "VmRSS") / 1024;
        threads = process_status(&daemon, "Threads");
        process_stop(&daemon);
        start(&daemon, binary, datadir);
        again[i] = daemon.ready_ms;
        process_stop(&daemon);
    }
    double rss = report_median(resident, STARTS), first = report_median(fresh, STARTS),
           second = report_median(again, STARTS);
    print("idle", "resident memory, idle", report_format(figure, "%.1f MB", rss), "<= 6 MB",
          rss <= 6);
    print("idle", "threads, idle", report_format(figure, "%ld", threads), "", true);
    print("idle", "start to ready, new data directory", report_format(figure, "%.1f ms", first),
          "<= 5 ms", first <= 5);
    print("idle", "start to ready, existing data directory",
          report_format(figure, "%.1f ms", second), "<= 5 ms", second <= 5);
}

static double heap_bytes(const struct process *daemon)
{
    return (double)process_status(daemon, "RssAnon") * 1024;
}

static void put_records(struct process *daemon, struct load_result *result)
{
    struct items items;
    items_init(&items, 4, RECORDS, RECORD_V_MAX);
    struct load *load = load_new(daemon->port, false);
    items_put_all(&items, load, result);
    load_free(load);
    items_clear(&items);
}

static void measure_records(const char *binary, const char *directory)
{
    char datadir[PROCESS_PATH_SIZE], figure[REPORT_TEXT_SIZE];
    struct process daemon;
    struct load_result result;
    snprintf(datadir, sizeof(datadir), "%s/records", directory);
    start(&daemon, binary, datadir);
    double heap_before = heap_bytes(&daemon);
    put_records(&daemon, &result);
    usleep(SETTLE_US);
    double heap = (heap_bytes(&daemon) - heap_before) / RECORDS;
    double disk = (double)process_disk_bytes(&daemon) / RECORDS;
    process_stop(&daemon);
    start(&daemon, binary, datadir);
    double ready_ms = daemon.ready_ms;
    print("records", "disk a record of 1 KB, at 100,000", report_format(figure, "%.0f B", disk),
          "<= 1536 B", disk <= 1536);
    print("records", "heap a record, at 100,000", report_format(figure, "%.1f B", heap), "<= 100 B",
          heap <= 100);
    print("records", "heap a record, after a restart",
          report_format(figure, "%.1f B", (heap_bytes(&daemon) - heap_before) / RECORDS), "", true);
    print("records", "start to ready with them", report_format(figure, "%.1f ms", ready_ms),
          "<= 1000 ms", ready_ms <= 1000);
    print("records", "rate at which they were put", report_rate(result.rate, figure), "", true);
    process_stop(&daemon);
}

static bool is_named(const char *name, int argc, char **argv)
{
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc == 3;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        report_fail("usage: bench_memory XORD DIRECTORY [idle] [records]");
    if (is_named("idle", argc, argv))
        measure_idle(argv[1], argv[2]);
    if (is_named("records", argc, argv))
        measure_records(argv[1], argv[2]);
    return 0;
}
