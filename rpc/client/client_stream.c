#include "rpc/client/client_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/client/client_output.h"
#include "rpc/json/json.h"

static bool read_count(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return text[0] != '-' && end != text && *end == '\0' && errno == 0 && value > 0;
}

static bool read_seconds(const char *text, uint64_t *out_ms)
{
    char *end;
    double value = strtod(text, &end);
    bool is_number =
        end != text && *end == '\0' && value >= 0 && value <= CLIENT_STREAM_SECONDS_MAX;
    *out_ms = is_number ? (uint64_t)(value * 1000) : 0;
    return is_number;
}

bool client_stream_init(struct client_stream *stream, const struct client_args *args,
                        char error[CLIENT_ERROR_SIZE])
{
    uint64_t wait_ms;
    *stream = (struct client_stream){.deadline_ms = UINT64_MAX, .on_event = client_stream_print};
    if (args->count != NULL && !read_count(args->count, &stream->count)) {
        snprintf(error, CLIENT_ERROR_SIZE, "-C: must be a number of events, 1 or more");
        return false;
    }
    if (args->seconds == NULL) {
        return true;
    }
    if (!read_seconds(args->seconds, &wait_ms)) {
        snprintf(error, CLIENT_ERROR_SIZE, "-W: must be a number of seconds");
        return false;
    }
    stream->deadline_ms = client_socket_now_ms() + wait_ms;
    return true;
}

static bool is_event(const json_t *params, const char *name)
{
    const char *event = json_string_value(json_object_get(params, "event"));
    return event != NULL && strcmp(event, name) == 0;
}

bool client_stream_print(struct client_stream *stream, const json_t *params, bool *is_counted)
{
    struct json_text text = {0};
    json_write(&text, params, 0);
    json_text_append(&text, "\n", 1);
    bool is_written =
        !text.failed && fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0;
    json_text_clear(&text);
    *is_counted = !is_event(params, "gap") && !is_event(params, "end");
    if (!is_written) {
        fprintf(stderr, "xord: cannot write the output\n");
        stream->code = CLIENT_ERROR_REPLY;
    }
    return is_written;
}

/* The daemon's error says that it stops, or is not ready yet. */
static bool is_leaving(const json_t *error)
{
    const char *name = json_string_value(json_object_get(json_object_get(error, "data"), "name"));
    return name != NULL && (strcmp(name, "stopping") == 0 || strcmp(name, "starting") == 0);
}

/* One line of the daemon's; false when it was the last. */
static bool take(struct client_stream *stream, const char *method, const json_t *line)
{
    const char *named = json_string_value(json_object_get(line, "method"));
    const json_t *params = json_object_get(line, "params");
    bool is_counted = true;
    if (named == NULL || strcmp(named, method) != 0) {
        return true; /* not of this stream */
    }
    if (!stream->on_event(stream, params, &is_counted)) {
        return false;
    }
    stream->is_daemon_gone =
        is_event(params, "end") && is_leaving(json_object_get(params, "error"));
    bool is_enough = stream->count > 0 && is_counted && --stream->count == 0;
    return !is_enough && !is_event(params, "end");
}

static uint64_t next_turn_ms(struct client_stream *stream)
{
    uint64_t turn_ms = stream->on_turn != NULL ? stream->on_turn(stream) : UINT64_MAX;
    return turn_ms < stream->deadline_ms ? turn_ms : stream->deadline_ms;
}

/* Without the line that was waited for. */
static enum client_exit end_early(struct client_stream *stream, const char *method,
                                  enum client_wait why, const char *error)
{
    if (why == CLIENT_WAIT_UNREAD) {
        return client_output_unread(method);
    }
    fprintf(stderr, "xord: %s: %s\n", method, error);
    stream->is_daemon_gone = true;
    return CLIENT_NO_DAEMON;
}

static enum client_exit follow(struct client_stream *stream, struct client_socket *socket,
                               const char *method)
{
    char error[CLIENT_ERROR_SIZE] = "";
    enum client_wait why;
    bool is_going_on = true;
    stream->code = CLIENT_OK;
    socket->is_printing = stream->is_printing;
    /* Also when more has come than could be seen to in the time. */
    while (is_going_on && client_socket_now_ms() < stream->deadline_ms) {
        json_t *line = client_socket_next(socket, next_turn_ms(stream), &why, error);
        if (line == NULL && why == CLIENT_WAIT_LATE) {
            continue;
        }
        if (line == NULL) {
            return end_early(stream, method, why, error);
        }
        is_going_on = take(stream, method, line);
        json_decref(line);
    }
    return stream->code;
}

enum client_exit client_stream_run(struct client_stream *stream, struct client_socket *socket,
                                   const char *method, const json_t *request)
{
    char error[CLIENT_ERROR_SIZE] = "";
    json_t *reply = client_socket_call(socket, request, error);
    enum client_exit code = CLIENT_NO_DAEMON;
    const json_t *refusal = json_object_get(reply, "error");
    stream->is_daemon_gone = reply == NULL || is_leaving(refusal);
    if (reply == NULL) {
        fprintf(stderr, "xord: %s: %s\n", method, error);
    } else if (json_is_object(refusal)) {
        code = client_output(stdout, stderr, method, reply, false);
    } else {
        code = follow(stream, socket, method);
    }
    json_decref(reply);
    return code;
}
