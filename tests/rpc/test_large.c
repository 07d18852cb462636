/* A large value comes back byte for byte or not at all; what is kept of it is exactly its chunks,
 * for as long as it is kept; and no record of it outlives them. */
#include <check.h>
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/transfer/join.h"
#include "rpc/transfer/large.h"
#include "rpc/values/base64.h"
#include "rpc/values/value.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

#define SIZE   50000u /* 53 chunks of data, 2 lists */
#define CHUNKS 55u
#define DAY_S  86400u

static struct solo solo;
static uint8_t content[SIZE];

static void setup(void)
{
    solo_init(&solo);
    for (size_t i = 0; i < SIZE; i++) {
        content[i] = (uint8_t)((i * 2654435761u) >> 11);
    }
}

static void teardown(void)
{
    solo_clear(&solo);
}

/* The reply, a new reference, to a call with named parameters; takes `params`. */
static json_t *ask(const char *method, json_t *params)
{
    struct json_text text = {0};
    json_write(&text, params, 0);
    json_text_append(&text, "", 1);
    json_t *reply = solo_call(&solo, method, text.data);
    json_text_clear(&text);
    json_decref(params);
    return reply;
}

static json_t *result_of(const char *method, json_t *params)
{
    json_t *reply = ask(method, params);
    json_t *result = json_incref(json_object_get(reply, "result"));
    ck_assert_msg(result != NULL, "%s: %s", method,
                  json_string_value(json_object_get(json_object_get(reply, "error"), "message")));
    json_decref(reply);
    return result;
}

static json_t *named(const char *resource)
{
    return json_pack("{s:s, s:s, s:s}", "username", "alice", "resource", resource, "type", "s");
}

static json_t *with(json_t *params, const char *key, json_t *value)
{
    json_object_set_new(params, key, value);
    return params;
}

static json_t *put_params(const char *resource, size_t size)
{
    return with(named(resource), "value_base64", base64_to_json(bytes_of(content, size)));
}

static int64_t number_at(const json_t *object, const char *outer, const char *inner)
{
    return json_integer_value(json_object_get(json_object_get(object, outer), inner));
}

static void put(const char *resource, size_t size)
{
    json_decref(result_of("dhtput", put_params(resource, size)));
}

