/* query and request: custom commands sent to other nodes, and what they answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "daemon/dht/ops/command.h"
#include "rpc/methods/method_files.h"
#include "rpc/values/command_value.h"
#include "rpc/values/contact_show.h"

/* What a query remembers while it runs. */
struct query_state {
    struct id target;
    bool is_commit;
    uint32_t unread; /* replies that the client was not told, since it did not read */
};

/* ---- what a call asks for ---- */

static bool read_id(const char *text, struct id *out)
{
    return text != NULL && strlen(text) == 2 * ID_SIZE &&
           hex_decode(text, strlen(text), out->b, ID_SIZE);
}

/* The command, its target and its value; `value` is to be cleared. False when it was answered. */
static bool read_command(struct rpc_call *call, struct command_request *out, struct value *value,
                         struct rpc_result *refusal)
{
    *out = (struct command_request){.command = bytes_of_string(rpc_string(call, "command"))};
    if (!command_name_is_valid(out->command)) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS,
                            "command: must be 1 to %d characters of a-z, 0-9, . _ and -",
                            COMMAND_NAME_MAX);
        return false;
    }
    if (!command_value_of_call(call, value, refusal)) {
        return false;
    }
    out->v = command_value_bytes(value);
    out->has_target = read_id(rpc_string(call, "target"), &out->target);
    out->timeout_ms = rpc_left_ms(call);
    return true;
}

/* ---- what nodes answer ---- */

static json_t *show_error(int64_t error)
{
    const char *name = command_error_name(error);
    if (name == NULL) {
        return json_pack("{s:I}", "code", (json_int_t)error);
    }
    return json_pack("{s:I, s:s}", "code", (json_int_t)error, "name", name);
}

/* {value, distance, from, rtt_ms}, or `error` in the value's place. `target` NULL: no distance. */
static json_t *show_reply(const struct command_reply *reply, const struct id *target)
{
    json_t *shown = json_object();
    bool is_shown = reply->error != 0
                        ? json_object_set_new(shown, "error", show_error(reply->error)) == 0
                        : command_value_show(shown, reply->v);
    if (target != NULL) {
        json_t *distance = json_integer(contact_distance(&reply->from, target));
        is_shown = is_shown && json_object_set_new(shown, "distance", distance) == 0;
    }
    is_shown = is_shown && json_object_set_new(shown, "from", contact_show(&reply->from)) == 0 &&
               json_object_set_new(shown, "rtt_ms", json_integer(reply->rtt_ms)) == 0;
    if (is_shown) {
        return shown;
    }
    json_decref(shown);
    return NULL;
}

/* ---- query ---- */

static json_t *show_closest(const struct event *event, const struct id *target)
{
    json_t *closest = json_array();
    for (size_t i = 0; i < event->query.closest_count; i++) {
        json_array_append_new(closest, show_reply(&event->query.closest[i], target));
    }
    return closest;
}

static json_t *show_commit(const struct event *event)
{
    json_t *refused = json_object();
    for (uint32_t i = 0; i < event->query.commit.accepted + event->query.commit.refused; i++) {
        int64_t error = event->query.commit.replies[i].error;
        char code[24];
        snprintf(code, sizeof code, "%" PRId64, error);
        json_int_t before = json_integer_value(json_object_get(refused, code));
        if (error != 0) {
            json_object_set_new(refused, code, json_integer(before + 1));
        }
    }
    return json_pack("{s:I, s:I, s:o, s:I}", "tried", (json_int_t)event->query.commit.tried,
                     "accepted", (json_int_t)event->query.commit.accepted, "refused", refused,
                     "silent", (json_int_t)event->query.commit.silent);
}

static struct rpc_result reply_query(struct rpc_call *call, const struct query_state *state,
                                     const struct event *event)
{
    char target[2 * ID_SIZE + 1];
    json_t *result =
        json_pack("{s:s, s:o, s:I, s:I, s:b, s:I, s:I}", "target",
                  hex_encode(id_bytes(&state->target), target), "closest",
                  show_closest(event, &state->target), "replied", (json_int_t)event->query.replied,
                  "errors", (json_int_t)event->query.errors, "complete",
                  (int)(event->err == ERR_OK && event->stats.is_complete), "hops",
                  (json_int_t)event->stats.hops, "ms", (json_int_t)event->stats.ms);
    if (result != NULL && state->is_commit) {
        json_object_set_new(result, "commit", show_commit(event));
    }
    if (result != NULL && state->unread > 0) {
        json_object_set_new(result, "unread", json_integer(state->unread));
    }
    return rpc_reply(call, result);
}

