/* Queries served by a daemon on one core, against a bare echo asked by the same generator from the
 * other core, in rounds that take turns: the machine's moods fall on both alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/bench/call.h"
#include "tests/bench/echo.h"
#include "tests/bench/fakes.h"
#include "tests/bench/items.h"
#include "tests/bench/load.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define ROUNDS         5
#define ROUND_NS       1000000000u
#define WINDOW         256
#define RECORDS        10000
#define CHECK_EVERY    64   /* this share of the answers is parsed and compared whole */
#define BUSY_MIN       0.85 /* below, the generator or another process was measured */
#define FILL_NS        6000000000u
#define LITERAL(at, s) memcpy((at), (s), sizeof(s) - 1)

enum kind { KIND_ECHO, KIND_PING, KIND_FIND_NODE, KIND_GET_SMALL, KIND_GET_LARGE, KIND_COUNT };

struct row {
    const char *name;
    const char *what;
    double aim;
    size_t (*query)(void *context, size_t slot, uint8_t *packet);
    bool (*is_right)(void *context, size_t slot, struct bytes packet);
    char y;
};

struct bench {
    struct process daemon;
    pid_t echo, fakes;
    struct load *to_echo, *to_daemon;
    struct items small, large;
    size_t table_nodes;
    bool is_wanted[KIND_COUNT];
    double rates[KIND_COUNT][ROUNDS], busy[KIND_COUNT][ROUNDS];
    uint64_t resent, refused;
};

