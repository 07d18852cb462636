/* Putting a large value: every chunk, a window of them at a time, and then the record, so that no
 * reader sees a manifest whose chunks are not there. A quick put goes to our disk alone in a first
 * pass, is answered, and then goes out in a second one, as a call of the daemon's own; so does a
 * kept one from where it turns out that nobody answers. */
#include "rpc/transfer/large_put.h"

#include <stdlib.h>

#include "daemon/dht/records/envelope.h"
#include "rpc/transfer/put_answer.h"

static struct rpc_result go_on(struct rpc_call *call, struct large_put *put);

static size_t chunk_count(const struct large_put *put)
{
    return put->cut.list_count + put->cut.data_count;
}

/* ---- ends ---- */

static void leave_set(const struct rpc_call *call, struct large_put *put)
{
    struct large_put **at = &rpc_large_set(call)->puts;
    while (*at != put) {
        at = &(*at)->next;
    }
    *at = put->next;
    large_leave(call);
}

/* The chunks that have been begun, here or in a put before that was given up, to be dropped again.
 */
static struct large_chunks *begun_chunks(const struct large_put *put)
{
    size_t count = put->has_inherited ? chunk_count(put) : put->next_chunk;
    struct large_chunks *chunks = malloc(sizeof *chunks + count * sizeof chunks->targets[0]);
    if (chunks != NULL) {
        chunks->expiry_unix_s = put->cut.expiry_unix_s;
        chunks->count = count;
        memcpy(chunks->targets, put->cut.targets, count * sizeof chunks->targets[0]);
    }
    return chunks;
}

static struct rpc_result start_second_pass(struct rpc_call *own, void *state);

/* Of what was kept in this put, chunks that no kept record needs are dropped again. */
static void drop_begun(const struct rpc_call *call, const struct large_put *put)
{
    bool is_needed = put->is_record_kept && !put->is_promised;
    if (put->options.is_kept && !is_needed) {
        struct large_chunks *chunks = begun_chunks(put);
        large_drop_chunks(call, chunks);
        free(chunks);
    }
}

static void on_end(struct rpc_call *call, void *state)
{
    struct large_put *put = state;
    window_cancel(&put->window, rpc_host_of(call));
    if (put->is_done && put->is_local && rpc_start_own(call, start_second_pass, put)) {
        return;
    }
    leave_set(call, put);
    drop_begun(call, put);
    free(put->before);
    free(put);
}

/* `event` is what the put of the chunk came to; NULL when it did not begin. */
static struct rpc_result fail_chunk(struct rpc_call *call, const struct large_put *put,
                                    size_t index, enum err err, const struct event *event)
{
    const char *why = err == ERR_OFFLINE   ? "no node answers"
                      : err == ERR_TIMEOUT ? "no node took it in time"
                                           : err_text(err);
    return large_fail_chunk(call, err, index, chunk_count(put), &put->cut.targets[index], why,
                            event != NULL ? put_answer_refusals(event) : NULL);
}

/* Absent where the record is no entry. */
static struct bytes slot_of(const struct large_put *put)
{
    return put->record.kind == RECORD_MULTI ? put->record.salt : (struct bytes){0};
}

static struct rpc_result reply(struct rpc_call *call, struct large_put *put,
                               const struct event *event)
{
    bool is_waiting = !put->options.is_quick;
    json_t *result = put_answer_show(event, is_waiting, slot_of(put));
    json_t *chunks = !is_waiting ? json_pack("{s:I}", "count", (json_int_t)put->stored)
                                 : json_pack("{s:I, s:I}", "count", (json_int_t)put->stored,
                                             "stored_min", (json_int_t)put->stored_min);
    put->is_done = true;
    if (result != NULL && json_object_set_new(result, "chunks", chunks) != 0) {
        json_decref(result);
        result = NULL;
    }
    return rpc_reply(call, result);
}

/* ---- the record ---- */

static struct rpc_result on_record(struct rpc_call *call, struct large_put *put,
                                   const struct event *event)
{
    if (!put_answer_is_taken(event)) {
        return put_answer_fail(call, event);
    }
    put->is_record_kept = event->put.is_kept;
    if (event->put.is_kept) {
        large_drop_chunks(call, put->before);
    }
    put->record.has_seq = true;
    put->record.seq = event->put.seq;
    return reply(call, put, event);
}

/* In the second pass what was kept goes out as it was signed; when something else is kept by now,
 * that has a put of its own. */
static bool read_promised(const struct rpc_host *host, struct large_put *put, struct stored *stored)
{
    return host->store.get(host->store.context, STORE_KEPT, put->record.kind, &put->key, stored) ==
               ERR_OK &&
           stored->record.seq == put->record.seq;
}

