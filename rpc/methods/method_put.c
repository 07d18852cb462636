/* dhtput and its kin: values are planned here, stored by the node, signed by the shell. dhtsign and
 * dhtverify work without the network. */
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/methods/method_files.h"
#include "rpc/methods/put_plan.h"
#include "rpc/transfer/large.h"
#include "rpc/transfer/put_call.h"

/* In one record where it fits, else as a large value. */
static struct rpc_result start_put(struct rpc_call *call, struct put_request *request)
{
    struct large_put_options options = {.has_progress = rpc_bool(call, "progress")};
    struct rpc_result refusal;
    if (request->v.size <= RECORD_V_MAX) {
        return put_call_record(call, request);
    }
    return put_call_options(call, &options.is_kept, &options.is_quick, &refusal)
               ? large_put_start(call, request, &options)
               : refusal;
}

struct rpc_result method_dhtput(struct rpc_call *call)
{
    struct put_plan plan;
    struct rpc_result result;
    if (!put_plan_signed(call, true, &plan, &result)) {
        return result;
    }
    struct put_request request = {.kind = plan.record.kind,
                                  .target = plan.record.target,
                                  .k = plan.record.k,
                                  .salt = plan.record.salt,
                                  .v = plan.record.v,
                                  .has_seq = rpc_has(call, "seq"),
                                  .seq = rpc_int(call, "seq"),
                                  .has_cas = rpc_has(call, "cas"),
                                  .cas = rpc_int(call, "cas")};
    result = start_put(call, &request);
    put_plan_clear(&plan);
    return result;
}

struct rpc_result method_putimmutable(struct rpc_call *call)
{
    struct put_plan plan;
    struct rpc_result result;
    if (!put_plan_immutable(call, &plan, &result)) {
        return result;
    }
    struct put_request request = {.kind = RECORD_IMMUTABLE, .v = plan.record.v};
    result = put_call_record(call, &request);
    put_plan_clear(&plan);
    return result;
}

/* The record that hexdata stands for; its bytes lie in `*raw`, to be freed whatever is returned. */
static enum err read_hexdata(struct rpc_call *call, uint8_t **raw, struct record *record)
{
    const char *text = rpc_string(call, "hexdata");
    size_t length = strlen(text);
    *raw = malloc(length / 2 + 1);
    if (*raw == NULL) {
        return ERR_NO_MEMORY;
    }
    if (length % 2 != 0 || !hex_decode(text, length, *raw, length / 2)) {
        return ERR_MALFORMED;
    }
    return record_parse_raw(bytes_of(*raw, length / 2), record, NULL);
}

/* NULL when the times that are signed allow the record now, else why not. */
static const char *find_time_fault(struct rpc_call *call, const struct record *record)
{
    const struct rpc_host *host = rpc_host_of(call);
    uint64_t now_s = host->now(host->context).unix_s;
    uint64_t expiry_s;
    enum err err = record_expiry(record, now_s, now_s, &expiry_s);
    if (err == ERR_OK) {
        return NULL;
    }
    return err == ERR_NOT_FOUND ? "it has expired"
                                : "its time or its expiry is too far in the future";
}

static struct rpc_result put_raw(struct rpc_call *call, const struct record *record)
{
    const char *fault = find_time_fault(call, record);
    if (fault != NULL) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "hexdata: %s", fault);
    }
    struct put_request request = node_put_request(record);
    return put_call_record(call, &request);
}

struct rpc_result method_dhtputraw(struct rpc_call *call)
{
    uint8_t *raw;
    struct record record;
    struct rpc_result result;
    enum err err = read_hexdata(call, &raw, &record);
    if (err == ERR_MALFORMED) {
        result = rpc_fail(call, ERR_INVALID_PARAMS,
                          "hexdata: not a signed record (the bencoding of {k, salt, seq, sig, v}, "
                          "of an entry {k, n, r, seq, sig, slot, v})");
    } else if (err != ERR_OK) {
        result = rpc_fail(call, err, NULL);
    } else {
        result = put_raw(call, &record);
    }
    free(raw);
    return result;
}

/* The seq to sign under: the one given, else one above the highest held or kept here. */
static int64_t choose_seq(struct rpc_call *call, const struct record *record)
{
    if (rpc_has(call, "seq")) {
        return rpc_int(call, "seq");
    }
    const struct store_reader *store = &rpc_host_of(call)->store;
    struct id key;
    int64_t highest = 0;
    record_key(record, &key);
    for (int space = 0; space < STORE_SPACE_COUNT; space++) {
        struct stored stored;
        if (store->get(store->context, (enum store_space)space, record->kind, &key, &stored) ==
                ERR_OK &&
            stored.record.seq > highest) {
            highest = stored.record.seq;
        }
    }
    return highest < INT64_MAX ? highest + 1 : highest;
}

static bool sign(const struct rpc_host *host, const struct record *record,
                 uint8_t sig[KEYS_SIGNATURE_SIZE])
{
    uint8_t message[RECORD_SIGNED_MAX];
    struct wire_writer writer;
    wire_writer_init(&writer, message, sizeof message);
    record_write_signed(&writer, record);
    return !writer.failed && host->sign(host->context, record->k, wire_written(&writer), sig);
}

struct rpc_result method_dhtsign(struct rpc_call *call)
{
    struct put_plan plan;
    struct rpc_result result;
    if (!put_plan_signed(call, false, &plan, &result)) {
        return result;
    }
    uint8_t sig[KEYS_SIGNATURE_SIZE];
    struct record *record = &plan.record;
    record->seq = choose_seq(call, record);
    record->sig = sig;
    if (sign(rpc_host_of(call), record, sig)) {
        const struct record_name *name = record->kind == RECORD_MULTI ? &plan.name : NULL;
        result = rpc_reply(call, value_hexdata(record, name));
    } else {
        result = rpc_fail(call, ERR_NO_KEY, NULL);
    }
    put_plan_clear(&plan);
    return result;
}

struct rpc_result method_dhtverify(struct rpc_call *call)
{
    uint8_t *raw;
    struct record record;
    enum err err = read_hexdata(call, &raw, &record);
    const char *fault = NULL;
    if (err == ERR_MALFORMED) {
        fault = "not a record (the bencoding of {k, salt, seq, sig, v}, of an entry {k, n, r, seq, "
                "sig, slot, v}; v in canonical form)";
    } else if (err != ERR_OK) {
        fault = err_text(err);
    } else {
        fault =
            record_verify(&record) ? find_time_fault(call, &record) : err_text(ERR_BAD_SIGNATURE);
    }
    free(raw);
    if (err == ERR_NO_MEMORY) {
        return rpc_fail(call, err, NULL);
    }
    return rpc_reply(call, json_pack("{s:b, s:s?}", "valid", fault == NULL, "reason", fault));
}