static void assert_error(const char *method, json_t *params, int code, const char *says)
{
    json_t *reply = ask(method, params);
    json_t *error = json_object_get(reply, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    ck_assert_msg(error != NULL, "%s is no error", method);
    ck_assert_msg(json_integer_value(json_object_get(error, "code")) == code, "%s", message);
    ck_assert_msg(strstr(message, says) != NULL, "says: %s", message);
    json_decref(reply);
}

static void assert_got(const char *resource, size_t size)
{
    json_t *values = result_of("dhtget", named(resource));
    const json_t *part = json_object_get(json_array_get(values, 0), "p");
    size_t got_size = 0;
    uint8_t *got = base64_decode(json_string_value(json_object_get(part, "v_base64")), &got_size);
    ck_assert_uint_eq(got_size, size);
    ck_assert_mem_eq(got, content, size);
    free(got);
    json_decref(values);
}

static size_t kept_chunks(void)
{
    return solo_count(&solo, STORE_KEPT, RECORD_IMMUTABLE);
}

static struct record alice_record(const char *resource, enum store_space space)
{
    struct rpc_identity alice;
    struct id target;
    struct stored stored;
    const struct rpc_host *host = &solo.fake.host;
    ck_assert(host->key_by_name(host->context, "alice", &alice));
    record_single_target(alice.public_key, bytes_of_string(resource), &target);
    ck_assert_int_eq(host->store.get(host->store.context, space, RECORD_SINGLE, &target, &stored),
                     ERR_OK);
    return stored.record;
}

static struct manifest manifest_of(const char *resource)
{
    struct manifest manifest;
    ck_assert(manifest_of_v(alice_record(resource, STORE_KEPT).v, &manifest));
    return manifest;
}

START_TEST(bytes_come_back)
{
    json_t *result = result_of("dhtput", put_params("r", SIZE));
    ck_assert_int_eq(number_at(result, "chunks", "count"), CHUNKS);
    ck_assert_int_eq(number_at(result, "chunks", "stored_min"), 1);
    ck_assert(json_is_true(json_object_get(result, "kept")));
    json_decref(result);
    assert_got("r", SIZE);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
}
END_TEST

/* 962 bytes of content are the most that one record's envelope holds: 1000 with its two times. */
START_TEST(what_fits_into_a_record_is_none)
{
    const size_t largest = 1000 - 4 - 4 - 15 - 15 - 1;
    put("r", largest);
    ck_assert_uint_eq(kept_chunks(), 0);
    assert_got("r", largest);
    put("r", largest + 1);
    ck_assert_uint_eq(kept_chunks(), 2);
    assert_got("r", largest + 1);
}
END_TEST

START_TEST(json_comes_back_as_json)
{
    json_t *list = json_array();
    for (int i = 0; i < 2000; i++) {
        json_array_append_new(list, json_pack("{s:i, s:f}", "number", i, "half", i / 2.0));
    }
    json_decref(result_of("dhtput", with(named("r"), "value", json_incref(list))));
    json_t *values = result_of("dhtget", with(named("r"), "raw", json_true()));
    const json_t *element = json_array_get(values, 0);
    ck_assert(json_equal(json_object_get(json_object_get(element, "p"), "v"), list));
    ck_assert(json_is_string(json_object_get(element, "hexdata")));
    ck_assert(json_is_integer(json_object_get(json_object_get(element, "p"), "time")));
    json_decref(values);
    json_decref(list);
}
END_TEST

START_TEST(only_dhtput_takes_them)
{
    json_t *bytes = base64_to_json(bytes_of(content, SIZE));
    assert_error("dhtsign", with(named("r"), "value_base64", json_incref(bytes)), 205, "1000");
    assert_error("putimmutable", json_pack("{s:O}", "value_base64", bytes), 205, "1000");
    json_decref(bytes);
}
END_TEST

START_TEST(no_more_than_a_mebibyte)
{
    uint8_t *more = calloc(1, LARGE_SIZE_MAX + 1);
    assert_error(
        "dhtput",
        with(named("r"), "value_base64", base64_to_json(bytes_of(more, LARGE_SIZE_MAX + 1))), 205,
        "1048576");
    /* All chunks of zeros are one, and so are all but one of the lists. */
    json_t *result = result_of(
        "dhtput", with(named("r"), "value_base64", base64_to_json(bytes_of(more, LARGE_SIZE_MAX))));
    ck_assert_int_eq(number_at(result, "chunks", "count"), 4);
    json_decref(result);
    json_t *values = result_of("dhtget", named("r"));
    ck_assert_uint_eq(json_array_size(values), 1);
    json_decref(values);
    free(more);
}
END_TEST

/* What is held here is read at once, but not the whole in one turn of the loop. */
START_TEST(a_large_get_leaves_the_loop_to_others)
{
    uint8_t *zeros = calloc(1, LARGE_SIZE_MAX);
    json_t *bytes = base64_to_json(bytes_of(zeros, LARGE_SIZE_MAX));
    json_decref(result_of("dhtput", with(named("r"), "value_base64", bytes)));
    uint64_t before_ms = solo.fake.now.ms;
    json_decref(result_of("dhtget", named("r")));
    ck_assert_uint_ge(solo.fake.now.ms, before_ms + cut_count(LARGE_SIZE_MAX) / 64);
    free(zeros);
}
END_TEST

START_TEST(equal_chunks_are_refreshed)
{
    put("r", SIZE);
    const struct manifest first = manifest_of("r");
    solo_run(&solo, DAY_S);
    put("r", SIZE);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
    const struct manifest second = manifest_of("r");
    ck_assert_mem_eq(&first, &second, sizeof first);
    ck_assert_int_eq(alice_record("r", STORE_KEPT).seq, 2);
}
END_TEST

START_TEST(chunks_of_half_their_life_are_made_anew)
{
    put("r", SIZE);
    const struct manifest first = manifest_of("r");
    solo_run(&solo, 16 * DAY_S);
    put("r", SIZE);
    solo_run(&solo, 10);
    const struct manifest second = manifest_of("r");
    ck_assert_uint_gt(second.expiry_unix_s, first.expiry_unix_s + 15 * DAY_S);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
}
END_TEST

START_TEST(what_replaces_it_drops_its_chunks)
{
    put("r", SIZE);
    content[SIZE - 1] ^= 1; /* the last chunk and its list */
    put("r", SIZE);
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
    put("r", 10);
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
    put("r", SIZE);
    json_decref(result_of("dhtput", with(named("r"), "delete", json_true())));
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
}
END_TEST

START_TEST(a_dropped_put_drops_its_chunks_but_not_anothers)
{
    put("r", SIZE);
    put("q", SIZE); /* in the same second: the same chunks */
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
    json_t *items = result_of("listputs", json_object());
    ck_assert_uint_eq(json_array_size(json_object_get(items, "items")), 2);
    const json_t *item = json_array_get(json_object_get(items, "items"), 0);
    ck_assert_int_eq(number_at(item, "large", "size"), SIZE);
    ck_assert_int_eq(number_at(item, "large", "chunks"), CHUNKS);
    for (size_t i = 0; i < 2; i++) {
        item = json_array_get(json_object_get(items, "items"), i);
        json_decref(
            result_of("dropput", json_pack("{s:O}", "target", json_object_get(item, "target"))));
        solo_run(&solo, 10);
        ck_assert_uint_eq(kept_chunks(), i == 0 ? CHUNKS : 0);
    }
    json_decref(items);
}
END_TEST

static void drop(const char *resource)
{
    char target[2 * ID_SIZE + 1];
    const struct record record = alice_record(resource, STORE_KEPT);
    hex_encode(id_bytes(&record.target), target);
    json_decref(result_of("dropput", json_pack("{s:s}", "target", target)));
}

/* More than are looked at in one turn of the loop. */
static void put_many_small(void)
{
    char resource[24];
    for (int i = 0; i < 1500; i++) {
        snprintf(resource, sizeof resource, "small%d", i);
        put(resource, 10);
    }
}

START_TEST(put_again_while_its_chunks_are_dropped_it_has_them)
{
    put("r", SIZE);
    put_many_small();
    drop("r");
    ck_assert_ptr_nonnull(solo.dispatch.large.drops);
    put("r", SIZE); /* in the same second: the same chunks */
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
    assert_got("r", SIZE);
}
END_TEST

START_TEST(among_many_kept_values_the_one_with_the_same_chunks_is_found)
{
    put("r", SIZE);
    put("q", SIZE);
    put("alone", 5000);
    put_many_small();
    drop("r");
    drop("alone");
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
    assert_got("q", SIZE);
    drop("q");
    ck_assert_uint_eq(kept_chunks(), CHUNKS); /* only begun */
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
    ck_assert_ptr_null(solo.dispatch.large.drops);
}
END_TEST

START_TEST(chunks_are_listed_when_asked_for)
{
    put("r", SIZE);
    json_t *items = result_of("listputs", json_pack("{s:b, s:i}", "chunks", 1, "limit", 1000));
    ck_assert_uint_eq(json_array_size(json_object_get(items, "items")), CHUNKS + 1);
    json_decref(items);
}
END_TEST

START_TEST(without_keeping_nothing_is_kept)
{
    json_decref(result_of("dhtput", with(put_params("r", SIZE), "keep", json_false())));
    ck_assert_uint_eq(solo_count(&solo, STORE_KEPT, RECORD_IMMUTABLE), 0);
    ck_assert_uint_eq(solo_count(&solo, STORE_HELD, RECORD_IMMUTABLE), CHUNKS);
    assert_got("r", SIZE);
}
END_TEST

START_TEST(a_quick_one_is_kept_first_and_follows)
{
    json_t *result = result_of("dhtput", with(put_params("r", SIZE), "wait", json_false()));
    ck_assert(json_is_true(json_object_get(result, "kept")));
    ck_assert_int_eq(json_integer_value(json_object_get(result, "seq")), 1);
    ck_assert_ptr_null(json_object_get(result, "stored"));
    json_decref(result);
    ck_assert_uint_eq(kept_chunks(), CHUNKS);
    solo_run(&solo, 10);
    ck_assert_uint_eq(solo_count(&solo, STORE_HELD, RECORD_IMMUTABLE), CHUNKS);
    ck_assert_int_eq(alice_record("r", STORE_HELD).seq, 1);
    ck_assert_uint_eq(solo.dispatch.large.count, 0);
    assert_error("dhtput",
                 with(with(put_params("r", SIZE), "wait", json_false()), "keep", json_false()),
                 -32602, "keep=true");
}
END_TEST

START_TEST(a_refused_put_leaves_no_chunks)
{
    put("r", 10);
    assert_error("dhtput", with(put_params("r", SIZE), "seq", json_integer(1)), 302, "seq 1");
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
    assert_got("r", 10);
    ck_assert_uint_eq(solo.dispatch.large.count, 0);
}
END_TEST

START_TEST(a_chunk_that_nobody_takes_is_named)
{
    solo.fake.store.disk.is_broken = true;
    json_t *reply = ask("dhtput", put_params("r", SIZE));
    const json_t *error = json_object_get(reply, "error");
    const json_t *data = json_object_get(error, "data");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), 500);
    ck_assert_int_eq(json_integer_value(json_object_get(data, "of")), CHUNKS);
    ck_assert(json_is_integer(json_object_get(data, "tried")));
    ck_assert(json_is_object(json_object_get(data, "rejected")));
    json_decref(reply);
    solo.fake.store.disk.is_broken = false;
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
}
END_TEST

