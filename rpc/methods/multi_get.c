#include "rpc/methods/multi_get.h"

#include <stdlib.h>

#include "daemon/dht/records/envelope.h"
#include "rpc/methods/multi_name.h"
#include "rpc/methods/single.h"
#include "rpc/transfer/get_call.h"
#include "rpc/values/slot.h"

/* Which entries are wanted, beside what the call's own parameters say. */
struct multi_get {
    bool has_signer;
    uint8_t signer[KEYS_PUBLIC_SIZE];
    struct slot slot; /* size 0: any */
};

static bool is_wanted(const struct rpc_call *call, const struct multi_get *get,
                      const struct record *entry)
{
    struct envelope envelope;
    if (get->has_signer && memcmp(entry->k, get->signer, KEYS_PUBLIC_SIZE) != 0) {
        return false;
    }
    if (get->slot.size > 0 && !bytes_equal(entry->salt, bytes_of(get->slot.data, get->slot.size))) {
        return false;
    }
    envelope_parse(entry->v, &envelope);
    return envelope.time_unix_s >= (uint64_t)rpc_int(call, "since");
}

/* The first one wanted, from `entry` on; NULL after the last. */
static const struct event_entry *next_wanted(const struct rpc_call *call,
                                             const struct multi_get *get,
                                             const struct event_entry *entry)
{
    while (entry != NULL && !is_wanted(call, get, &entry->record)) {
        entry = entry->next;
    }
    return entry;
}

/* The array, from the first one wanted on; NULL without memory. */
static json_t *show_entries(const struct rpc_call *call, const struct multi_get *get,
                            const struct event_entry *first, size_t limit)
{
    struct opener opener;
    json_t *values = json_array();
    opener_of_call(call, &opener);
    for (const struct event_entry *entry = first; entry != NULL && limit-- > 0;
         entry = next_wanted(call, get, entry->next)) {
        json_t *value = get_call_show(call, &opener, &entry->record, entry->record.v);
        if (json_array_append_new(values, value) != 0) {
            json_decref(values);
            return NULL;
        }
    }
    return values;
}

/* Nothing to show is an answer only where all that there is has been looked at. */
static struct rpc_result answer_none(struct rpc_call *call, const struct event *event)
{
    bool has_missed = event->gather.count > 0 && !event->stats.is_complete;
    enum err err = event->err == ERR_OK && has_missed ? ERR_TIMEOUT : event->err;
    return err == ERR_OK ? get_call_answer(call, json_array(), &event->stats)
                         : get_call_fail(call, err, &event->stats);
}

static struct rpc_result on_gather(struct rpc_call *call, void *state, const struct event *event)
{
    const struct multi_get *get = state;
    size_t limit = rpc_has(call, "limit") ? (size_t)rpc_int(call, "limit") : SIZE_MAX;
    const struct event_entry *first = next_wanted(call, get, event->gather.first);
    if (first == NULL) {
        return answer_none(call, event);
    }
    if (limit == 1 || next_wanted(call, get, first->next) == NULL) {
        return get_call_one(call, &first->record, &event->stats);
    }
    return get_call_answer(call, show_entries(call, get, first, limit), &event->stats);
}

/* One that only some entries pass would be missed by a gather that ends early. */
static uint32_t min_entries(const struct rpc_call *call)
{
    int64_t count = rpc_int(call, "min_multi");
    bool is_filtered = rpc_has(call, "by") || rpc_has(call, "since") || rpc_has(call, "slot") ||
                       rpc_has(call, "slot_hex");
    return is_filtered ? 0 : count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static struct rpc_result start(struct rpc_call *call, const struct multi_get *get,
                               const struct id *target)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct gather_request request = {.target = *target,
                                     .min_entries = min_entries(call),
                                     .quiet_ms = (uint32_t)rpc_int(call, "timeout_multi_ms"),
                                     .timeout_ms = rpc_left_ms(call)};
    struct rpc_pending_on on = {.on_event = on_gather, .state = malloc(sizeof *get)};
    if (on.state == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    memcpy(on.state, get, sizeof *get);
    enum err err =
        node_gather(host->node, host->now(host->context), &request, &on.op, host->outbox);
    if (err != ERR_OK) {
        free(on.state);
        return rpc_fail(call, err, NULL);
    }
    return rpc_pending(call, &on);
}

struct rpc_result multi_get_start(struct rpc_call *call)
{
    struct multi_name multi;
    struct multi_get get = {.has_signer = rpc_has(call, "by")};
    struct rpc_result refusal;
    bool is_local;
    if (rpc_has(call, "min_seq")) {
        return rpc_fail(call, ERR_INVALID_PARAMS,
                        "min_seq: for type s; entries of type m have a seq each");
    }
    if (!multi_name_of_call(call, &multi, &refusal) || !slot_of_call(call, &get.slot, &refusal)) {
        return refusal;
    }
    if (get.has_signer &&
        !single_resolve(call, "by", rpc_string(call, "by"), get.signer, &is_local, &refusal)) {
        return refusal;
    }
    return start(call, &get, &multi.target);
}
