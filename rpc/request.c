#include "rpc/request.h"

#include <assert.h>
#include <stdio.h>

#include "rpc/params.h"

#define SHOWN_MAX 64 /* of a method name that a client made up, in an error */

enum err request_check(const struct method *method, enum rpc_access access, json_t *given,
                       json_t *values[], char detail[RPC_DETAIL_SIZE])
{
    if (method->access == RPC_ACCESS_FULL && access == RPC_ACCESS_READ) {
        snprintf(detail, RPC_DETAIL_SIZE, "%s is not allowed on the read-only socket",
                 method->name);
        return ERR_READ_ONLY;
    }
    return params_bind(method, given, values, detail);
}

static bool is_id(const json_t *id)
{
    return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* Notes the version and the id, so that even a faulty request is answered in its own form. */
static const char *read_frame(struct rpc_call *call, json_t **params, const char **name)
{
    json_t *id = json_object_get(call->request, "id");
    const char *version = json_string_value(json_object_get(call->request, "jsonrpc"));

    if (!json_is_object(call->request))
        return "a request is an object";
    call->is_old = version == NULL || strcmp(version, "2.0") != 0;
    if (id != NULL && !is_id(id))
        return "\"id\" must be a string, a number or null";
    call->id = id;
    const json_t *method = json_object_get(call->request, "method");
    *name = json_string_value(method);
    if (*name == NULL || strlen(*name) != json_string_length(method))
        return "\"method\" must be a string without a NUL in it";
    *params = json_object_get(call->request, "params");
    if (*params != NULL && !json_is_array(*params) && !json_is_object(*params) &&
        !json_is_null(*params))
        return "\"params\" must be an array or an object";
    /* twisterd's clients wait for an answer to all they send. */
    call->is_quiet = id == NULL && !call->is_old;
    return NULL;
}

static void run_method(struct rpc_call *call, json_t *params)
{
    char detail[RPC_DETAIL_SIZE];
    struct rpc_client *client = call->client;

    if (call->dispatch->is_stopping) {
        rpc_fail(call, ERR_STOPPING, NULL);
        return;
    }
    if (client->call_count >= RPC_CALLS_MAX) {
        rpc_fail(call, ERR_BUSY, "%d calls of this client are under way; wait for some of them",
                 RPC_CALLS_MAX);
        return;
    }
    enum err err = request_check(call->method, client->access, params, call->values, detail);
    if (err != ERR_OK) {
        rpc_fail(call, err, "%s", detail);
        return;
    }
    struct rpc_result result = call->method->handler(call);
    assert(result.made_by_rpc == 1);
}

void request_run(struct rpc_client *client, struct rpc_batch *batch, json_t *request)
{
    struct rpc_call *call = call_take(client, batch, request);
    const char *name = NULL;
    json_t *params = NULL;

    if (call == NULL) {
        client->out.failed = true; /* the connection cannot go on */
        if (batch != NULL)
            call_batch_answered(client, batch);
        return;
    }
    const char *fault = read_frame(call, &params, &name);
    if (fault != NULL)
        rpc_fail(call, ERR_INVALID_REQUEST, "%s", fault);
    else if ((call->method = method_find(name)) == NULL)
        rpc_fail(call, ERR_UNKNOWN_METHOD, "no method \"%.*s\"; `help` lists them", SHOWN_MAX,
                 name);
    else
        run_method(call, params);
    assert(call->is_answered != call->is_pending);
    if (call->is_answered)
        call_drop(call);
}