static void lose(const struct id *target)
{
    struct store_write write = {.action = STORE_DROP,
                                .record = {.kind = RECORD_IMMUTABLE, .target = *target}};
    int64_t seq;
    for (int space = 0; space < STORE_SPACE_COUNT; space++) {
        write.space = (enum store_space)space;
        ram_write(&solo.fake.store, &write, &seq);
    }
}

START_TEST(a_missing_chunk_is_named)
{
    put("r", SIZE);
    const struct manifest manifest = manifest_of("r");
    lose(&manifest.targets[1]);
    assert_error("dhtget", named("r"), 404, "chunk 1 of 55");
    ck_assert_uint_eq(solo.dispatch.large.count, 0);
}
END_TEST

START_TEST(no_more_at_once_than_the_limit)
{
    put("r", SIZE);
    solo.dispatch.large.count = LARGE_CALLS_MAX;
    assert_error("dhtput", put_params("r", SIZE), 429, "16");
    assert_error("dhtget", named("r"), 429, "16");
    put("q", 10);
    solo.dispatch.large.count = 0;
    assert_got("r", SIZE);
}
END_TEST

START_TEST(the_read_only_socket_has_its_share_and_no_more)
{
    put("r", SIZE);
    solo.client.access = RPC_ACCESS_READ;
    solo.dispatch.large.count = solo.dispatch.large.read_count = LARGE_READ_MAX - 1;
    assert_got("r", SIZE);
    ck_assert_uint_eq(solo.dispatch.large.read_count, LARGE_READ_MAX - 1);
    solo.dispatch.large.count = solo.dispatch.large.read_count = LARGE_READ_MAX;
    assert_error("dhtget", named("r"), 429, "read-only");
    solo.client.access = RPC_ACCESS_FULL;
    assert_got("r", SIZE);
    ck_assert_uint_eq(solo.dispatch.large.read_count, LARGE_READ_MAX);
    solo.dispatch.large.count = solo.dispatch.large.read_count = 0;
}
END_TEST

