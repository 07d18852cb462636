/* 32 daemons on loopback: dhtput and dhtget one call at a time and 64 at once, values of 1 MiB, and
 * the gets at once after half of the daemons were killed. Each call has its own key, and a get asks
 * a daemon that did not put. */
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floor.h"
#include "tests/bench/report.h"
#include "tests/bench/targets.h"

#define KEYS         1024 /* values put, each under its own resource */
#define SLICES       4
#define MANY_CALLS   4096 /* of the run with many in flight */
#define IN_FLIGHT    64
#define APART        7 /* a get asks the daemon so many places after the one that put */
#define NAME_SIZE    24
#define LARGE_SIZE   (1024 * 1024)
#define LARGE_ROUNDS 3

struct network {
    struct fleet fleet;
    struct id targets[KEYS];
    double put_ms[KEYS], get_ms[KEYS];
    double commits_ms[SLICES]; /* the floor under a put: what the disk alone takes */
    size_t stored;             /* copies, over all puts */
    size_t empty;              /* gets that found nothing */
};

static double put_once(struct network *network, size_t index)
{
    struct call_connection *connection = &network->fleet.connections[index % FLEET_SIZE];
    char resource[NAME_SIZE];
    snprintf(resource, sizeof(resource), "r%zu", index);
    json_t *params = json_pack("[s,s,s,{s:s,s:f,s:i}]", "bench", resource, "s", "fullname", "Alice",
                               "height", 1.75, "number", (int)index);
    uint64_t start_ns = report_now_ns();
    json_t *result = call(connection, "dhtput", params);
    double ms = (double)(report_now_ns() - start_ns) / 1e6;
    const char *target = json_string_value(json_object_get(result, "target"));
    if (target == NULL || !hex_decode(target, strlen(target), network->targets[index].b, ID_SIZE))
        report_fail("dhtput shows no target");
    network->stored += (size_t)json_integer_value(json_object_get(result, "stored"));
    json_decref(result);
    return ms;
}

static json_t *get_params(const struct network *network, size_t index)
{
    char resource[NAME_SIZE];
    snprintf(resource, sizeof(resource), "r%zu", index);
    return json_pack("[s,s,s]", network->fleet.keys[index % FLEET_SIZE], resource, "s");
}

static double get_once(struct network *network, size_t index, size_t node, bool *is_found)
{
    json_t *params = get_params(network, index);
    uint64_t start_ns = report_now_ns();
    json_t *result = call(&network->fleet.connections[node], "dhtget", params);
    double ms = (double)(report_now_ns() - start_ns) / 1e6;
    *is_found = json_array_size(result) == 1;
    json_decref(result);
    return ms;
}

static void print_ms(const char *what, double ms, double floor_ms, double aim_ms)
{
    char figure[REPORT_TEXT_SIZE], aim[REPORT_TEXT_SIZE], ratio[REPORT_TEXT_SIZE];
    struct report_row row = {.name = "network",
                             .what = what,
                             .figure = report_format(figure, "%.2f ms", ms),
                             .ratio = floor_ms > 0 ? report_percent(ms / floor_ms, ratio) : "",
                             .aim = aim_ms > 0 ? report_format(aim, "<= %g ms", aim_ms) : "",
                             .is_met = ms <= aim_ms};
    report_row(&row);
}

/* The disk's moods fall on the puts and on their floor alike: they take turns. */
static void put_all(struct network *network, const char *directory)
{
    for (size_t slice = 0; slice < SLICES; slice++) {
        network->commits_ms[slice] = floor_commits_ms(directory);
        for (size_t i = slice * KEYS / SLICES; i < (slice + 1) * KEYS / SLICES; i++)
            network->put_ms[i] = put_once(network, i);
    }
}

