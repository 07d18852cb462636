/* Answers to calls, and notifications that belong to one: a result or an error as text, in the form
 * that the request asked for. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"
#include "rpc/call.h"

#define APPEND(text, literal) json_text_append(text, literal, sizeof(literal) - 1)

void reply_tell(struct rpc_client *client)
{
    if (client->on_output != NULL && !client->is_gone)
        client->on_output(client);
}

static struct json_text *text_of(struct rpc_call *call)
{
    return call->batch != NULL ? &call->batch->text : &call->client->out;
}

/* Where the reply goes, with its beginning written; NULL when nobody wants it. */
static struct json_text *reply_begin(struct rpc_call *call)
{
    struct json_text *text = text_of(call);

    assert(!call->is_answered);
    call->is_answered = true;
    if (call->is_quiet || call->client->is_gone)
        return NULL;
    if (call->batch != NULL)
        json_text_append(text, text->size == 0 ? "[" : ",", 1);
    if (call->is_old)
        APPEND(text, "{\"id\":");
    else
        APPEND(text, "{\"jsonrpc\":\"2.0\",\"id\":");
    if (call->id != NULL)
        json_write(text, call->id, 0);
    else
        APPEND(text, "null");
    return text;
}

static struct rpc_result reply_end(struct rpc_call *call, struct json_text *text)
{
    APPEND(text, "}");
    if (call->batch == NULL) {
        APPEND(text, "\n");
        reply_tell(call->client);
    }
    return (struct rpc_result){1};
}

/* What the client has not read, this call's batch included. */
static size_t waiting(const struct rpc_call *call)
{
    const struct rpc_client *client = call->client;

    return client->out.size + client->sending + (call->batch != NULL ? call->batch->text.size : 0);
}

/* Takes back a result when there is too much unread with it. Not one that is no longer than the
 * error in its place; and the only thing unread may be of any size where others leave room. */
static bool take_back(struct rpc_call *call, size_t before, size_t waiting_before)
{
    const struct rpc_client *client = call->client;
    bool may_be_large = waiting_before == 0 && !unread_is_crowded(client);
    bool is_small = text_of(call)->size - before <= RPC_DETAIL_SIZE;

    if (is_small || may_be_large || waiting(call) <= unread_limit(client, UNREAD_ANSWERS_MAX))
        return false;
    text_of(call)->size = before;
    call->is_answered = false;
    return true;
}

static struct rpc_result refuse_unread(struct rpc_call *call)
{
    metrics_refused(&call->dispatch->metrics, METRICS_UNREAD);
    return rpc_fail(call, ERR_BUSY,
                    "too much waits to be read, by this client or by all of them together; read "
                    "the answers, then call again");
}

struct rpc_result rpc_reply(struct rpc_call *call, json_t *result)
{
    if (result == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    size_t before = text_of(call)->size, waiting_before = waiting(call);
    struct json_text *text = reply_begin(call);
    bool is_taken_back = false;
    if (text != NULL) {
        APPEND(text, ",\"result\":");
        json_write(text, result, 0);
        if (call->is_old)
            APPEND(text, ",\"error\":null");
        is_taken_back = take_back(call, before, waiting_before);
        if (!is_taken_back)
            reply_end(call, text);
    }
    json_decref(result);
    return is_taken_back ? refuse_unread(call) : (struct rpc_result){1};
}

/* A message may quote what a client sent, cut in the middle of a character: what is not UTF-8 any
 * more is shown as question marks, so that the reply stays JSON. */
static json_t *message_string(char *message)
{
    json_t *string = json_string(message);

    if (string != NULL)
        return string;
    for (char *at = message; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    return json_string(message);
}

static void write_error(struct json_text *text, enum err err, json_t *message, json_t *data)
{
    char code[48];
    const char *key;
    json_t *value;

    json_text_append(
        text, code,
        (size_t)snprintf(code, sizeof code, "{\"code\":%d,\"message\":", err_code(err)));
    json_write(text, message, 0);
    APPEND(text, ",\"data\":{\"name\":\"");
    json_text_append(text, err_name(err), strlen(err_name(err)));
    APPEND(text, "\"");
    json_object_foreach(data, key, value)
    {
        json_t *name = json_string(key);
        if (name == NULL)
            continue;
        APPEND(text, ",");
        json_write(text, name, 0);
        APPEND(text, ":");
        json_write(text, value, 0);
        json_decref(name);
    }
    APPEND(text, "}}");
}

static struct rpc_result fail(struct rpc_call *call, enum err err, json_t *data, char *message)
{
    struct json_text *text = reply_begin(call);

    assert(err != ERR_OK);
    call->err = err;
    if (call->client == &call->dispatch->own && !call->is_quiet && err != ERR_STOPPING)
        log_warn(LOG_RPC, "what the daemon began itself failed: %s", message);
    if (call->client != &call->dispatch->own)
        metrics_error(&call->dispatch->metrics, err);
    if (text != NULL) {
        json_t *string = message_string(message);
        if (call->is_old)
            APPEND(text, ",\"result\":null");
        APPEND(text, ",\"error\":");
        if (string != NULL)
            write_error(text, err, string, data);
        else
            APPEND(text, "null");
        json_decref(string);
        reply_end(call, text);
    }
    json_decref(data);
    return (struct rpc_result){1};
}

struct rpc_result rpc_fail(struct rpc_call *call, enum err err, const char *format, ...)
{
    char message[RPC_DETAIL_SIZE];
    va_list args;

    if (format == NULL) {
        snprintf(message, sizeof message, "%s", err_text(err));
        return fail(call, err, NULL, message);
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(call, err, NULL, message);
}

struct rpc_result rpc_fail_data(struct rpc_call *call, enum err err, json_t *data,
                                const char *format, ...)
{
    char message[RPC_DETAIL_SIZE];
    va_list args;

    if (format == NULL) {
        snprintf(message, sizeof message, "%s", err_text(err));
        return fail(call, err, data, message);
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(call, err, data, message);
}

void rpc_notify(struct rpc_call *call, const char *method, json_t *params)
{
    struct json_text *text = &call->client->out;
    json_t *id = call->id != NULL ? json_incref(call->id) : json_null();

    if (params == NULL || json_object_set_new(params, "call", id) != 0 || call->is_quiet ||
        call->client->takes_one || call->client->is_gone) {
        json_decref(params);
        return;
    }
    APPEND(text, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    json_text_append(text, method, strlen(method));
    APPEND(text, "\",\"params\":");
    json_write(text, params, 0);
    APPEND(text, "}\n");
    json_decref(params);
    reply_tell(call->client);
}

bool rpc_has_room(const struct rpc_call *call)
{
    const struct rpc_client *client = call->client;

    return client->out.size + client->sending < unread_limit(client, STREAM_OUTPUT_MAX);
}