/* One round's state. */
struct asking {
    const struct row *row;
    const struct items *items;
    uint64_t asked, answered, random;
    size_t at[LOAD_WINDOW_MAX];
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t ask_ping(void *context, size_t slot, uint8_t *packet)
{
    static const char text[] = "d1:ad2:id20:benchbenchbenchbenche1:q4:ping";
    (void)context;
    (void)slot;
    LITERAL(packet, text);
    return sizeof(text) - 1;
}

static size_t ask_find_node(void *context, size_t slot, uint8_t *packet)
{
    static const char head[] = "d1:ad2:id20:benchbenchbenchbench6:target20:";
    static const char tail[] = "e1:q9:find_node";
    struct asking *asking = context;
    uint8_t *at = packet + sizeof(head) - 1;
    (void)slot;
    LITERAL(packet, head);
    for (size_t i = 0; i < ID_SIZE; i += 4) {
        uint32_t part = (uint32_t)next_random(&asking->random);
        memcpy(at + i, &part, sizeof(part));
    }
    LITERAL(at + ID_SIZE, tail);
    return (size_t)(at - packet) + ID_SIZE + sizeof(tail) - 1;
}

static size_t ask_get(void *context, size_t slot, uint8_t *packet)
{
    struct asking *asking = context;
    asking->at[slot] = next_random(&asking->random) % asking->items->count;
    return items_get_packet(asking->items, asking->at[slot], packet);
}

static bool is_pong(void *context, size_t slot, struct bytes packet)
{
    struct krpc reply;
    (void)context;
    (void)slot;
    return krpc_parse(packet, &reply) == ERR_OK && reply.type == KRPC_RESPONSE && reply.has_id;
}

static bool is_node_list(void *context, size_t slot, struct bytes packet)
{
    struct krpc reply;
    (void)context;
    (void)slot;
    return krpc_parse(packet, &reply) == ERR_OK && reply.type == KRPC_RESPONSE && reply.has_id &&
           reply.nodes.size == KRPC_NODES_MAX * KRPC_COMPACT_V4;
}

static bool is_record(void *context, size_t slot, struct bytes packet)
{
    const struct asking *asking = context;
    return items_is_in(asking->items, asking->at[slot], packet);
}

static bool is_any(void *context, size_t slot, struct bytes packet)
{
    (void)context;
    (void)slot;
    return packet.size > 0;
}

static const struct row rows[KIND_COUNT] = {
    [KIND_ECHO] = {"echo", "bare libuv echo of the ping", 0, ask_ping, is_any, 'q'},
    [KIND_PING] = {"ping", "ping served", 0.75, ask_ping, is_pong, 'r'},
    [KIND_FIND_NODE] = {"find_node", "find_node, full table", 0.68, ask_find_node, is_node_list,
                        'r'},
    [KIND_GET_SMALL] = {"get", "get of 100 bytes, signed, of 10,000", 0.58, ask_get, is_record,
                        'r'},
    [KIND_GET_LARGE] = {"get", "get of 900 bytes, signed, of 10,000", 0.58, ask_get, is_record,
                        'r'},
};

/* Verifying a signature takes as long as many answers, so records are looked at less often. */
static bool accept(void *context, size_t slot, struct bytes packet, char y)
{
    struct asking *asking = context;
    if (y != asking->row->y)
        return false;
    uint64_t every = asking->items != NULL ? 64 * CHECK_EVERY : CHECK_EVERY;
    if (asking->answered++ % every != 0)
        return true;
    if (!asking->row->is_right(asking, slot, packet))
        report_fail("%s: an answer is not what was asked for", asking->row->what);
    return true;
}

static void run_round(struct bench *bench, enum kind kind, size_t round)
{
    struct asking asking = {.row = &rows[kind], .random = 0x9e3779b97f4a7c15u + round};
    if (kind == KIND_GET_SMALL || kind == KIND_GET_LARGE)
        asking.items = kind == KIND_GET_SMALL ? &bench->small : &bench->large;
    struct load_plan plan = {.context = &asking,
                             .window = WINDOW,
                             .is_spinning = true,
                             .duration_ns = ROUND_NS,
                             .server = kind == KIND_ECHO ? bench->echo : bench->daemon.pid,
                             .query = rows[kind].query,
                             .accept = accept};
    struct load_result result;
    load_run(kind == KIND_ECHO ? bench->to_echo : bench->to_daemon, &plan, &result);
    bench->rates[kind][round] = result.rate;
    bench->busy[kind][round] = result.busy;
    bench->resent += result.resent;
    bench->refused += result.refused;
}

static size_t table_size(struct call_connection *connection)
{
    json_t *info = call(connection, "getinfo", NULL);
    size_t count = (size_t)json_integer_value(json_object_get(info, "dht_nodes"));
    json_decref(info);
    return count;
}

/* The table is full when it has stopped growing. */
static void fill_table(struct bench *bench)
{
    struct call_connection connection;
    struct id id;
    if (!call_connect(&connection, bench->daemon.socket))
        report_fail("the daemon does not answer");
    json_t *info = call(&connection, "getinfo", NULL);
    const char *text = json_string_value(json_object_get(info, "id"));
    if (text == NULL || !hex_decode(text, strlen(text), id.b, ID_SIZE))
        report_fail("getinfo shows no id");
    json_decref(info);
    bench->fakes = fakes_start(&id, bench->daemon.port, PROCESS_LOAD_CORE);
    uint64_t end_ns = report_now_ns() + FILL_NS;
    size_t before = 0;
    do {
        before = bench->table_nodes;
        usleep(500000);
        bench->table_nodes = table_size(&connection);
    } while (report_now_ns() < end_ns && (before == 0 || bench->table_nodes != before));
    call_close(&connection);
}

static void put_records(struct bench *bench)
{
    struct load_result result;
    items_init(&bench->small, 1, RECORDS, 100);
    items_init(&bench->large, 2, RECORDS, 900);
    items_put_all(&bench->small, bench->to_daemon, &result);
    items_put_all(&bench->large, bench->to_daemon, &result);
}

static void start(struct bench *bench, const char *binary, const char *directory)
{
    char datadir[PROCESS_PATH_SIZE];
    uint16_t port;
    snprintf(datadir, sizeof(datadir), "%s/serve", directory);
    struct process_options options = {.binary = binary,
                                      .datadir = datadir,
                                      .network = "mainline",
                                      .bootstrap = "none",
                                      .core = PROCESS_SERVER_CORE};
    bench->echo = echo_start(PROCESS_SERVER_CORE, &port);
    process_start(&bench->daemon, &options);
    process_wait_ready(&bench->daemon);
    process_pin_self(PROCESS_LOAD_CORE);
    bench->to_echo = load_new(port, true);
    bench->to_daemon = load_new(bench->daemon.port, true);
    if (bench->is_wanted[KIND_FIND_NODE])
        fill_table(bench);
    if (bench->is_wanted[KIND_GET_SMALL])
        put_records(bench);
}

static void stop(struct bench *bench)
{
    load_free(bench->to_echo);
    load_free(bench->to_daemon);
    if (bench->fakes > 0)
        fakes_stop(bench->fakes);
    process_stop(&bench->daemon);
    echo_stop(bench->echo);
    items_clear(&bench->small);
    items_clear(&bench->large);
}

static void print(struct bench *bench, enum kind kind)
{
    char figure[REPORT_TEXT_SIZE], percent[REPORT_TEXT_SIZE], aim[REPORT_TEXT_SIZE],
        what[REPORT_TEXT_SIZE];
    double rate = report_median(bench->rates[kind], ROUNDS);
    double ratio = rate / report_median(bench->rates[KIND_ECHO], ROUNDS);
    struct report_row row = {.name = rows[kind].name,
                             .what = rows[kind].what,
                             .figure = report_rate(rate, figure),
                             .ratio = report_percent(ratio, percent),
                             .aim = "",
                             .is_met = ratio >= rows[kind].aim};
    if (kind != KIND_ECHO)
        row.aim = report_format(aim, ">= %.0f %%", rows[kind].aim * 100);
    if (kind == KIND_FIND_NODE)
        row.what = report_format(what, "%s of %zu nodes", rows[kind].what, bench->table_nodes);
    report_row(&row);
    double busy = report_median(bench->busy[kind], ROUNDS);
    if (busy < BUSY_MIN)
        printf("           (its core was busy for %.0f %% of the time alone)\n", busy * 100);
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
    static struct bench bench;
    if (argc < 3)
        report_fail("usage: bench_serve XORD DIRECTORY [ping] [find_node] [get]");
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        bench.is_wanted[kind] = kind == KIND_ECHO || is_named(rows[kind].name, argc, argv);
    start(&bench, argv[1], argv[2]);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t kind = 0; kind < KIND_COUNT; kind++) {
            if (bench.is_wanted[kind])
                run_round(&bench, (enum kind)kind, round);
        }
    }
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        if (bench.is_wanted[kind])
            print(&bench, (enum kind)kind);
    }
    if (bench.resent + bench.refused > 0)
        printf("           (%zu queries sent again, %zu answers refused)\n", (size_t)bench.resent,
               (size_t)bench.refused);
    stop(&bench);
    return 0;
}
