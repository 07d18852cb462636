/* Listening in a network of 32 daemons on loopback: how long after a put another daemon's client is
 * told, and thousands of keys listened to on one daemon while they change. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/fleet.h"
#include "tests/bench/report.h"

#define PUTS      512 /* one at a time, each of a key of its own that is listened to */
#define APART     7   /* the listener is the daemon so many places after the one that puts */
#define LISTENS   2000
#define VALUES    2000 /* put while they are listened to, */
#define RATE      200  /* so many a second */
#define WAIT_MS   20000
#define NAME_SIZE 24

struct listening {
    struct fleet fleet;
    struct call_connection listeners[FLEET_SIZE]; /* another one to each daemon */
    double put_ms[PUTS], event_ms[PUTS], over_ms[PUTS];
};

static void listen_to(struct listening *l, size_t listener, size_t owner, const char *kind,
                      size_t number)
{
    char resource[NAME_SIZE];
    snprintf(resource, sizeof(resource), "%s%zu", kind, number);
    call_send(&l->listeners[listener], 1, "listen",
              json_pack("[s,s,s]", l->fleet.keys[owner], resource, "s"));
}

/* What a line tells: "synced", "value", … or "" for a reply. */
static void read_event(const char *line, size_t size, char event[NAME_SIZE])
{
    json_t *notice = json_loadb(line, size, 0, NULL);
    const json_t *params = json_object_get(notice, "params");
    const char *name = json_string_value(json_object_get(params, "event"));
    if (json_object_get(notice, "error") != NULL)
        report_fail("listen: %.*s", (int)size, line);
    snprintf(event, NAME_SIZE, "%s", name != NULL ? name : "");
    json_decref(notice);
}

static void wait_synced(struct call_connection *c, size_t count)
{
    char event[NAME_SIZE];
    size_t size;
    while (count > 0) {
        const char *line = call_line(c, true, &size);
        read_event(line, size, event);
        count -= strcmp(event, "synced") == 0;
    }
}

static void put(struct listening *l, size_t owner, const char *kind, size_t number, int value)
{
    char resource[NAME_SIZE];
    snprintf(resource, sizeof(resource), "%s%zu", kind, number);
    call_send(&l->fleet.connections[owner], value, "dhtput",
              json_pack("[s,s,s,i]", FLEET_USER, resource, "s", value));
}

/* ---- one at a time ---- */

/* Waits for both, the put's answer and the event, whichever comes first. */
static void measure_one(struct listening *l, size_t i)
{
    size_t owner = i % FLEET_SIZE, size;
    struct call_connection *both[] = {&l->fleet.connections[owner],
                                      &l->listeners[(owner + APART) % FLEET_SIZE]};
    double *ms[] = {&l->put_ms[i], &l->event_ms[i]};
    bool is_there[2] = {false, false};
    uint64_t start_ns = report_now_ns();
    put(l, owner, "r", i, (int)i + 1);
    while (!is_there[0] || !is_there[1]) {
        struct pollfd readable[] = {{.fd = both[0]->fd, .events = POLLIN},
                                    {.fd = both[1]->fd, .events = POLLIN}};
        if (poll(readable, 2, WAIT_MS) == 0)
            report_fail("a put was not told");
        for (size_t k = 0; k < 2; k++) {
            if (readable[k].revents == 0 || call_line(both[k], false, &size) == NULL)
                continue;
            *ms[k] = (double)(report_now_ns() - start_ns) / 1e6;
            is_there[k] = true;
        }
    }
    l->over_ms[i] = l->event_ms[i] - l->put_ms[i];
}

static void print_ms(const char *what, double ms, double aim_ms)
{
    char figure[REPORT_TEXT_SIZE], aim[REPORT_TEXT_SIZE];
    struct report_row row = {.name = "listen",
                             .what = what,
                             .figure = report_format(figure, "%.2f ms", ms),
                             .ratio = "",
                             .aim = aim_ms > 0 ? report_format(aim, "<= %g ms", aim_ms) : "",
                             .is_met = ms <= aim_ms};
    report_row(&row);
}