static struct rpc_result on_query(struct rpc_call *call, void *memory, const struct event *event)
{
    struct query_state *state = memory;
    if (event->kind == EVENT_QUERY) {
        bool is_answered = event->query.replied + event->query.errors > 0;
        return event->err != ERR_OK && !is_answered ? rpc_fail(call, event->err, NULL)
                                                    : reply_query(call, state, event);
    }
    if (rpc_has_room(call)) {
        rpc_notify(call, "query", show_reply(&event->reply, &state->target));
    } else {
        state->unread++;
    }
    const struct rpc_pending_on on = {.op = event->op, .on_event = on_query, .state = state};
    return rpc_pending(call, &on);
}

struct rpc_result method_query(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct command_request request;
    struct rpc_result refusal;
    struct value value;
    if (!read_command(call, &request, &value, &refusal)) {
        return refusal;
    }
    struct query_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        value_clear(&value);
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    state->target = request.target;
    state->is_commit = request.is_commit = rpc_bool(call, "commit");
    request.k = (uint8_t)rpc_int(call, "k");
    request.concurrency = (uint8_t)rpc_int(call, "concurrency");
    struct rpc_pending_on on = {.on_event = on_query, .state = state};
    enum err err = node_query(host->node, host->now(host->context), &request, &on.op, host->outbox);
    value_clear(&value);
    if (err == ERR_OK) {
        return rpc_pending(call, &on);
    }
    free(state);
    return rpc_fail(call, err, NULL);
}

/* ---- request ---- */

static struct rpc_result on_request(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    const char *to = rpc_string(call, "to");
    if (event->err == ERR_NOT_FOUND) {
        return rpc_fail(call, event->err, "no node with the id %s answers", to);
    }
    if (event->err == ERR_INVALID_PARAMS) {
        return rpc_fail(call, event->err, "to: %s is this node", to);
    }
    if (event->err == ERR_TIMEOUT) {
        return rpc_fail(call, event->err, "%s did not answer in time", to);
    }
    if (event->err != ERR_OK) {
        return rpc_fail(call, event->err, "%s: %s", to, err_text(event->err));
    }
    json_t *shown = show_reply(&event->reply, NULL);
    if (event->reply.error == 0) {
        return rpc_reply(call, shown);
    }
    const char *name = command_error_name(event->reply.error);
    return rpc_fail_data(call, ERR_COMMAND, shown, "%s answered with error %" PRId64 "%s%s", to,
                         event->reply.error, name != NULL ? ": " : "", name != NULL ? name : "");
}

/* `to` NONE: by id. */
static struct rpc_result send_request(struct rpc_call *call, const struct addr *to,
                                      const struct id *to_id)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct command_request request;
    struct rpc_result refusal;
    struct value value;
    if (!read_command(call, &request, &value, &refusal)) {
        return refusal;
    }
    request.to = *to;
    request.to_id = *to_id;
    struct rpc_pending_on on = {.on_event = on_request};
    enum err err =
        node_request(host->node, host->now(host->context), &request, &on.op, host->outbox);
    value_clear(&value);
    if (err == ERR_INVALID_PARAMS) {
        return rpc_fail(call, err, "to: %s is this node, or an address it does not reach",
                        rpc_string(call, "to"));
    }
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

static struct rpc_result on_resolved(struct rpc_call *call, void *state, enum err err,
                                     const struct addr *addrs, size_t count)
{
    (void)state;
    if (err != ERR_OK || count == 0) {
        return rpc_fail(call, err != ERR_OK ? err : ERR_UNKNOWN_NAME,
                        "to: %s resolves to no address", rpc_string(call, "to"));
    }
    return send_request(call, &addrs[0], &(struct id){0});
}

struct rpc_result method_request(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *to = rpc_string(call, "to");
    struct id id;
    if (read_id(to, &id)) {
        return send_request(call, &(struct addr){.family = ADDR_NONE}, &id);
    }
    enum err err = host->resolve(host->context, to, rpc_ticket(call));
    if (err != ERR_OK && err != ERR_INVALID_PARAMS) {
        return rpc_fail(call, err, "to: %s cannot be resolved now: %s", to, err_text(err));
    }
    if (err != ERR_OK) {
        return rpc_fail(call, err, "to: %s is neither HOST:PORT nor an id of 40 hex digits", to);
    }
    const struct rpc_pending_on on = {.is_ticket = true, .on_resolved = on_resolved};
    return rpc_pending(call, &on);
}