static enum err start_record(struct rpc_call *call, struct large_put *put)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct put_request request = put->record;
    struct stored stored;
    uint64_t op;
    request.is_kept = put->options.is_kept && !put->is_promised && !put->is_chunk_unkept;
    request.is_quick = request.is_local = put->is_local;
    if (put->is_promised) {
        if (!read_promised(host, put, &stored)) {
            return ERR_NOT_FOUND;
        }
        request.v = stored.record.v;
        request.sig = stored.record.sig;
    } else {
        put->before = large_kept_chunks(host, put->record.kind, &put->key);
    }
    enum err err = node_put(host->node, host->now(host->context), &request, &op, host->outbox);
    if (err == ERR_OK) {
        window_add(&put->window, op, chunk_count(put), 0);
    }
    return err;
}

/* ---- the chunks ---- */

static enum err start_chunk(struct rpc_call *call, struct large_put *put, size_t index,
                            uint8_t tries)
{
    const struct rpc_host *host = rpc_host_of(call);
    uint8_t buffer[CHUNK_V_MAX];
    uint64_t op;
    struct put_request request = {.kind = RECORD_IMMUTABLE,
                                  .v = cut_chunk(&put->cut, index, buffer),
                                  .is_kept = put->options.is_kept && !put->is_promised,
                                  .is_quick = put->is_local,
                                  .is_local = put->is_local};
    enum err err = node_put(host->node, host->now(host->context), &request, &op, host->outbox);
    if (err == ERR_OK) {
        window_add(&put->window, op, index, tries);
    }
    return err;
}

static void count_done(struct rpc_call *call, struct large_put *put, size_t index)
{
    put->done++;
    if (index >= put->cut.list_count) {
        put->done_bytes += manifest_data_size(put->cut.content.size, index - put->cut.list_count);
    }
    progress_tell(&put->progress, call, put->done, chunk_count(put), put->done_bytes);
}

static void count_taken(struct large_put *put, const struct event *event)
{
    bool is_fewest = put->stored == 0 || event->put.stored < put->stored_min;
    put->is_chunk_unkept = put->is_chunk_unkept || !event->put.is_kept;
    put->stored_min = is_fewest ? event->put.stored : put->stored_min;
    put->stored++;
}

static struct rpc_result on_chunk(struct rpc_call *call, struct large_put *put, size_t index,
                                  uint8_t tries, const struct event *event)
{
    enum err err = event->err != ERR_OK    ? event->err
                   : event->put.tried == 0 ? ERR_OFFLINE
                                           : ERR_TIMEOUT;
    bool is_kept_alone = event->put.is_kept && event->put.stored == 0;
    if (is_kept_alone && err == ERR_OFFLINE) {
        put->is_local = true;
    }
    if (event->put.stored > 0 || (is_kept_alone && put->is_local)) {
        count_taken(put, event);
        count_done(call, put, index);
        return go_on(call, put);
    }
    bool is_worth_it = err != ERR_OFFLINE && err != ERR_STORAGE_FULL && err != ERR_IO;
    if (is_worth_it && tries + 1u < LARGE_TRIES_MAX) {
        err = start_chunk(call, put, index, (uint8_t)(tries + 1));
        if (err == ERR_OK) {
            return go_on(call, put);
        }
    }
    return fail_chunk(call, put, index, err, event);
}

static struct rpc_result on_event(struct rpc_call *call, void *state, const struct event *event)
{
    struct large_put *put = state;
    uint8_t tries;
    size_t index = window_remove(&put->window, event->op, &tries);
    return index == chunk_count(put) ? on_record(call, put, event)
                                     : on_chunk(call, put, index, tries, event);
}

/* Begins as many chunks as the window holds; ERR_BUSY where the node takes no more for now. */
static enum err fill_window(struct rpc_call *call, struct large_put *put)
{
    while (put->next_chunk < chunk_count(put) && !window_is_full(&put->window)) {
        if (cut_is_repeated(&put->cut, put->next_chunk)) {
            count_done(call, put, put->next_chunk++);
            continue;
        }
        enum err err = start_chunk(call, put, put->next_chunk, 0);
        if (err != ERR_OK) {
            return err;
        }
        put->next_chunk++;
    }
    return ERR_OK;
}

