/* Mutable puts with rising seq, each verified and on disk before it is acknowledged, against bare
 * verification on one core: with the daemon on one core, and with daemon and generator sharing
 * both. Signed before the clock starts; only acknowledgements are counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/bench/floor.h"
#include "tests/bench/items.h"
#include "tests/bench/load.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define ROUNDS       5
#define ROUND_NS     1000000000u
#define VERIFY_MS    500
#define WINDOW       256   /* items, each with one put in flight: so seq rises in order */
#define SIGNED_MAX   40000 /* a round's supply; a faster daemon ends its round early */
#define V_SIZE       100
#define MESSAGE_SIZE 138 /* what is signed of it: salt, seq and value */

struct bench {
    struct process daemon;
    struct load *load;
    struct items items;
    int64_t seq_base;
    uint8_t (*sigs)[KEYS_SIGNATURE_SIZE]; /* of item i's n-th put: n * WINDOW + i */
    size_t used[WINDOW];
    uint64_t resent, refused;
};

static size_t next_put(void *context, size_t slot, uint8_t *packet)
{
    struct bench *bench = context;
    size_t turn = bench->used[slot];
    if ((turn + 1) * WINDOW > SIGNED_MAX)
        return 0;
    bench->used[slot]++;
    return items_put_packet(&bench->items, slot, bench->seq_base + (int64_t)turn,
                            bench->sigs[turn * WINDOW + slot], packet);
}

static bool accept(void *context, size_t slot, struct bytes packet, char y)
{
    (void)context;
    (void)slot;
    (void)packet;
    return y == 'r';
}

static size_t bad_put(void *context, size_t slot, uint8_t *packet)
{
    struct bench *bench = context;
    uint8_t sig[KEYS_SIGNATURE_SIZE];
    int64_t seq = bench->seq_base + SIGNED_MAX;
    items_sign(&bench->items, slot, seq, sig);
    sig[0] ^= 1;
    return items_put_packet(&bench->items, slot, seq, sig, packet);
}

static bool accept_error(void *context, size_t slot, struct bytes packet, char y)
{
    struct krpc reply;
    (void)context;
    (void)slot;
    return y == 'e' && krpc_parse(packet, &reply) == ERR_OK &&
           reply.error_code == err_code(ERR_BAD_SIGNATURE);
}

/* What was measured did verify: the same puts with a bad signature are refused, each one. */
static void check_refusal(struct bench *bench)
{
    struct load_plan plan = {.context = bench,
                             .window = WINDOW,
                             .duration_ns = ROUND_NS,
                             .count = WINDOW,
                             .query = bad_put,
                             .accept = accept_error};
    struct load_result result;
    load_run(bench->load, &plan, &result);
    if (result.answered < WINDOW || result.refused > 0)
        report_fail("puts with a bad signature are not refused");
}

/* Signs the next round's puts. */
static void prepare(struct bench *bench)
{
    process_pin_self(PROCESS_ALL_CORES);
    bench->seq_base += SIGNED_MAX / WINDOW + 1;
    for (size_t i = 0; i + WINDOW <= SIGNED_MAX; i += WINDOW) {
        for (size_t slot = 0; slot < WINDOW; slot++)
            items_sign(&bench->items, slot, bench->seq_base + (int64_t)(i / WINDOW),
                       bench->sigs[i + slot]);
    }
    memset(bench->used, 0, sizeof(bench->used));
    items_fetch_tokens(&bench->items, bench->load);
}

static double run_round(struct bench *bench, bool is_shared)
{
    prepare(bench);
    process_pin(bench->daemon.pid, is_shared ? PROCESS_ALL_CORES : PROCESS_SERVER_CORE);
    process_pin_self(is_shared ? PROCESS_ALL_CORES : PROCESS_LOAD_CORE);
    struct load_plan plan = {.context = bench,
                             .window = WINDOW,
                             .is_spinning = !is_shared,
                             .duration_ns = ROUND_NS,
                             .query = next_put,
                             .accept = accept};
    struct load_result result;
    load_run(bench->load, &plan, &result);
    bench->resent += result.resent;
    bench->refused += result.refused;
    return result.rate;
}

static double verify_rate(void)
{
    process_pin_self(PROCESS_SERVER_CORE);
    return floor_verify(MESSAGE_SIZE, VERIFY_MS);
}

static void print(const char *what, double rate, double floor, double aim)
{
    char figure[REPORT_TEXT_SIZE], percent[REPORT_TEXT_SIZE], wanted[REPORT_TEXT_SIZE];
    struct report_row row = {.name = "put",
                             .what = what,
                             .figure = report_rate(rate, figure),
                             .ratio = floor > 0 ? report_percent(rate / floor, percent) : "",
                             .aim = aim > 0 ? report_format(wanted, ">= %.0f %%", aim * 100) : "",
                             .is_met = floor > 0 && rate / floor >= aim};
    report_row(&row);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    char datadir[PROCESS_PATH_SIZE];
    double one[ROUNDS], both[ROUNDS], floor[ROUNDS];
    if (argc < 3)
        report_fail("usage: bench_put XORD DIRECTORY");
    snprintf(datadir, sizeof(datadir), "%s/put", argv[2]);
    struct process_options options = {.binary = argv[1],
                                      .datadir = datadir,
                                      .network = "mainline",
                                      .bootstrap = "none",
                                      .core = PROCESS_ALL_CORES};
    bench.sigs = calloc(SIGNED_MAX, sizeof(*bench.sigs));
    items_init(&bench.items, 3, WINDOW, V_SIZE);
    process_start(&bench.daemon, &options);
    process_wait_ready(&bench.daemon);
    bench.load = load_new(bench.daemon.port, true);
    for (size_t i = 0; i < ROUNDS; i++) {
        floor[i] = verify_rate();
        one[i] = run_round(&bench, false);
        both[i] = run_round(&bench, true);
    }
    check_refusal(&bench);
    double verify = report_median(floor, ROUNDS);
    print("bare libsodium verify, one core", verify, 0, 0);
    print("puts verified and on disk, daemon on one core", report_median(one, ROUNDS), verify, 0.5);
    print("the same, daemon and generator share two cores", report_median(both, ROUNDS), verify,
          0.75);
    if (bench.resent + bench.refused > 0)
        printf("           (%zu puts sent again, %zu refused)\n", (size_t)bench.resent,
               (size_t)bench.refused);
    load_free(bench.load);
    process_stop(&bench.daemon);
    items_clear(&bench.items);
    free(bench.sigs);
    return 0;
}
