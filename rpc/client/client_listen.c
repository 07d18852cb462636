#include "rpc/client/client_listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rpc/client/client_exec.h"
#include "rpc/client/client_output.h"
#include "rpc/client/client_places.h"
#include "rpc/client/client_stream.h"
#include "rpc/json/json.h"

#define METHOD   "listen"
#define RETRY_MS 100u /* between two looks for the daemon: a restart takes some milliseconds */

struct listening {
    const struct client_args *args;
    json_t *params;
    struct client_stream stream;
    struct client_places places; /* shown; where that may be told again */
    json_int_t n;                /* of what was shown, over all connections */
    time_t began;
    bool is_again;    /* connected before */
    bool has_synced;  /* shown */
    bool is_ended;    /* by the daemon's `end`, */
    bool is_stopping; /* since it stops */
};

static bool is_event(const json_t *params, const char *name)
{
    const char *event = json_string_value(json_object_get(params, "event"));
    return event != NULL && strcmp(event, name) == 0;
}

static bool is_late(const struct listening *l)
{
    return client_socket_now_ms() >= l->stream.deadline_ms;
}

/* ---- commands ---- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Its digits in `out`; NULL when there is none. */
static const char *number_of(const json_t *object, const char *key, char out[24])
{
    const json_t *number = json_object_get(object, key);
    if (!json_is_integer(number))
        return NULL;
    snprintf(out, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    return out;
}

static void tell_status(const struct listening *l, int status)
{
    if (status < 0)
        fprintf(stderr, "xord: listen: cannot run the command: %s\n", strerror(errno));
    else if (status == CLIENT_EXEC_LATE && is_late(l))
        fprintf(stderr, "xord: listen: the time is up, and the command was ended\n");
    else if (status > 0)
        fprintf(stderr, "xord: listen: the command exited with %d\n", status);
}

static void run_command(const struct listening *l, const json_t *params, struct bytes input)
{
    const json_t *value = json_object_get(params, "value");
    const json_t *part = json_object_get(value, "p"), *target = json_object_get(part, "target");
    char n[24], seq[24], time[24], dropped[24];
    struct client_variables variables = {.count = 0};
    client_variables_add(&variables, "XORD_EVENT", text_of(params, "event"));
    client_variables_add(&variables, "XORD_N", number_of(params, "n", n));
    client_variables_add(&variables, "XORD_DROPPED", number_of(params, "dropped", dropped));
    client_variables_add(&variables, "XORD_USERNAME", text_of(target, "n"));
    client_variables_add(&variables, "XORD_RESOURCE", text_of(target, "r"));
    client_variables_add(&variables, "XORD_TYPE", text_of(target, "t"));
    client_variables_add(&variables, "XORD_SEQ", number_of(part, "seq", seq));
    client_variables_add(&variables, "XORD_TIME", number_of(part, "time", time));
    client_variables_add(&variables, "XORD_SLOT", text_of(part, "slot"));
    client_variables_add(&variables, "XORD_SLOT_HEX", text_of(part, "slot_hex"));
    client_variables_add(&variables, "XORD_SIG_USER", text_of(value, "sig_user"));
    client_variables_add(&variables, "XORD_KEY", text_of(value, "k"));
    tell_status(l, client_exec(l->args->command, &variables, input, l->stream.deadline_ms));
}

/* ---- showing ---- */

/* What -q shows of it. Events other than values are for standard error, or nothing. */
static void write_quietly(FILE *out, const json_t *params)
{
    const json_t *value = json_object_get(params, "value");
    const char *reason = text_of(value, "reason");
    if (is_event(params, "value"))
        client_output_value(out, value);
    if (is_event(params, "value") && reason != NULL)
        fprintf(stderr, "xord: listen: not shown: %s\n", reason);
    if (is_event(params, "gap"))
        fprintf(stderr, "xord: listen: events lost: %" JSON_INTEGER_FORMAT "\n",
                json_integer_value(json_object_get(params, "dropped")));
}

static void write_line(FILE *out, const json_t *params)
{
    struct json_text text = {0};
    json_write(&text, params, 0);
    json_text_append(&text, "\n", 1);
    fwrite(text.data, 1, text.size, out);
    json_text_clear(&text);
}

static void write_event(const struct listening *l, FILE *out, const json_t *params)
{
    if (l->args->is_quiet)
        write_quietly(out, params);
    else
        write_line(out, params);
}

static bool print(struct listening *l, const json_t *params)
{
    write_event(l, stdout, params);
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return true;
    l->stream.code = client_output_failed(METHOD);
    return false;
}

/* With -q the command runs for values alone, as it would print them alone. */
static bool hand_over(struct listening *l, const json_t *params)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        fprintf(stderr, "xord: listen: out of memory\n");
        l->stream.code = CLIENT_ERROR_REPLY;
        return false;
    }
    write_event(l, out, params);
    fclose(out);
    if (!l->args->is_quiet || is_event(params, "value"))
        run_command(l, params, bytes_of(text, size));
    free(text);
    return true;
}