static enum err (*real_next)(void *context, enum store_space space, enum record_kind kind,
                             const struct id *key, struct stored *out);
static size_t looks;

static enum err counted_next(void *context, enum store_space space, enum record_kind kind,
                             const struct id *key, struct stored *out)
{
    looks++;
    return real_next(context, space, kind, key, out);
}

START_TEST(many_drops_look_no_more_than_one)
{
    static const char *const resources[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        content[0] = (uint8_t)i;
        put(resources[i], 5000);
    }
    put_many_small();
    real_next = solo.dispatch.host.store.next;
    solo.dispatch.host.store.next = counted_next;
    looks = 0;
    uint64_t before_ms = solo.fake.now.ms;
    for (int i = 0; i < 4; i++) {
        drop(resources[i]);
    }
    ck_assert_uint_eq(solo.fake.now.ms, before_ms);
    ck_assert_uint_eq(looks, 1024);
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
    ck_assert_ptr_null(solo.dispatch.large.drops);
    ck_assert_ptr_null(solo.dispatch.large.sifting);
}
END_TEST

/* A record of alice's with this manifest, as a stranger's program might make it. */
static void put_manifest(const struct manifest *manifest, int64_t seq)
{
    uint8_t body[RECORD_V_MAX], v[RECORD_V_MAX], sig[KEYS_SIGNATURE_SIZE];
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret[KEYS_SECRET_SIZE];
    struct wire_writer w;
    wire_writer_init(&w, body, sizeof body);
    manifest_write(&w, manifest);
    struct envelope envelope = {.content = ENVELOPE_MANIFEST,
                                .body = wire_written(&w),
                                .has_time = true,
                                .time_unix_s = solo.fake.now.unix_s,
                                .has_expiry = true,
                                .expiry_unix_s = solo.fake.now.unix_s + DAY_S};
    wire_writer_init(&w, v, sizeof v);
    envelope_write(&w, &envelope);
    keys_from_seed(solo.fake.seeds[0], public_key, secret);
    struct record record = {.kind = RECORD_SINGLE,
                            .k = public_key,
                            .salt = bytes_of_string("r"),
                            .seq = seq,
                            .v = wire_written(&w),
                            .sig = sig};
    record_sign(secret, &record, sig);
    json_decref(
        result_of("dhtputraw", json_pack("{s:o}", "hexdata", value_hexdata(&record, NULL))));
}

