/* The floors by themselves: libuv echo, Ed25519 verify, LMDB puts, jansson. Each on one core. */
#include <stdio.h>
#include <string.h>

#include "tests/bench/echo.h"
#include "tests/bench/floor.h"
#include "tests/bench/load.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define DURATION_MS  1000
#define ROUNDS       3
#define WINDOW       256
#define MESSAGE_SIZE 128 /* what is signed of a value of 100 bytes */

static size_t ping(void *context, size_t slot, uint8_t *packet)
{
    static const char text[] = "d1:ad2:id20:benchbenchbenchbenche1:q4:ping";
    (void)context;
    (void)slot;
    memcpy(packet, text, sizeof(text) - 1);
    return sizeof(text) - 1;
}

static bool accept_any(void *context, size_t slot, struct bytes packet, char y)
{
    (void)context;
    (void)slot;
    (void)packet;
    return y == 'q';
}

static double echo_rate(void)
{
    uint16_t port;
    double rates[ROUNDS];
    struct load_plan plan = {.window = WINDOW,
                             .is_spinning = true,
                             .duration_ns = DURATION_MS * 1000000u,
                             .query = ping,
                             .accept = accept_any};
    pid_t echo = echo_start(PROCESS_SERVER_CORE, &port);
    process_pin_self(PROCESS_LOAD_CORE);
    struct load *load = load_new(port, true);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct load_result result;
        load_run(load, &plan, &result);
        rates[i] = result.rate;
    }
    load_free(load);
    echo_stop(echo);
    return report_median(rates, ROUNDS);
}

static void print(const char *what, double rate)
{
    char figure[REPORT_TEXT_SIZE];
    struct report_row row = {.name = "floors",
                             .what = what,
                             .figure = report_rate(rate, figure),
                             .ratio = "",
                             .aim = ""};
    report_row(&row);
}

int main(int argc, char **argv)
{
    char directory[256];
    if (argc < 3)
        report_fail("usage: bench_floor XORD DIRECTORY");
    snprintf(directory, sizeof(directory), "%s/floor", argv[2]);
    print("libuv UDP echo, UV_UDP_RECVMMSG and uv_udp_try_send", echo_rate());
    process_pin_self(PROCESS_SERVER_CORE);
    print("libsodium Ed25519 verify", floor_verify(MESSAGE_SIZE, DURATION_MS));
    print("LMDB puts of 1 KB, 128 a synced commit", floor_lmdb(directory, DURATION_MS));
    print("jansson parse and dump of a 500-byte request", floor_json(DURATION_MS));
    return 0;
}