/* Numbered as one stream, however often the daemon was started meanwhile. */
static bool show(struct listening *l, const json_t *params)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)params); /* jansson takes no const, and changes
                                                                nothing */
    json_object_set_new(shown, "n", json_integer(++l->n));
    bool is_shown = l->args->command != NULL ? hand_over(l, shown) : print(l, shown);
    json_decref(shown);
    return is_shown;
}

/* ---- the stream ---- */

static void note_end(struct listening *l, const json_t *params)
{
    const json_t *error = json_object_get(params, "error");
    const char *name = text_of(json_object_get(error, "data"), "name");
    const char *message = text_of(error, "message");
    l->is_ended = true;
    l->is_stopping = name != NULL && strcmp(name, "stopping") == 0;
    fprintf(stderr, "xord: listen: ended: %s\n", message != NULL ? message : "without a reason");
}

static bool on_event(struct client_stream *stream, const json_t *params, bool *is_counted)
{
    struct listening *l = stream->context;
    *is_counted = false;
    if (is_event(params, "end"))
        note_end(l, params);
    if (is_event(params, "end") && l->args->is_reconnecting && l->is_stopping)
        return true;
    if (is_event(params, "synced") && l->has_synced)
        return true;
    if (l->args->is_reconnecting && !client_places_is_new(&l->places, params))
        return true;
    l->has_synced = l->has_synced || is_event(params, "synced");
    *is_counted = is_event(params, "value");
    return show(l, params);
}

/* What was stored before is told again where it may be news: also what --new-only would have seen.
 */
static json_t *make_request(const struct listening *l)
{
    json_t *params = json_copy(l->params);
    json_int_t since = json_integer_value(json_object_get(params, "since"));
    if (l->args->is_new_only)
        json_object_set_new(params, "replay", json_boolean(l->is_again));
    if (l->args->is_new_only && l->is_again && since < (json_int_t)l->began)
        json_object_set_new(params, "since", json_integer((json_int_t)l->began));
    return json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", METHOD, "params",
                     params);
}

/* False when nobody would see what comes after it. */
static bool pause_shortly(const struct listening *l)
{
    if (l->stream.is_printing)
        return !client_output_is_unread(RETRY_MS);
    nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    return true;
}

/* With --reconnect until the daemon is there, -W has passed, or nobody would see it. */
static enum client_exit connect_to(struct listening *l, struct client_socket *socket)
{
    char error[CLIENT_ERROR_SIZE] = "";
    bool is_told = false;
    while (!client_socket_open(socket, l->args, true, error)) {
        if (!is_told)
            fprintf(stderr, "xord: %s%s\n", error, l->args->is_reconnecting ? "; waiting" : "");
        is_told = true;
        if (!l->args->is_reconnecting || is_late(l))
            return CLIENT_NO_DAEMON;
        if (!pause_shortly(l)) {
            l->stream.is_daemon_gone = false;
            return client_output_unread(METHOD);
        }
    }
    return CLIENT_OK;
}

static enum client_exit listen_once(struct listening *l)
{
    char error[CLIENT_ERROR_SIZE] = "";
    struct client_socket socket;
    enum client_exit code = connect_to(l, &socket);
    if (code != CLIENT_OK)
        return code;
    if (l->args->is_waiting && !client_socket_wait_ready(&socket, error)) {
        fprintf(stderr, "xord: listen: %s\n", error);
        client_socket_close(&socket);
        return CLIENT_NO_DAEMON;
    }
    json_t *request = make_request(l);
    l->is_ended = l->is_stopping = false;
    code = client_stream_run(&l->stream, &socket, METHOD, request);
    json_decref(request);
    client_socket_close(&socket);
    l->is_again = true;
    return code;
}

static bool is_complete(const struct listening *l)
{
    return l->args->count != NULL && l->stream.count == 0;
}

/* How it ends after all, when it was `code` last. Whoever never came to listen saw no end of it. */
static enum client_exit exit_of(const struct listening *l, enum client_exit code)
{
    bool is_refused = code != CLIENT_OK && code != CLIENT_NO_DAEMON;
    if (is_late(l) && l->is_again && !is_refused)
        return l->args->count != NULL && !is_complete(l) ? CLIENT_TIMEOUT : CLIENT_OK;
    return l->is_ended && !l->is_stopping ? CLIENT_ERROR_REPLY : code;
}

enum client_exit client_listen(const struct client_args *args, json_t *params)
{
    char error[CLIENT_ERROR_SIZE] = "";
    struct listening l = {.args = args, .params = params, .began = time(NULL)};
    if (!client_stream_init(&l.stream, args, error)) {
        fprintf(stderr, "xord: listen: %s\n", error);
        return CLIENT_USAGE;
    }
    l.stream.on_event = on_event;
    l.stream.context = &l;
    l.stream.is_printing = args->command == NULL;
    enum client_exit code;
    do {
        code = listen_once(&l);
    } while (args->is_reconnecting && l.stream.is_daemon_gone && !is_complete(&l) && !is_late(&l));
    client_places_clear(&l.places);
    return is_complete(&l) ? code : exit_of(&l, code);
}
