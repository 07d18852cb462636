#include "rpc/client/client_output.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/json/json.h"
#include "rpc/values/base64.h"

#define INDENT 2

static void print_json(FILE *out, const json_t *value, unsigned indent)
{
    struct json_text text = {0};
    if (json_is_string(value)) {
        fwrite(json_string_value(value), 1, json_string_length(value), out);
    } else {
        json_write(&text, value, indent);
        fwrite(text.data, 1, text.size, out);
    }
    fputc('\n', out);
    json_text_clear(&text);
}

/* Records have their content as `v` or `v_base64`, commands as `value` or `value_base64`. */
static const json_t *json_in(const json_t *holder)
{
    const json_t *value = json_object_get(holder, "v");
    return value != NULL ? value : json_object_get(holder, "value");
}

static const json_t *base64_in(const json_t *holder)
{
    const json_t *bytes = json_object_get(holder, "v_base64");
    return bytes != NULL ? bytes : json_object_get(holder, "value_base64");
}

/* JSON, or bytes exactly. */
static void print_content(FILE *out, const json_t *holder)
{
    const char *text = json_string_value(base64_in(holder));
    if (text == NULL) {
        const json_t *value = json_in(holder);
        if (value != NULL) {
            print_json(out, value, 0);
        }
        return;
    }
    size_t size = 0;
    uint8_t *content = base64_decode(text, &size);
    if (content != NULL) {
        fwrite(content, 1, size, out);
    }
    free(content);
}

/* dhtget's array, also out of its verbose form; NULL for any other method. */
static const json_t *values_of(const char *method, const json_t *result)
{
    if (strcmp(method, "dhtget") != 0) {
        return NULL;
    }
    return json_is_object(result) ? json_object_get(result, "values") : result;
}

static bool has_no_value(const char *method, const json_t *result)
{
    const json_t *values = values_of(method, result);
    if (values != NULL) {
        return json_is_array(values) && json_array_size(values) == 0;
    }
    return strcmp(method, "getimmutable") == 0 && json_is_null(result);
}

/* Kept on this disk alone: no holder has it yet. */
static bool is_unstored(const json_t *result)
{
    const json_t *stored = json_object_get(result, "stored");
    return json_is_integer(stored) && json_integer_value(stored) == 0 &&
           json_is_true(json_object_get(result, "kept"));
}

/* Why the value cannot be shown; NULL when it can. */
static const char *reason_of(const json_t *element)
{
    return json_string_value(json_object_get(element, "reason"));
}

/* Of dhtget's array, or of getimmutable's object: says on `err` what was not printed because it
 * is encrypted, or large and one of many. True when nothing else was there. */
static bool report_unshown(FILE *err, const char *method, const json_t *result)
{
    const json_t *values = values_of(method, result);
    bool is_immutable = strcmp(method, "getimmutable") == 0;
    size_t count = values != NULL ? json_array_size(values) : is_immutable;
    size_t unshown = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *element = is_immutable ? result : json_array_get(values, i);
        const char *reason = reason_of(element);
        bool is_sealed = json_is_true(json_object_get(element, "encrypted"));
        if (reason != NULL) {
            fprintf(err, "xord: %s: %s%s\n", method, is_sealed ? "encrypted: " : "", reason);
            unshown++;
        }
    }
    return count > 0 && unshown == count;
}

/* Of many one value a line: text of several lines as JSON, bytes as base64. */
static void print_line(FILE *out, const json_t *part)
{
    const json_t *value = json_in(part);
    const json_t *bytes = base64_in(part);
    if (json_is_string(value) && strchr(json_string_value(value), '\n') != NULL) {
        struct json_text text = {0};
        json_write(&text, value, 0);
        json_text_append(&text, "\n", 1);
        fwrite(text.data, 1, text.size, out);
        json_text_clear(&text);
    } else if (value != NULL || bytes != NULL) {
        print_json(out, value != NULL ? value : bytes, 0);
    }
}

static void print_value(FILE *out, const json_t *part)
{
    const json_t *target = json_object_get(part, "target");
    const char *type = json_string_value(json_object_get(target, "t"));
    if (type != NULL && strcmp(type, "m") == 0) {
        print_line(out, part);
    } else {
        print_content(out, part);
    }
}

