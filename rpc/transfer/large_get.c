/* Getting a large value: the chunks that its manifest names, a window of them at a time, each
 * verified by the node against its target; the whole only when its length and hash are right. */
#include <stdlib.h>

#include "rpc/transfer/join.h"
#include "rpc/transfer/large.h"
#include "rpc/transfer/window.h"

#define TURN_CHUNKS_MAX 64u /* begun in one turn of the loop: those held here come at once */

struct large_get {
    struct window window;
    struct progress progress;
    struct join *join; /* owned */
    size_t done_bytes;
    uint64_t turn_ms;   /* the loop's time when a chunk was last begun */
    size_t turn_chunks; /* begun at that time */
    uint32_t timeout_ms;
    uint8_t v[RECORD_V_MAX]; /* the record's */
    size_t v_size;
    large_got_fn *then;
    void *state; /* of `then`; owned until it is called */
    void (*on_failed)(void *state);
};

static struct rpc_result go_on(struct rpc_call *call, struct large_get *get);

static void give_up(void *state, void (*on_failed)(void *state))
{
    if (state != NULL && on_failed != NULL) {
        on_failed(state);
    } else {
        free(state);
    }
}

static size_t chunk_count(const struct large_get *get)
{
    return get->join->list_count + get->join->data_count;
}

static void end(struct rpc_call *call, struct large_get *get)
{
    window_cancel(&get->window, rpc_host_of(call));
    large_leave(call);
    give_up(get->state, get->on_failed);
    free(get->join);
    free(get);
}

static void on_end(struct rpc_call *call, void *state)
{
    end(call, state);
}

static struct rpc_result fail_chunk(struct rpc_call *call, const struct large_get *get,
                                    size_t index, enum err err)
{
    const char *why = err == ERR_NOT_FOUND   ? "missing: no node has it"
                      : err == ERR_TIMEOUT   ? "nobody who has it answered in time"
                      : err == ERR_OFFLINE   ? "no node answers"
                      : err == ERR_MALFORMED ? "not what its manifest calls for"
                                             : err_text(err);
    return large_fail_chunk(call, err, index, chunk_count(get), join_target(get->join, index), why,
                            NULL);
}

static struct rpc_result finish(struct rpc_call *call, struct large_get *get)
{
    struct bytes whole;
    if (!join_whole(get->join, &whole)) {
        return rpc_fail(call, ERR_MALFORMED,
                        "the chunks do not make the value that its manifest's hash is of");
    }
    uint8_t *buffer = malloc(whole.size + LARGE_ENVELOPE_MAX);
    if (buffer == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    void *state = get->state;
    struct bytes v =
        large_write_v(bytes_of(get->v, get->v_size), get->join->manifest.content, whole, buffer);
    get->state = NULL;
    struct rpc_result result = get->then(call, state, v);
    free(buffer);
    return result;
}

static enum err start_chunk(struct rpc_call *call, struct large_get *get, size_t index,
                            uint8_t tries)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct get_request request = {.kind = RECORD_IMMUTABLE,
                                  .target = *join_target(get->join, index),
                                  .timeout_ms = get->timeout_ms};
    uint64_t op;
    enum err err = node_get(host->node, host->now(host->context), &request, &op, host->outbox);
    if (err == ERR_OK) {
        window_add(&get->window, op, index, tries);
    }
    return err;
}

static void count_done(struct rpc_call *call, struct large_get *get, size_t index)
{
    const struct join *join = get->join;
    if (index >= join->list_count) {
        get->done_bytes += manifest_data_size(join->manifest.size, index - join->list_count);
    }
    progress_tell(&get->progress, call, join->taken, chunk_count(get), get->done_bytes);
}

