#include "rpc/methods/put_plan.h"

#include <stdlib.h>

#include "rpc/methods/multi_name.h"
#include "rpc/methods/recipients.h"
#include "rpc/methods/single.h"
#include "rpc/values/base64.h"
#include "rpc/values/manifest.h"

/* The one source among `value`, `value_base64` and `delete`; *decoded is to be freed. A null beside
 * another source stands for "not given". Where `may_name`, the value that is to be deleted may
 * stand beside `delete`. */
static bool read_source(struct rpc_call *call, bool is_deletion, bool may_name,
                        struct value_source *source, uint8_t **decoded, struct rpc_result *refusal)
{
    const json_t *json = rpc_json(call, "value");
    bool has_base64 = rpc_has(call, "value_base64");
    if (json_is_null(json) && (has_base64 || is_deletion)) {
        json = NULL;
    }
    int values = (json != NULL) + has_base64;
    if (values > 1 || (is_deletion ? values > 0 && !may_name : values == 0)) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS,
                            "value: give exactly one of value, value_base64 and delete=true");
        return false;
    }
    source->json = json;
    if (has_base64) {
        size_t size = 0;
        *decoded = base64_decode(rpc_string(call, "value_base64"), &size);
        if (*decoded == NULL) {
            *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "value_base64: not base64");
            return false;
        }
        source->bytes = bytes_of(*decoded, size);
    }
    return true;
}

static struct rpc_result refuse_size(struct rpc_call *call, size_t size, size_t limit,
                                     size_t sealing)
{
    char note[64] = "";
    json_t *data = json_pack("{s:I, s:I}", "limit", (json_int_t)limit, "size", (json_int_t)size);
    if (sealing > 0) {
        json_object_set_new(data, "sealing", json_integer((json_int_t)sealing));
        snprintf(note, sizeof note, ", %zu of them for its encryption", sealing);
    }
    return rpc_fail_data(call, ERR_TOO_BIG, data, "the value makes %zu bytes%s; at most %zu %s",
                         size, note, limit,
                         limit == RECORD_V_MAX ? "fit in one record" : "can be put");
}

/* `sealing` is what the encryption adds, 0 without one. */
static bool check_size(struct rpc_call *call, const struct value *value, size_t sealing,
                       struct rpc_result *refusal)
{
    if (value->size > RECORD_V_MAX) {
        *refusal = refuse_size(call, value->size, RECORD_V_MAX, sealing);
        return false;
    }
    return true;
}

static bool check_large(struct rpc_call *call, const struct value *value, size_t sealing,
                        struct rpc_result *refusal)
{
    struct envelope envelope;
    envelope_parse(bytes_of(value->data, value->size), &envelope);
    if (envelope.body.size > LARGE_SIZE_MAX) {
        *refusal = refuse_size(call, envelope.body.size, LARGE_SIZE_MAX, sealing);
        return false;
    }
    return true;
}

/* That the secret key of `name` is here. */
static bool check_local(struct rpc_call *call, const char *name, bool is_local,
                        struct rpc_result *refusal)
{
    if (!is_local) {
        *refusal = rpc_fail(call, ERR_NO_KEY,
                            "the secret key of %s is not on this daemon; createkey makes one, "
                            "importkey brings one",
                            name);
    }
    return is_local;
}

static bool check_owner(struct rpc_call *call, const struct single *single,
                        struct rpc_result *refusal)
{
    const char *username = rpc_string(call, "username");
    if (rpc_has(call, "sig_user")) {
        uint8_t key[KEYS_PUBLIC_SIZE];
        bool is_local = false;
        if (!single_resolve(call, "sig_user", rpc_string(call, "sig_user"), key, &is_local,
                            refusal)) {
            return false;
        }
        if (memcmp(key, single->key, sizeof key) != 0) {
            *refusal =
                rpc_fail(call, ERR_INVALID_PARAMS,
                         "sig_user: a value of type s is signed by its owner, %s, alone", username);
            return false;
        }
    }
    return check_local(call, username, single->is_local, refusal);
}

static bool find_signer(struct rpc_call *call, uint8_t key[KEYS_PUBLIC_SIZE],
                        struct rpc_result *refusal)
{
    const char *name = rpc_string(call, "sig_user");
    bool is_local = false;
    if (!rpc_has(call, "sig_user")) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS,
                            "sig_user: an entry of type m needs a signer; name one of your keys "
                            "(listkeys shows them, createkey makes one)");
        return false;
    }
    return single_resolve(call, "sig_user", name, key, &is_local, refusal) &&
           check_local(call, name, is_local, refusal);
}

static bool plan_single(struct rpc_call *call, struct put_plan *plan, struct rpc_result *refusal)
{
    struct single single;
    if (!single_of_call(call, &single, refusal) || !check_owner(call, &single, refusal)) {
        return false;
    }
    if (rpc_has(call, "slot") || rpc_has(call, "slot_hex")) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "slot: only entries of type m have one");
        return false;
    }
    memcpy(plan->key, single.key, sizeof plan->key);
    plan->record = (struct record){
        .kind = RECORD_SINGLE, .target = single.target, .k = plan->key, .salt = single.salt};
    return true;
}

/* Its slot may follow from the content, which is not known yet. */
static bool plan_entry(struct rpc_call *call, struct put_plan *plan, struct rpc_result *refusal)
{
    struct multi_name multi;
    if (!multi_name_of_call(call, &multi, refusal) || !find_signer(call, plan->key, refusal) ||
        !slot_of_call(call, &plan->slot, refusal)) {
        return false;
    }
    plan->name = multi.name;
    plan->record = (struct record){.kind = RECORD_MULTI, .target = multi.target, .k = plan->key};
    return true;
}