static void measure_single(struct network *network, const char *directory)
{
    char what[REPORT_TEXT_SIZE];
    put_all(network, directory);
    double commits_ms = report_median(network->commits_ms, SLICES);
    for (size_t i = 0; i < KEYS; i++) {
        bool is_found;
        network->get_ms[i] = get_once(network, i, (i + APART) % FLEET_SIZE, &is_found);
        network->empty += !is_found;
    }
    print_ms("dhtget p50, one call at a time", report_percentile(network->get_ms, KEYS, 50), 0,
             0.5);
    print_ms("dhtget p99", report_percentile(network->get_ms, KEYS, 99), 0, 0);
    print_ms("bare LMDB: 8 synced commits at once, then 1", commits_ms, 0, 0);
    report_format(what, "dhtput p50, on disk on %.1f nodes and kept",
                  (double)network->stored / KEYS);
    print_ms(what, report_percentile(network->put_ms, KEYS, 50), commits_ms, 2.5);
    print_ms("dhtput p99", report_percentile(network->put_ms, KEYS, 99), 0, 0);
    if (network->empty > 0)
        printf("           (%zu of %d gets found nothing)\n", network->empty, KEYS);
}

static uint64_t cpu_ns(const struct network *network)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < FLEET_SIZE; i++)
        sum += process_cpu_ns(network->fleet.daemons[i].pid);
    return sum;
}

static void send_get(struct network *network, size_t number)
{
    size_t index = number % KEYS;
    call_send(&network->fleet.connections[number % FLEET_SIZE], (int)number, "dhtget",
              get_params(network, (index + APART) % KEYS));
}

/* Takes all answers that are there; each makes room for the next call, on the same daemon. */
static size_t take_answers(struct network *network, size_t node, size_t *sent)
{
    size_t size, taken = 0;
    const char *line;
    while ((line = call_line(&network->fleet.connections[node], false, &size)) != NULL) {
        int id;
        json_t *result = call_result(line, size, &id);
        network->empty += json_array_size(result) != 1;
        json_decref(result);
        taken++;
        if (*sent < MANY_CALLS) {
            size_t number = (*sent / FLEET_SIZE) * FLEET_SIZE + node;
            (*sent)++;
            send_get(network, number);
        }
    }
    return taken;
}

static void measure_many(struct network *network)
{
    struct pollfd readable[FLEET_SIZE];
    char figure[REPORT_TEXT_SIZE];
    size_t sent = 0, taken = 0;
    network->empty = 0;
    for (size_t i = 0; i < FLEET_SIZE; i++)
        readable[i] = (struct pollfd){.fd = network->fleet.connections[i].fd, .events = POLLIN};
    uint64_t cpu_before_ns = cpu_ns(network), start_ns = report_now_ns();
    for (; sent < IN_FLIGHT; sent++)
        send_get(network, sent);
    while (taken < MANY_CALLS) {
        poll(readable, FLEET_SIZE, 1000);
        for (size_t i = 0; i < FLEET_SIZE; i++) {
            if (readable[i].revents != 0)
                taken += take_answers(network, i, &sent);
        }
    }
    double seconds = (double)(report_now_ns() - start_ns) / 1e9;
    double cpu_ms = (double)(cpu_ns(network) - cpu_before_ns) / 1e6 / MANY_CALLS;
    struct report_row row = {.name = "network",
                             .what = "dhtget, 64 in flight over all daemons",
                             .figure = report_rate(MANY_CALLS / seconds, figure),
                             .ratio = "",
                             .aim = ""};
    report_row(&row);
    row.what = "processor time a dhtget, all daemons together";
    row.figure = report_format(figure, "%.3f ms", cpu_ms);
    report_row(&row);
    if (network->empty > 0)
        printf("           (%zu of %d gets found nothing)\n", network->empty, MANY_CALLS);
}

/* Packets that all daemons have sent. */
static uint64_t packets(struct network *network)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < FLEET_SIZE; i++) {
        json_t *info = call(&network->fleet.connections[i], "getinfo", NULL);
        const json_t *traffic = json_object_get(info, "traffic");
        sum += (uint64_t)json_integer_value(json_object_get(traffic, "packets_out"));
        json_decref(info);
    }
    return sum;
}

static void print_large(const char *verb, double *seconds, uint64_t sent)
{
    char what[REPORT_TEXT_SIZE], figure[REPORT_TEXT_SIZE];
    struct report_row row = {.name = "network", .what = what, .ratio = "", .aim = ""};
    report_format(what, "1 MiB %s: seconds", verb);
    row.figure = report_format(figure, "%.2f s", report_median(seconds, LARGE_ROUNDS));
    report_row(&row);
    report_format(what, "1 MiB %s: packets of all daemons", verb);
    row.figure = report_format(figure, "%.0f", (double)sent / LARGE_ROUNDS);
    report_row(&row);
}

