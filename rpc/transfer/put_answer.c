#include "rpc/transfer/put_answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/hex.h"
#include "rpc/values/slot.h"

/* {"code":count}; nodes that did not answer count as time-outs. */
static json_t *show_rejected(const struct event *event)
{
    json_t *rejected = json_object();
    for (uint32_t i = 0; i < event->put.rejected_count && i < EVENT_REJECTED_MAX; i++) {
        char code[24];
        int64_t number = event->put.rejected[i].code;
        snprintf(code, sizeof code, "%" PRId64, number != 0 ? number : err_code(ERR_TIMEOUT));
        json_int_t before = json_integer_value(json_object_get(rejected, code));
        json_object_set_new(rejected, code,
                            json_integer(before + (json_int_t)event->put.rejected[i].count));
    }
    return rejected;
}

static json_t *show(const struct event *event, bool is_waiting)
{
    char target[2 * ID_SIZE + 1];
    hex_encode(id_bytes(&event->put.target), target);
    if (!is_waiting) {
        return json_pack("{s:s, s:I, s:b}", "target", target, "seq", (json_int_t)event->put.seq,
                         "kept", (int)event->put.is_kept);
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "target", target, "seq",
                     (json_int_t)event->put.seq, "stored", (json_int_t)event->put.stored, "tried",
                     (json_int_t)event->put.tried, "kept", (int)event->put.is_kept, "rejected",
                     show_rejected(event));
}

json_t *put_answer_show(const struct event *event, bool is_waiting, struct bytes slot)
{
    json_t *result = show(event, is_waiting);
    if (slot.data != NULL && !slot_show(result, slot)) {
        json_decref(result);
        return NULL;
    }
    return result;
}

/* 301 and 302 say which seq was seen, so the caller can go on from there. */
static struct rpc_result fail_seq(struct rpc_call *call, const struct event *event)
{
    json_t *data = json_pack("{s:I}", "seq", (json_int_t)event->put.seq);
    if (event->err == ERR_CAS_MISMATCH) {
        return rpc_fail_data(call, event->err, data,
                             "cas does not match: seq %" PRId64 " is stored; read it, then put "
                             "with its seq as cas",
                             event->put.seq);
    }
    return rpc_fail_data(call, event->err, data,
                         "seq %" PRId64 " is stored already; a put needs a higher one, or none to "
                         "let the daemon choose",
                         event->put.seq);
}

json_t *put_answer_refusals(const struct event *event)
{
    return json_pack("{s:I, s:o}", "tried", (json_int_t)event->put.tried, "rejected",
                     show_rejected(event));
}

struct rpc_result put_answer_fail(struct rpc_call *call, const struct event *event)
{
    if (event->err == ERR_CAS_MISMATCH || event->err == ERR_STALE_SEQ) {
        return fail_seq(call, event);
    }
    enum err err = event->err;
    if (err == ERR_OK) {
        err = event->put.tried == 0 ? ERR_OFFLINE : ERR_TIMEOUT;
    }
    json_t *data = put_answer_refusals(event);
    if (err == ERR_OFFLINE) {
        return rpc_fail_data(call, err, data, "nothing stored: no node answers");
    }
    if (err == ERR_TIMEOUT) {
        return rpc_fail_data(call, err, data, "nothing stored: none of %u nodes took it in time",
                             event->put.tried);
    }
    return rpc_fail_data(call, err, data, NULL);
}

bool put_answer_is_taken(const struct event *event)
{
    bool is_somewhere = event->put.stored > 0 || event->put.is_kept;
    return is_somewhere &&
           (event->err == ERR_OK || event->err == ERR_TIMEOUT || event->err == ERR_OFFLINE);
}
