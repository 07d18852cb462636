#include "rpc/client/client_handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/dht/event.h"
#include "daemon/dht/serve/requests.h"
#include "rpc/client/client_exec.h"
#include "rpc/json/json.h"
#include "rpc/limits.h"
#include "rpc/values/base64.h"

#define RESPOND_ID 1
#define TURN_MS    10u /* between two looks whether one has ended */

static const char *text_in(const json_t *params, const char *key)
{
    return json_string_value(json_object_get(params, key));
}

static json_int_t number_of(const json_t *params)
{
    return json_integer_value(json_object_get(params, "request"));
}

/* ---- what goes in and what comes out ---- */

struct json_text client_handle_input(const json_t *params)
{
    struct json_text text = {0};
    const json_t *value = json_object_get(params, "value");
    const char *base64 = text_in(params, "value_base64");
    if (base64 != NULL) {
        size_t size = 0;
        uint8_t *bytes = base64_decode(base64, &size);
        json_text_append(&text, (const char *)bytes, bytes != NULL ? size : 0);
        free(bytes);
    } else if (json_is_string(value)) {
        json_text_append(&text, json_string_value(value), json_string_length(value));
    } else if (value != NULL && !json_is_null(value)) {
        json_write(&text, value, 0);
    }
    return text;
}

static json_t *error_of(int status)
{
    return json_integer(status < COMMAND_ERROR_OWN ? COMMAND_ERROR_OWN : status);
}

/* NULL when it is bytes that are no text. */
static json_t *value_of(const struct client_args *args, struct bytes printed)
{
    json_t *json = args->is_string ? NULL : json_read(printed, RPC_DEPTH_MAX, NULL, 0);
    if (json != NULL) {
        return json;
    }
    bool has_feed = printed.data[printed.size - 1] == '\n';
    return json_stringn((const char *)printed.data, printed.size - has_feed);
}

json_t *client_handle_answer(const struct client_args *args, json_int_t request, int status,
                             struct bytes printed)
{
    json_t *answer = json_pack("{s:I}", "request", request);
    if (status != 0) {
        json_object_set_new(answer, "error", error_of(status));
        return answer;
    }
    if (printed.size == 0) {
        return answer;
    }
    json_t *value = args->is_bytes ? NULL : value_of(args, printed);
    if (value != NULL) {
        json_object_set_new(answer, "value", value);
    } else {
        json_object_set_new(answer, "value_base64", base64_to_json(printed));
    }
    return answer;
}

/* ---- one request, in a process of its own ---- */

static void complain(json_int_t request, const char *what)
{
    fprintf(stderr, "xord: handle: request %lld: %s\n", (long long)request, what);
}

/* The error's number; 0: it was taken. */
static json_int_t respond(struct client_socket *socket, json_t *answer, json_int_t number)
{
    char error[CLIENT_ERROR_SIZE] = "";
    json_t *call = json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", RESPOND_ID, "method",
                             "respond", "params", answer);
    json_t *reply = call != NULL ? client_socket_call(socket, call, error) : NULL;
    const json_t *failure = json_object_get(reply, "error");
    json_int_t code = json_integer_value(json_object_get(failure, "code"));
    const char *message = text_in(failure, "message");
    if (reply == NULL || code != 0) {
        complain(number, reply == NULL ? error : message != NULL ? message : "not taken");
    }
    json_decref(reply);
    json_decref(call);
    return code;
}

/* By a connection of its own: that of the handler is its parent's. */
static void send_answer(const struct client_args *args, json_t *answer, json_int_t number)
{
    char error[CLIENT_ERROR_SIZE] = "";
    struct client_socket socket;
    if (!client_socket_open(&socket, args, false, error)) {
        complain(number, error);
        return;
    }
    if (respond(&socket, answer, number) == err_code(ERR_TOO_BIG)) {
        json_t *refusal = client_handle_answer(args, number, COMMAND_ERROR_OWN, (struct bytes){0});
        respond(&socket, refusal, number);
        json_decref(refusal);
    }
    client_socket_close(&socket);
}

static void add_variables(struct client_variables *variables, const struct client_args *args,
                          const json_t *params, char number[32])
{
    const json_t *from = json_object_get(params, "from");
    const char *target = text_in(params, "target");
    snprintf(number, 32, "%lld", (long long)number_of(params));
    client_variables_add(variables, "XORD_COMMAND", text_in(params, "command"));
    client_variables_add(variables, "XORD_TARGET", target != NULL ? target : "");
    client_variables_add(variables, "XORD_FROM_ID", text_in(from, "id"));
    client_variables_add(variables, "XORD_FROM_ADDR", text_in(from, "addr"));
    client_variables_add(variables, "XORD_TOKEN",
                         json_is_true(json_object_get(params, "token")) ? "1" : "0");
    client_variables_add(variables, "XORD_REQUEST", number);
    client_variables_add(variables, "XORD_RPC_SOCKET", args->rpc_socket);
}