/* Random bytes as base64, so that no two chunks are equal. */
static json_t *large_params(size_t round)
{
    static uint8_t content[LARGE_SIZE];
    static char text[LARGE_SIZE / 3 * 4 + 8];
    char resource[NAME_SIZE];
    randombytes_buf(content, sizeof(content));
    sodium_bin2base64(text, sizeof(text), content, sizeof(content), sodium_base64_VARIANT_ORIGINAL);
    snprintf(resource, sizeof(resource), "large%zu", round);
    return json_pack("{s:s,s:s,s:s,s:s}", "username", "bench", "resource", resource, "type", "s",
                     "value_base64", text);
}

static void measure_large(struct network *network)
{
    double put_s[LARGE_ROUNDS], get_s[LARGE_ROUNDS];
    uint64_t put_packets = 0, get_packets = 0;
    for (size_t i = 0; i < LARGE_ROUNDS; i++) {
        json_t *params = large_params(i);
        json_t *wanted = json_incref(json_object_get(params, "value_base64"));
        char resource[NAME_SIZE];
        snprintf(resource, sizeof(resource), "large%zu", i);
        uint64_t before = packets(network), start_ns = report_now_ns();
        json_decref(call(&network->fleet.connections[i], "dhtput", params));
        put_s[i] = (double)(report_now_ns() - start_ns) / 1e9;
        uint64_t between = packets(network);
        start_ns = report_now_ns();
        json_t *got = call(&network->fleet.connections[i + APART], "dhtget",
                           json_pack("[s,s,s]", network->fleet.keys[i], resource, "s"));
        get_s[i] = (double)(report_now_ns() - start_ns) / 1e9;
        put_packets += between - before;
        get_packets += packets(network) - between;
        const json_t *part = json_object_get(json_array_get(got, 0), "p");
        if (!json_equal(json_object_get(part, "v_base64"), wanted))
            report_fail("1 MiB came back as something else");
        json_decref(got);
        json_decref(wanted);
    }
    print_large("put", put_s, put_packets);
    print_large("got", get_s, get_packets);
}

/* The odd ones stay; the first, from which all started, is among the killed. */
static void measure_killed(struct network *network)
{
    struct targets held = {0};
    char figure[REPORT_TEXT_SIZE], what[REPORT_TEXT_SIZE];
    size_t living = 0, found = 0, asked = 0;
    for (size_t i = 1; i < FLEET_SIZE; i += 2)
        targets_read(&held, &network->fleet.connections[i]);
    for (size_t i = 0; i < FLEET_SIZE; i += 2)
        process_kill(&network->fleet.daemons[i]);
    for (size_t i = 0; i < KEYS; i++) {
        bool is_found, is_living = targets_has(&held, &network->targets[i]);
        size_t node = (i + APART) % FLEET_SIZE;
        double ms = get_once(network, i, node % 2 == 1 ? node : (node + 1) % FLEET_SIZE, &is_found);
        living += is_living;
        found += is_living && is_found;
        if (is_living)
            network->get_ms[asked++] = ms;
    }
    report_format(what, "16 of 32 killed: found of %zu with a holder", living);
    struct report_row row = {
        .name = "network",
        .what = what,
        .figure = report_format(figure, "%.1f %%",
                                living > 0 ? 100.0 * (double)found / (double)living : 0),
        .ratio = "",
        .aim = "100 %",
        .is_met = found == living && living > 0};
    report_row(&row);
    print_ms("dhtget p50, at once after the kill", report_percentile(network->get_ms, asked, 50), 0,
             0);
    print_ms("dhtget p99, at once after the kill", report_percentile(network->get_ms, asked, 99), 0,
             300);
    targets_clear(&held);
}

int main(int argc, char **argv)
{
    static struct network network;
    if (argc < 3)
        report_fail("usage: bench_network XORD DIRECTORY");
    fleet_start(&network.fleet, argv[1], argv[2]);
    measure_single(&network, argv[2]);
    measure_many(&network);
    measure_large(&network);
    measure_killed(&network);
    fleet_stop(&network.fleet);
    return 0;
}