static void measure_latency(struct listening *l)
{
    for (size_t i = 0; i < PUTS; i++)
        listen_to(l, (i + APART) % FLEET_SIZE, i % FLEET_SIZE, "r", i);
    for (size_t i = 0; i < FLEET_SIZE; i++)
        wait_synced(&l->listeners[i], PUTS / FLEET_SIZE);
    for (size_t i = 0; i < PUTS; i++)
        measure_one(l, i);
    print_ms("put to event on another node p50", report_percentile(l->event_ms, PUTS, 50), 0);
    print_ms("put to event p99", report_percentile(l->event_ms, PUTS, 99), 0);
    print_ms("put to event over the put's own time p50", report_percentile(l->over_ms, PUTS, 50),
             5);
    print_ms("put to event over the put's own time p99", report_percentile(l->over_ms, PUTS, 99),
             0);
}

/* ---- many at once ---- */

/* Takes what is there; answers how many values were among it. */
static size_t take_values(struct call_connection *c)
{
    char event[NAME_SIZE];
    size_t size, values = 0;
    const char *line;
    while ((line = call_line(c, false, &size)) != NULL) {
        read_event(line, size, event);
        if (strcmp(event, "gap") == 0)
            report_fail("a gap, though all was read");
        values += strcmp(event, "value") == 0;
    }
    return values;
}

static size_t take_answers(struct listening *l)
{
    size_t size, answers = 0;
    for (size_t i = 1; i < FLEET_SIZE; i++) {
        while (call_line(&l->fleet.connections[i], false, &size) != NULL)
            answers++;
    }
    return answers;
}

/* Puts at the rate, from all daemons but the listener; answers how many values were told. */
static size_t put_all(struct listening *l, double *seconds)
{
    size_t sent = 0, answers = 0, told = 0;
    uint64_t start_ns = report_now_ns(), end_ns = start_ns + WAIT_MS * 1000000ULL;
    while ((answers < VALUES || told < VALUES) && report_now_ns() < end_ns) {
        uint64_t due = (report_now_ns() - start_ns) * RATE / 1000000000u;
        for (; sent < VALUES && sent <= due; sent++)
            put(l, 1 + sent % (FLEET_SIZE - 1), "l", sent % LISTENS, (int)sent + 1);
        struct pollfd readable = {.fd = l->listeners[0].fd, .events = POLLIN};
        poll(&readable, 1, 1);
        told += take_values(&l->listeners[0]);
        answers += take_answers(l);
    }
    *seconds = (double)(report_now_ns() - start_ns) / 1e9;
    return told;
}

static void print_many(size_t told, double cpu_percent, long kilobytes)
{
    char figure[REPORT_TEXT_SIZE];
    struct report_row row = {.name = "listen",
                             .what = "2,000 keys listened to, 200 values a second: lost",
                             .figure = report_format(figure, "%zu", (size_t)VALUES - told),
                             .ratio = "",
                             .aim = "0",
                             .is_met = told == VALUES};
    report_row(&row);
    row = (struct report_row){.name = "listen", .ratio = "", .aim = ""};
    row.what = "the same: processor of that daemon, of one core";
    row.figure = report_format(figure, "%.1f %%", cpu_percent);
    report_row(&row);
    row.what = "the same: memory of 2,000 listens";
    row.figure = report_format(figure, "%.1f MB", (double)kilobytes / 1024);
    report_row(&row);
}

static void measure_many(struct listening *l)
{
    const struct process *daemon = &l->fleet.daemons[0];
    double seconds;
    long before_kb = process_status(daemon, "VmRSS");
    for (size_t i = 0; i < LISTENS; i++)
        listen_to(l, 0, 1 + i % (FLEET_SIZE - 1), "l", i);
    wait_synced(&l->listeners[0], LISTENS);
    uint64_t cpu_ns = process_cpu_ns(daemon->pid);
    size_t told = put_all(l, &seconds);
    double cpu_percent = (double)(process_cpu_ns(daemon->pid) - cpu_ns) / 1e9 / seconds * 100;
    print_many(told, cpu_percent, process_status(daemon, "VmRSS") - before_kb);
}

int main(int argc, char **argv)
{
    static struct listening l;
    if (argc < 3)
        report_fail("usage: bench_listen XORD DIRECTORY");
    fleet_start(&l.fleet, argv[1], argv[2]);
    for (size_t i = 0; i < FLEET_SIZE; i++) {
        if (!call_connect(&l.listeners[i], l.fleet.daemons[i].socket))
            report_fail("daemon %zu does not answer", i + 1);
    }
    measure_latency(&l);
    measure_many(&l);
    for (size_t i = 0; i < FLEET_SIZE; i++)
        call_close(&l.listeners[i]);
    fleet_stop(&l.fleet);
    return 0;
}