static void run(const struct client_args *args, const json_t *params, uint64_t deadline_ms)
{
    char number[32];
    struct client_variables variables = {0};
    add_variables(&variables, args, params, number);
    struct json_text input = client_handle_input(params);
    struct client_printed printed = {.size_max = CLIENT_HANDLE_PRINT_MAX};
    int status = client_exec_read(args->command, &variables, bytes_of(input.data, input.size),
                                  deadline_ms, &printed);
    if (status < 0) {
        complain(number_of(params), strerror(errno));
    } else if (printed.is_ended) {
        /* The client is gone, and the daemon has said so to who asked. */
    } else if (printed.is_late) {
        complain(number_of(params), "it took too long and was ended");
    } else {
        if (printed.size > printed.size_max) {
            complain(number_of(params), "it printed too much and was ended");
            status = COMMAND_ERROR_OWN;
        }
        json_t *answer = client_handle_answer(args, number_of(params), status,
                                              bytes_of(printed.data, printed.size));
        send_answer(args, answer, number_of(params));
        json_decref(answer);
    }
    free(printed.data);
    json_text_clear(&input);
}

/* ---- all of them ---- */

static void wait_for_one(struct client_handling *handling, int options)
{
    pid_t ended;
    do {
        ended = waitpid(-1, NULL, options);
    } while (ended < 0 && errno == EINTR);
    if (ended > 0) {
        handling->running--;
    } else if (ended < 0) {
        handling->running = 0;
    }
}

static void collect(struct client_handling *handling)
{
    unsigned before;
    do {
        before = handling->running;
        if (before > 0) {
            wait_for_one(handling, WNOHANG);
        }
    } while (handling->running < before);
}

static void start(struct client_handling *handling, const struct client_waiting *next)
{
    pid_t child = client_exec_fork();
    if (child == 0) {
        run(handling->args, next->params, next->deadline_ms);
        _exit(0);
    }
    if (child > 0) {
        handling->running++;
    } else {
        complain(number_of(next->params), strerror(errno));
    }
}

static void take_first(struct client_handling *handling)
{
    json_decref(handling->queue[0].params);
    handling->count--;
    memmove(&handling->queue[0], &handling->queue[1], handling->count * sizeof handling->queue[0]);
}

/* All that there is room for and time left. */
static void start_waiting(struct client_handling *handling)
{
    collect(handling);
    while (handling->count > 0) {
        const struct client_waiting *next = &handling->queue[0];
        bool is_late = client_socket_now_ms() >= next->deadline_ms;
        if (!is_late && handling->running == CLIENT_HANDLE_MAX) {
            return;
        }
        if (is_late) {
            complain(number_of(next->params), "it waited too long and was not run");
        } else {
            start(handling, next);
        }
        take_first(handling);
    }
}

static uint64_t on_turn(struct client_stream *stream)
{
    struct client_handling *handling = stream->context;
    start_waiting(handling);
    return handling->running > 0 ? client_socket_now_ms() + TURN_MS : UINT64_MAX;
}

static bool on_request(struct client_stream *stream, const json_t *params, bool *is_counted)
{
    struct client_handling *handling = stream->context;
    *is_counted = json_object_get(params, "request") != NULL;
    if (!*is_counted) {
        return true;
    }
    if (handling->count == CLIENT_HANDLE_QUEUE_MAX) {
        complain(number_of(params), "too many wait");
        return true;
    }
    handling->queue[handling->count++] = (struct client_waiting){
        .params = json_incref((json_t *)(uintptr_t)params), /* jansson takes no const */
        .deadline_ms = client_socket_now_ms() + REQUESTS_DEADLINE_MS,
    };
    return true;
}

void client_handle_begin(struct client_handling *handling, struct client_stream *stream,
                         const struct client_args *args)
{
    *handling = (struct client_handling){.args = args};
    stream->on_event = on_request;
    stream->on_turn = on_turn;
    stream->context = handling;
}

void client_handle_end(struct client_handling *handling, bool is_daemon_gone)
{
    while (is_daemon_gone && handling->count > 0) {
        take_first(handling);
    }
    start_waiting(handling);
    while (handling->running > 0) {
        wait_for_one(handling, 0);
        start_waiting(handling);
    }
}
