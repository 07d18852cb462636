/* A server on a loop and a fake host, with one socket in a scratch folder, and its clients: plain
 * descriptors that say and hear while the loop turns. */
#ifndef XORD_TESTS_RPC_SERVING_H
#define XORD_TESTS_RPC_SERVING_H

#include <check.h>

#include "rpc/json/json.h"
#include "rpc/server/server.h"
#include "tests/daemon/scratch.h"
#include "tests/rpc/fake_host.h"

#define SERVING_TURNS_MAX 100000 /* of the loop until a test gives up waiting */
#define CHECK_CALL(id)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"check\",\"params\":[\"help\"]}\n"
#define CHECK_ANSWER(id) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":true}\n"

struct serving {
    struct fake_host fake;
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct rpc_server *server;
    struct scratch scratch;
    char path[PATH_MAX]; /* of the socket with all methods */
    struct json_text got;
};

/* Gives each of the tests a server of its own, and returns where it is; after it all is closed and
 * the socket's file is gone. */
struct serving *serving_fixture(TCase *tests);

/* A client, not blocking. */
int serving_connect(const char *path);
/* The loop turns once, without waiting. */
void serving_turn(struct serving *s);
void serving_say(struct serving *s, int fd, const char *data, size_t size);
void serving_say_text(struct serving *s, int fd, const char *text);
/* Reads until `lines` line feeds are there, or with SIZE_MAX until the end. Borrowed until the next
 * call. */
const char *serving_hear(struct serving *s, int fd, size_t lines);
void serving_wait_clients(struct serving *s, size_t count);

#endif
