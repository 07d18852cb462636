#include "tests/bench/fleet.h"

#include <stdio.h>

#include "tests/bench/report.h"

static void start_one(struct fleet *fleet, size_t i, const char *binary, const char *directory,
                      const char *bootstrap)
{
    char datadir[PROCESS_PATH_SIZE];
    snprintf(datadir, sizeof(datadir), "%s/n%zu", directory, i + 1);
    struct process_options options = {.binary = binary,
                                      .datadir = datadir,
                                      .network = "xord",
                                      .bootstrap = bootstrap,
                                      .core = PROCESS_ALL_CORES};
    process_start(&fleet->daemons[i], &options);
}

static void make_key(struct fleet *fleet, size_t i)
{
    json_decref(call(&fleet->connections[i], "createkey", json_pack("[s]", FLEET_USER)));
    json_t *key = call(&fleet->connections[i], "pubkey", json_pack("[s]", FLEET_USER));
    snprintf(fleet->keys[i], FLEET_KEY_TEXT, "%s", json_string_value(key));
    json_decref(key);
}

void fleet_start(struct fleet *fleet, const char *binary, const char *directory)
{
    char bootstrap[32] = "none";
    for (size_t i = 0; i < FLEET_SIZE; i++) {
        start_one(fleet, i, binary, directory, bootstrap);
        if (i == 0) {
            process_wait_ready(&fleet->daemons[0]);
            snprintf(bootstrap, sizeof(bootstrap), "127.0.0.1:%u", fleet->daemons[0].port);
        }
    }
    for (size_t i = 0; i < FLEET_SIZE; i++) {
        if (i > 0)
            process_wait_ready(&fleet->daemons[i]);
        if (!call_connect(&fleet->connections[i], fleet->daemons[i].socket))
            report_fail("daemon %zu does not answer", i + 1);
        make_key(fleet, i);
    }
}

void fleet_stop(struct fleet *fleet)
{
    for (size_t i = 0; i < FLEET_SIZE; i++) {
        call_close(&fleet->connections[i]);
        process_kill(&fleet->daemons[i]);
    }
}