static bool is_query(const char *method)
{
    return strcmp(method, "query") == 0;
}

void client_output_value(FILE *out, const json_t *element)
{
    print_value(out, json_object_get(element, "p"));
}

static void print_quiet(FILE *out, const char *method, const json_t *result)
{
    const json_t *values = values_of(method, result);
    const json_t *closest = is_query(method) ? json_object_get(result, "closest") : NULL;
    for (size_t i = 0; i < json_array_size(closest); i++) {
        print_line(out, json_array_get(closest, i));
    }
    if (values != NULL) {
        for (size_t i = 0; i < json_array_size(values); i++) {
            client_output_value(out, json_array_get(values, i));
        }
    } else if (strcmp(method, "getimmutable") == 0 || strcmp(method, "request") == 0) {
        print_content(out, result);
    } else if (closest == NULL) {
        print_json(out, result, INDENT);
    }
}

static enum client_exit exit_of_code(json_int_t code)
{
    if (code == 408) {
        return CLIENT_TIMEOUT;
    }
    return code == 503 ? CLIENT_OFFLINE : CLIENT_ERROR_REPLY;
}

static enum client_exit print_error(FILE *err, const char *method, const json_t *error)
{
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *name = json_string_value(json_object_get(json_object_get(error, "data"), "name"));
    fprintf(err, "xord: %s: %s (%lld): %s\n", method, name != NULL ? name : "error",
            (long long)code, message != NULL ? message : "");
    return exit_of_code(code);
}

bool client_output_is_unread(int wait_ms)
{
    struct pollfd fd = {.fd = STDOUT_FILENO};
    return poll(&fd, 1, wait_ms) > 0 && (fd.revents & (POLLERR | POLLHUP)) != 0;
}

enum client_exit client_output_failed(const char *method)
{
    fprintf(stderr, "xord: %s: cannot write the output\n", method);
    return CLIENT_ERROR_REPLY;
}

enum client_exit client_output_unread(const char *method)
{
    raise(SIGPIPE);
    return client_output_failed(method);
}

void client_output_notice(void *out, const json_t *notice)
{
    print_json(out, json_object_get(notice, "params"), 0);
    fflush(out);
}

/* Who answered, whether anybody took a commit, and whether there was time for all. */
static enum client_exit exit_of_query(const json_t *result)
{
    const json_t *commit = json_object_get(result, "commit");
    if (json_array_size(json_object_get(result, "closest")) == 0) {
        return CLIENT_NO_VALUE;
    }
    if (commit != NULL && json_integer_value(json_object_get(commit, "accepted")) == 0) {
        return CLIENT_ERROR_REPLY;
    }
    return json_is_true(json_object_get(result, "complete")) ? CLIENT_OK : CLIENT_TIMEOUT;
}

enum client_exit client_output(FILE *out, FILE *err, const char *method, const json_t *reply,
                               bool is_quiet)
{
    const json_t *error = json_object_get(reply, "error");
    const json_t *result = json_object_get(reply, "result");
    if (json_is_object(error)) {
        return print_error(err, method, error);
    }
    if (result == NULL) {
        fprintf(err, "xord: %s: the daemon's answer has neither result nor error\n", method);
        return CLIENT_NO_DAEMON;
    }
    if (is_quiet) {
        print_quiet(out, method, result);
    } else {
        print_json(out, result, is_query(method) ? 0 : INDENT);
    }
    if (fflush(out) != 0 || ferror(out) != 0) {
        fprintf(err, "xord: %s: cannot write the output\n", method);
        return CLIENT_ERROR_REPLY;
    }
    if (is_quiet && report_unshown(err, method, result)) {
        return CLIENT_ERROR_REPLY;
    }
    if (is_query(method)) {
        return exit_of_query(result);
    }
    if (has_no_value(method, result)) {
        return CLIENT_NO_VALUE;
    }
    return is_unstored(result) ? CLIENT_TIMEOUT : CLIENT_OK;
}