static struct rpc_result go_on(struct rpc_call *call, struct large_put *put)
{
    struct rpc_pending_on on = {.on_event = on_event, .on_end = on_end, .state = put};
    enum err err = fill_window(call, put);
    if (err != ERR_OK && (err != ERR_BUSY || put->window.open == 0)) {
        return fail_chunk(call, put, put->next_chunk, err, NULL);
    }
    if (put->done == chunk_count(put)) {
        err = start_record(call, put);
        if (err == ERR_NOT_FOUND) {
            return rpc_reply(call, json_true()); /* replaced or dropped meanwhile */
        }
        if (err != ERR_OK) {
            return rpc_fail(call, err, NULL);
        }
    }
    window_await(&put->window, &on);
    return rpc_pending(call, &on);
}

/* ---- beginnings ---- */

/* As rpc_pending does for what waits: a call that was answered at once ends here. */
static struct rpc_result begin(struct rpc_call *call, struct large_put *put)
{
    struct rpc_result result = go_on(call, put);
    if (!rpc_is_pending(call)) {
        on_end(call, put);
    }
    return result;
}

static struct rpc_result start_second_pass(struct rpc_call *own, void *state)
{
    struct large_put *put = state;
    put->is_local = put->is_done = false;
    put->is_promised = true;
    put->next_chunk = put->done = put->done_bytes = put->stored = put->stored_min = 0;
    free(put->before);
    put->before = NULL;
    put->progress.is_wanted = false;
    return begin(own, put);
}

/* Chunks of an unchanged value are the same ones while they last longer than the record and half
 * of their life; else all are cut anew. */
static uint64_t choose_expiry(const struct rpc_host *host, enum record_kind kind,
                              const struct id *key, uint64_t record_expiry_unix_s)
{
    uint64_t now_unix_s = host->now(host->context).unix_s;
    struct stored kept;
    struct manifest manifest;
    if (host->store.get(host->store.context, STORE_KEPT, kind, key, &kept) == ERR_OK &&
        manifest_of_v(kept.record.v, &manifest) && manifest.expiry_unix_s >= record_expiry_unix_s &&
        manifest.expiry_unix_s >= now_unix_s + LARGE_LIFE_S / 2 &&
        manifest.expiry_unix_s <= now_unix_s + LARGE_LIFE_S) {
        return manifest.expiry_unix_s;
    }
    return now_unix_s + LARGE_LIFE_S;
}

static void copy_request(struct large_put *put, const struct put_request *request)
{
    put->record = *request;
    memcpy(put->k, request->k, sizeof put->k);
    put->record.k = put->k;
    if (request->salt.size > 0) {
        memcpy(put->salt, request->salt.data, request->salt.size);
    }
    put->record.salt = bytes_of(put->salt, request->salt.size);
    large_key(&put->record, &put->key);
}

/* The record's v: the envelope, with the manifest in place of the content. */
static void write_v(struct large_put *put, const struct envelope *whole)
{
    uint8_t body[RECORD_V_MAX];
    struct manifest manifest;
    struct envelope envelope = *whole;
    struct wire_writer w;
    cut_manifest(&put->cut, whole->content, &manifest);
    wire_writer_init(&w, body, sizeof body);
    manifest_write(&w, &manifest);
    envelope.content = ENVELOPE_MANIFEST;
    envelope.body = wire_written(&w);
    wire_writer_init(&w, put->v, sizeof put->v);
    envelope_write(&w, &envelope);
    put->record.v = wire_written(&w);
}

static struct large_put *make(struct rpc_call *call, const struct put_request *request,
                              const struct large_put_options *options)
{
    struct envelope whole;
    envelope_parse(request->v, &whole);
    size_t targets_size = cut_count(whole.body.size) * sizeof(struct id);
    struct large_put *put = malloc(sizeof *put + targets_size + whole.body.size);
    if (put == NULL) {
        return NULL;
    }
    *put = (struct large_put){.options = *options, .is_local = options->is_quick};
    copy_request(put, request);
    memcpy(put->memory + targets_size, whole.body.data, whole.body.size);
    cut_init(&put->cut, bytes_of(put->memory + targets_size, whole.body.size),
             choose_expiry(rpc_host_of(call), put->record.kind, &put->key, whole.expiry_unix_s),
             (struct id *)put->memory);
    write_v(put, &whole);
    progress_begin(&put->progress, call, options->has_progress);
    return put;
}

struct rpc_result large_put_start(struct rpc_call *call, const struct put_request *request,
                                  const struct large_put_options *options)
{
    struct rpc_result refusal;
    if (!large_enter(call, &refusal)) {
        return refusal;
    }
    struct large_put *put = make(call, request, options);
    if (put == NULL) {
        large_leave(call);
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    put->next = rpc_large_set(call)->puts;
    rpc_large_set(call)->puts = put;
    large_drop_spare(rpc_large_set(call), put);
    return begin(call, put);
}