static bool read_times(struct rpc_call *call, uint32_t ttl_s_default, struct value_source *source,
                       struct rpc_result *refusal)
{
    const struct rpc_host *host = rpc_host_of(call);
    int64_t ttl_s = rpc_has(call, "ttl") ? rpc_int(call, "ttl") : ttl_s_default;
    if (ttl_s < 1 || ttl_s > (int64_t)RECORD_TTL_S_MAX) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "ttl: must be 1 to %u seconds (30 days)",
                            RECORD_TTL_S_MAX);
        return false;
    }
    source->has_time = true;
    source->time_unix_s = host->now(host->context).unix_s;
    source->expiry_unix_s = source->time_unix_s + (uint64_t)ttl_s;
    return true;
}

/* Has the source sealed when the call names recipients. */
static bool plan_seal(struct rpc_call *call, struct value_seal *seal, struct value_source *source,
                      struct rpc_result *refusal)
{
    if (seal->to->count == 0) {
        return true;
    }
    if (source->json == NULL && source->bytes.data == NULL) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "to: a deletion has nothing to encrypt");
        return false;
    }
    const struct rpc_host *host = rpc_host_of(call);
    host->random(host->context, seal->random, sizeof seal->random);
    source->seal = seal;
    return true;
}

enum shape { SHAPE_SINGLE, SHAPE_LARGE, SHAPE_IMMUTABLE }; /* LARGE: or single, as it fits */

static bool make_value(struct rpc_call *call, enum shape shape, const struct value_source *source,
                       struct value *out, struct rpc_result *refusal)
{
    size_t sealing = source->seal != NULL ? SEALED_OVERHEAD_SIZE(source->seal->to->count) : 0;
    bool is_made = shape == SHAPE_IMMUTABLE ? value_make_immutable(source, out)
                                            : value_make_envelope(source, out);
    if (!is_made) {
        *refusal = rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    bool is_fit = is_made && (shape == SHAPE_LARGE ? check_large(call, out, sealing, refusal)
                                                   : check_size(call, out, sealing, refusal));
    if (!is_fit) {
        value_clear(out);
        return false;
    }
    return true;
}

/* An entry's deletion goes to the slot that is given, or to that of the value that is. */
static bool plan_deletion(struct rpc_call *call, struct put_plan *plan, struct value_source *source,
                          struct rpc_result *refusal)
{
    bool has_value = source->json != NULL || source->bytes.data != NULL;
    struct value value;
    if (has_value == (plan->slot.size > 0)) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS,
                            has_value ? "delete: give the slot, or the value that was put, not both"
                                      : "delete: say what: slot or slot_hex as dhtget shows it, or "
                                        "the value that was put");
        return false;
    }
    if (!has_value) {
        return true;
    }
    if (!value_make_envelope(source, &value)) {
        *refusal = rpc_fail(call, ERR_NO_MEMORY, NULL);
        return false;
    }
    slot_of_content(bytes_of(value.data, value.size), &plan->slot);
    value_clear(&value);
    source->json = NULL;
    source->bytes = (struct bytes){0};
    return true;
}

/* What the value makes of the record. */
static void complete(struct put_plan *plan)
{
    plan->record.v = bytes_of(plan->value.data, plan->value.size);
    if (plan->record.kind != RECORD_MULTI) {
        return;
    }
    if (plan->slot.size == 0) {
        slot_of_content(plan->record.v, &plan->slot);
    }
    plan->record.salt = bytes_of(plan->slot.data, plan->slot.size);
}

bool put_plan_signed(struct rpc_call *call, bool may_be_large, struct put_plan *out,
                     struct rpc_result *refusal)
{
    *out = (struct put_plan){0};
    bool is_entry = multi_name_is_meant(call), is_deletion = rpc_bool(call, "delete");
    if (is_entry ? !plan_entry(call, out, refusal) : !plan_single(call, out, refusal)) {
        return false;
    }
    struct value_source source = {0};
    uint8_t *decoded = NULL;
    struct recipients to;
    struct value_seal seal = {
        .to = &to, .signer = out->key, .kind = out->record.kind, .target = &out->record.target};
    uint32_t ttl_s = is_entry && is_deletion ? RECORD_TTL_S_MAX : RECORD_TTL_S_DEFAULT;
    bool is_planned =
        recipients_of_call(call, &to, refusal) && read_times(call, ttl_s, &source, refusal) &&
        read_source(call, is_deletion, is_entry, &source, &decoded, refusal) &&
        (!is_entry || !is_deletion || plan_deletion(call, out, &source, refusal)) &&
        plan_seal(call, &seal, &source, refusal) &&
        make_value(call, may_be_large ? SHAPE_LARGE : SHAPE_SINGLE, &source, &out->value, refusal);
    keys_wipe(seal.random, sizeof seal.random);
    free(decoded);
    if (is_planned) {
        complete(out);
    }
    return is_planned;
}

bool put_plan_immutable(struct rpc_call *call, struct put_plan *out, struct rpc_result *refusal)
{
    *out = (struct put_plan){0};
    struct value_source source = {0};
    uint8_t *decoded = NULL;
    bool is_planned = read_source(call, false, false, &source, &decoded, refusal) &&
                      make_value(call, SHAPE_IMMUTABLE, &source, &out->value, refusal);
    free(decoded);
    out->record =
        (struct record){.kind = RECORD_IMMUTABLE, .v = bytes_of(out->value.data, out->value.size)};
    return is_planned;
}

void put_plan_clear(struct put_plan *plan)
{
    value_clear(&plan->value);
}