START_TEST(a_damaged_manifest_gives_nothing)
{
    put("r", SIZE);
    const struct manifest good = manifest_of("r");
    struct manifest bad = good;
    bad.hash[0] ^= 1;
    put_manifest(&bad, 2);
    assert_error("dhtget", named("r"), 203, "hash");
    bad = good;
    bad.size--;
    put_manifest(&bad, 3);
    assert_error("dhtget", named("r"), 203, "chunk 54 of 55");
    bad = good;
    bad.size = LARGE_SIZE_MAX + 1;
    put_manifest(&bad, 4);
    assert_error("dhtget", named("r"), 203, "length");
    bad = good;
    bad.size = LARGE_SIZE_MAX;
    put_manifest(&bad, 5);
    assert_error("dhtget", named("r"), 203, "chunks that its length needs");
    bad = good;
    bad.expiry_unix_s++;
    put_manifest(&bad, 6);
    assert_error("dhtget", named("r"), 203, "chunk 0 of 55");
    bad = good;
    bad.targets[1] = alice_record("r", STORE_HELD).target;
    put_manifest(&bad, 7);
    assert_error("dhtget", named("r"), 203, "itself");
    bad = good;
    memset(&bad.targets[0], 0, sizeof bad.targets[0]);
    put_manifest(&bad, 8);
    assert_error("dhtget", named("r"), 404, "chunk 0 of 55");
    put_manifest(&good, 9);
    assert_got("r", SIZE);
}
END_TEST

/* The core renews the record by itself at day 7 and 14; at day 21 that would outlive the chunks. */
START_TEST(a_kept_one_is_put_anew_before_its_chunks_end)
{
    put("r", SIZE);
    const struct manifest first = manifest_of("r");
    const uint64_t end = solo.fake.now.unix_s + 90 * DAY_S;
    bool is_anew = false;
    while (solo.fake.now.unix_s < end) {
        solo_run(&solo, DAY_S / 2);
        struct envelope envelope;
        envelope_parse(alice_record("r", STORE_KEPT).v, &envelope);
        const struct manifest manifest = manifest_of("r");
        ck_assert_uint_le(envelope.expiry_unix_s, manifest.expiry_unix_s);
        ck_assert_uint_gt(envelope.expiry_unix_s, solo.fake.now.unix_s + 6 * DAY_S);
        ck_assert_uint_eq(kept_chunks(), CHUNKS);
        is_anew = is_anew || manifest.expiry_unix_s > first.expiry_unix_s;
        if (!is_anew) {
            ck_assert_uint_lt(solo.fake.now.unix_s, first.expiry_unix_s);
        }
    }
    ck_assert(is_anew);
    assert_got("r", SIZE);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, bytes_come_back);
    tcase_add_test(tests, what_fits_into_a_record_is_none);
    tcase_add_test(tests, json_comes_back_as_json);
    tcase_add_test(tests, only_dhtput_takes_them);
    tcase_add_test(tests, no_more_than_a_mebibyte);
    tcase_add_test(tests, equal_chunks_are_refreshed);
    tcase_add_test(tests, chunks_of_half_their_life_are_made_anew);
    tcase_add_test(tests, what_replaces_it_drops_its_chunks);
    tcase_add_test(tests, a_dropped_put_drops_its_chunks_but_not_anothers);
    tcase_add_test(tests, a_large_get_leaves_the_loop_to_others);
    tcase_add_test(tests, put_again_while_its_chunks_are_dropped_it_has_them);
    tcase_add_test(tests, among_many_kept_values_the_one_with_the_same_chunks_is_found);
    tcase_add_test(tests, many_drops_look_no_more_than_one);
    tcase_add_test(tests, the_read_only_socket_has_its_share_and_no_more);
    tcase_add_test(tests, chunks_are_listed_when_asked_for);
    tcase_add_test(tests, without_keeping_nothing_is_kept);
    tcase_add_test(tests, a_quick_one_is_kept_first_and_follows);
    tcase_add_test(tests, a_refused_put_leaves_no_chunks);
    tcase_add_test(tests, a_chunk_that_nobody_takes_is_named);
    tcase_add_test(tests, a_missing_chunk_is_named);
    tcase_add_test(tests, no_more_at_once_than_the_limit);
    tcase_add_test(tests, a_damaged_manifest_gives_nothing);
    tcase_add_test(tests, a_kept_one_is_put_anew_before_its_chunks_end);
}