static struct rpc_result on_event(struct rpc_call *call, void *state, const struct event *event)
{
    struct large_get *get = state;
    uint8_t tries;
    size_t index = window_remove(&get->window, event->op, &tries);
    if (event->get.is_found) {
        if (!join_take(get->join, index, event->get.record.v)) {
            return fail_chunk(call, get, index, ERR_MALFORMED);
        }
        count_done(call, get, index);
        return go_on(call, get);
    }
    enum err err = event->err != ERR_OK ? event->err : ERR_NOT_FOUND;
    if (err != ERR_OFFLINE && tries + 1u < LARGE_TRIES_MAX) {
        err = start_chunk(call, get, index, (uint8_t)(tries + 1));
        if (err == ERR_OK) {
            return go_on(call, get);
        }
    }
    return fail_chunk(call, get, index, err);
}

/* Counts one more chunk of this turn; false when that is enough for it. */
static bool take_turn(const struct rpc_call *call, struct large_get *get)
{
    const struct rpc_host *host = rpc_host_of(call);
    uint64_t now_ms = host->now(host->context).ms;
    if (get->turn_ms != now_ms) {
        get->turn_ms = now_ms;
        get->turn_chunks = 0;
    }
    return get->turn_chunks++ < TURN_CHUNKS_MAX;
}

static struct rpc_result on_late(struct rpc_call *call, void *state)
{
    return go_on(call, state);
}

static struct rpc_result go_on(struct rpc_call *call, struct large_get *get)
{
    struct rpc_pending_on on = {
        .on_event = on_event, .on_late = on_late, .on_end = on_end, .state = get};
    struct join *join = get->join;
    size_t index;
    while (!window_is_full(&get->window) && take_turn(call, get) && join_next(join, &index)) {
        enum err err = start_chunk(call, get, index, 0);
        if (err == ERR_BUSY && get->window.open > 0) {
            join->next = index; /* when one of ours is done */
            break;
        }
        if (err != ERR_OK) {
            return fail_chunk(call, get, index, err);
        }
    }
    if (join_is_full(join)) {
        return finish(call, get);
    }
    window_await(&get->window, &on);
    if (get->window.open == 0) {
        on.deadline_ms = get->turn_ms + 1;
    }
    return rpc_pending(call, &on);
}

/* Whatever hides in the targets, the record itself is none of its own chunks. */
static const char *find_fault(const struct record *record, const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->target_count; i++) {
        if (id_equal(&manifest->targets[i], &record->target)) {
            return "it points at itself";
        }
    }
    return NULL;
}

static struct large_get *make(const struct large_get_request *request,
                              const struct manifest *manifest)
{
    struct large_get *get = calloc(1, sizeof *get);
    struct join *join = join_new(manifest);
    if (get == NULL || join == NULL) {
        free(get);
        free(join);
        return NULL;
    }
    get->join = join;
    get->timeout_ms = request->timeout_ms;
    memcpy(get->v, request->record->v.data, request->record->v.size);
    get->v_size = request->record->v.size;
    get->then = request->then;
    get->state = request->state;
    get->on_failed = request->on_failed;
    return get;
}

static struct rpc_result start(struct rpc_call *call, const struct large_get_request *request,
                               const struct manifest *manifest)
{
    struct rpc_result result;
    if (!large_enter(call, &result)) {
        give_up(request->state, request->on_failed);
        return result;
    }
    struct large_get *get = make(request, manifest);
    if (get == NULL) {
        large_leave(call);
        give_up(request->state, request->on_failed);
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    progress_begin(&get->progress, call, request->has_progress);
    result = go_on(call, get);
    if (!rpc_is_pending(call)) {
        end(call, get);
    }
    return result;
}

struct rpc_result large_get_start(struct rpc_call *call, const struct large_get_request *request)
{
    struct envelope envelope;
    struct manifest manifest;
    const char *fault;
    envelope_parse(request->record->v, &envelope);
    if (manifest_parse(envelope.body, &manifest, &fault)) {
        fault = find_fault(request->record, &manifest);
    }
    if (fault != NULL) {
        give_up(request->state, request->on_failed);
        return rpc_fail(call, ERR_MALFORMED, "the manifest of this large value is no good: %s",
                        fault);
    }
    return start(call, request, &manifest);
}
