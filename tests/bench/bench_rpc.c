/* Calls over the Unix socket: 50 connections, the daemon on one core, the generator on the other;
 * one call in flight a connection, and 16. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/call.h"
#include "tests/bench/floor.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define CONNECTIONS 50
#define DEPTH_MAX   16
#define ROUNDS      3
#define ROUND_NS    1000000000u
#define JSON_MS     300
#define CHECK_EVERY 256
#define BUFFER      (64 * 1024)
#define REQUEST_MAX 128

struct round {
    const char *method;
    char request[DEPTH_MAX * REQUEST_MAX]; /* the same request, many times */
    size_t request_size;                   /* of one */
    int epoll;
    uint64_t answered;
    char buffer[BUFFER];
    size_t kept[CONNECTIONS]; /* bytes of an unfinished line, at its start alone: not kept whole */
};

struct row {
    const char *method;
    unsigned depth;
    const char *what;
    double aim;
};

static const struct row rows[] = {
    {"getinfo", 1, "getinfo, 50 connections, 1 in flight each", 90000},
    {"getinfo", DEPTH_MAX, "getinfo, 50 connections, 16 in flight each", 90000},
    {"waitready", 1, "waitready, 50 connections, 1 in flight each", 180000},
    {"waitready", DEPTH_MAX, "waitready, 50 connections, 16 in flight each", 180000},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void send_requests(const struct round *round, int fd, size_t count)
{
    size_t size = count * round->request_size;
    if (send(fd, round->request, size, MSG_NOSIGNAL) != (ssize_t)size)
        report_fail("the daemon does not take requests");
}

static void check(const struct round *round, const char *line, size_t size)
{
    int id;
    json_t *result = call_result(line, size, &id);
    if (result == NULL || id != 7)
        report_fail("%s answers %.*s", round->method, (int)size, line);
    json_decref(result);
}

/* Counts the whole lines that came; a line that began in an earlier read is counted at its end. */
static size_t take_lines(struct round *round, size_t index, size_t size)
{
    size_t lines = 0;
    char *at = round->buffer, *end = round->buffer + size, *next;
    while ((next = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        bool is_whole = at > round->buffer || round->kept[index] == 0;
        if (is_whole && round->answered % CHECK_EVERY == 0)
            check(round, at, (size_t)(next - at));
        round->answered++;
        lines++;
        at = next + 1;
    }
    round->kept[index] = (size_t)(end - at);
    return lines;
}

static void serve(struct round *round, const int *fds, bool is_asking)
{
    struct epoll_event events[CONNECTIONS];
    int count = epoll_wait(round->epoll, events, CONNECTIONS, is_asking ? 0 : 100);
    for (int i = 0; i < count; i++) {
        size_t index = events[i].data.u64;
        ssize_t size = recv(fds[index], round->buffer, BUFFER, MSG_DONTWAIT);
        if (size <= 0)
            report_fail("the daemon closed a connection");
        size_t lines = take_lines(round, index, (size_t)size);
        while (is_asking && lines > 0) {
            size_t some = lines < DEPTH_MAX ? lines : DEPTH_MAX;
            send_requests(round, fds[index], some);
            lines -= some;
        }
    }
}

static void write_request(struct round *round, const char *method)
{
    char one[REQUEST_MAX];
    int size = snprintf(one, sizeof(one),
                        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":[]}\n", method);
    round->method = method;
    round->request_size = (size_t)size;
    for (size_t i = 0; i < DEPTH_MAX; i++)
        memcpy(round->request + i * round->request_size, one, round->request_size);
}

static double run_round(const struct row *row, const int *fds, int epoll)
{
    static struct round round;
    memset(&round, 0, sizeof(round));
    round.epoll = epoll;
    write_request(&round, row->method);
    uint64_t start_ns = report_now_ns(), now_ns = start_ns;
    for (size_t i = 0; i < CONNECTIONS; i++)
        send_requests(&round, fds[i], row->depth);
    while (now_ns - start_ns < ROUND_NS) {
        serve(&round, fds, true);
        now_ns = report_now_ns();
    }
    uint64_t answered = round.answered, seen = 0;
    while (round.answered != seen) { /* what is in flight is read and not counted */
        seen = round.answered;
        serve(&round, fds, false);
    }
    return (double)answered * 1e9 / (double)(now_ns - start_ns);
}

static void open_connections(const struct process *daemon, int *fds, int epoll)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct call_connection connection;
        if (!call_connect(&connection, daemon->socket))
            report_fail("connection %zu is refused", i + 1);
        fds[i] = connection.fd;
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    }
}

static void print(const struct row *row, double rate, double floor)
{
    char figure[REPORT_TEXT_SIZE], percent[REPORT_TEXT_SIZE], aim[REPORT_TEXT_SIZE],
        least[REPORT_TEXT_SIZE];
    struct report_row line = {.name = "rpc",
                              .what = row->what,
                              .figure = report_rate(rate, figure),
                              .ratio = report_percent(rate / floor, percent),
                              .aim = report_format(aim, ">= %s", report_rate(row->aim, least)),
                              .is_met = rate >= row->aim};
    report_row(&line);
}

int main(int argc, char **argv)
{
    static double rates[ROW_COUNT][ROUNDS];
    struct process daemon;
    char datadir[PROCESS_PATH_SIZE], figure[REPORT_TEXT_SIZE];
    double floor[ROUNDS];
    int fds[CONNECTIONS];
    if (argc < 3)
        report_fail("usage: bench_rpc XORD DIRECTORY");
    snprintf(datadir, sizeof(datadir), "%s/rpc", argv[2]);
    struct process_options options = {.binary = argv[1],
                                      .datadir = datadir,
                                      .network = "mainline",
                                      .bootstrap = "none",
                                      .core = PROCESS_SERVER_CORE};
    process_start(&daemon, &options);
    process_wait_ready(&daemon);
    process_pin_self(PROCESS_LOAD_CORE);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    open_connections(&daemon, fds, epoll);
    for (size_t i = 0; i < ROUNDS; i++) {
        floor[i] = floor_json(JSON_MS);
        for (size_t row = 0; row < ROW_COUNT; row++)
            rates[row][i] = run_round(&rows[row], fds, epoll);
    }
    double json = report_median(floor, ROUNDS);
    struct report_row line = {.name = "rpc",
                              .what = "jansson parse and dump of a 500-byte request",
                              .figure = report_rate(json, figure),
                              .ratio = "",
                              .aim = ""};
    report_row(&line);
    for (size_t row = 0; row < ROW_COUNT; row++)
        print(&rows[row], report_median(rates[row], ROUNDS), json);
    process_stop(&daemon);
    return 0;
}
