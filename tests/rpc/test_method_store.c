/* Entries of multis are listed with their places, a page ends where the store asks to go on, and a
 * dropped multi loses all that is kept of it. */
#include <check.h>

#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;

static void setup(void)
{
    solo_init(&solo);
}

static void teardown(void)
{
    solo_clear(&solo);
}

static struct id multi_of(const char *name)
{
    struct id target;
    record_multi_target(bytes_of_string(name), bytes_of_string("readings"), &target);
    return target;
}

/* Puts an entry into the store, as a holder and as its keeper. */
static void store_entry(const char *name, struct bytes slot)
{
    static const uint8_t k[KEYS_PUBLIC_SIZE] = {0xab, 0xcd}, sig[KEYS_SIGNATURE_SIZE] = {1};
    uint8_t v[64];
    struct wire_writer w;
    int64_t seq;
    const struct envelope envelope = {.content = ENVELOPE_JSON,
                                      .body = bytes_of_string("1"),
                                      .has_time = true,
                                      .time_unix_s = 1700000000};
    wire_writer_init(&w, v, sizeof v);
    envelope_write(&w, &envelope);
    struct store_write write = {.is_verified = true,
                                .expiry_unix_s = STORE_EXPIRY_NEVER,
                                .record = {.kind = RECORD_MULTI,
                                           .target = multi_of(name),
                                           .k = k,
                                           .sig = sig,
                                           .salt = slot,
                                           .seq = 7,
                                           .v = wire_written(&w)}};
    for (int space = 0; space < STORE_SPACE_COUNT; space++) {
        write.space = (enum store_space)space;
        ck_assert_int_eq(ram_write(&solo.fake.store, &write, &seq), ERR_OK);
    }
}

/* The result, a new reference. */
static json_t *result_of(const char *method, const char *params)
{
    json_t *reply = solo_call(&solo, method, params);
    json_t *result = json_incref(json_object_get(reply, "result"));
    ck_assert_msg(result != NULL, "%s %s is an error", method, params);
    json_decref(reply);
    return result;
}

static size_t count_of(const char *method)
{
    json_t *result = result_of(method, "[]");
    size_t count = json_array_size(json_object_get(result, "items"));
    json_decref(result);
    return count;
}

static bool drops(const char *target)
{
    char params[64];
    snprintf(params, sizeof params, "[\"%s\"]", target);
    json_t *reply = solo_call(&solo, "dropput", params);
    bool is_dropped = json_is_true(json_object_get(reply, "result"));
    json_decref(reply);
    return is_dropped;
}

static const char *text_in(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

START_TEST(an_entry_says_its_place)
{
    const uint8_t hash[] = {0xff, 0x00};
    char target[2 * ID_SIZE + 1];
    struct id id = multi_of("wabi");
    store_entry("wabi", bytes_of_string("latest"));
    json_t *result = result_of("liststored", "[]");
    json_t *item = json_array_get(json_object_get(result, "items"), 0);
    ck_assert_str_eq(text_in(item, "kind"), "m");
    ck_assert_str_eq(text_in(item, "target"), hex_encode(id_bytes(&id), target));
    ck_assert_str_eq(text_in(item, "slot"), "latest");
    ck_assert_uint_eq(strlen(text_in(item, "key")), 2 * ID_SIZE);
    ck_assert_int_eq(strncmp(text_in(item, "k"), "abcd00", 6), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(item, "seq")), 7);
    ck_assert_ptr_null(json_object_get(item, "salt"));
    json_decref(result);
    store_entry("city", bytes_of(hash, sizeof hash));
    result = result_of("listputs", "[]");
    ck_assert_uint_eq(json_array_size(json_object_get(result, "items")), 2);
    size_t hashed = text_in(json_array_get(json_object_get(result, "items"), 0), "slot") != NULL;
    item = json_array_get(json_object_get(result, "items"), hashed);
    ck_assert_str_eq(text_in(item, "slot_hex"), "ff00");
    json_decref(result);
}
END_TEST

struct walk {
    size_t items, pages;
};

/* Through all pages of what is held. */
static struct walk walk_stored(unsigned limit)
{
    struct walk walk = {0};
    char params[128];
    const char *next = NULL;
    json_t *result = NULL;
    snprintf(params, sizeof params, "{\"limit\":%u}", limit);
    do {
        json_decref(result);
        result = result_of("liststored", params);
        walk.items += json_array_size(json_object_get(result, "items"));
        walk.pages++;
        next = text_in(result, "next");
        if (next != NULL)
            snprintf(params, sizeof params, "{\"limit\":%u,\"after\":\"%s\"}", limit, next);
    } while (next != NULL);
    json_decref(result);
    return walk;
}

START_TEST(pages_go_through_entries_too)
{
    char slot[8] = "slot 0";
    for (int i = 0; i < 7; i++, slot[5]++)
        store_entry("wabi", bytes_of_string(slot));
    const struct walk walk = walk_stored(2);
    ck_assert_uint_eq(walk.items, 7);
    ck_assert_uint_eq(walk.pages, 4);
}
END_TEST

START_TEST(a_multi_is_dropped_whole_and_an_entry_alone)
{
    char target[2 * ID_SIZE + 1], key[2 * ID_SIZE + 1];
    struct id id = multi_of("wabi");
    store_entry("wabi", bytes_of_string("1"));
    store_entry("wabi", bytes_of_string("2"));
    store_entry("wabi", bytes_of_string("3"));
    store_entry("city", bytes_of_string("1"));
    json_t *result = result_of("listputs", "[]");
    json_t *item = json_array_get(json_object_get(result, "items"), 0);
    snprintf(key, sizeof key, "%s", text_in(item, "key"));
    json_decref(result);
    ck_assert(drops(key) && !drops(key));
    ck_assert_uint_eq(count_of("listputs"), 3);
    ck_assert(drops(hex_encode(id_bytes(&id), target)));
    ck_assert(!drops(target));
    ck_assert_uint_le(count_of("listputs"), 1);
    id = multi_of("city");
    drops(hex_encode(id_bytes(&id), target));
    ck_assert_uint_eq(count_of("listputs"), 0);
    ck_assert_uint_eq(count_of("liststored"), 4);
}
END_TEST

/* Steps over one record a call, as if all of them had ended but the last. */
static enum err next_busy(void *context, enum store_space space, enum record_kind kind,
                          const struct id *key, struct stored *out)
{
    struct stored after;
    const struct store_reader reader = ram_reader(context);
    struct id own;
    if (reader.next(context, space, kind, key, out) != ERR_OK)
        return ERR_NOT_FOUND;
    record_key(&out->record, &own);
    enum err err = reader.next(context, space, out->record.kind, &own, &after);
    return err == ERR_OK ? ERR_BUSY : ERR_OK;
}

START_TEST(a_page_ends_where_the_store_asks_to_go_on)
{
    solo.dispatch.host.store.next = next_busy;
    store_entry("wabi", bytes_of_string("1"));
    store_entry("wabi", bytes_of_string("2"));
    store_entry("city", bytes_of_string("3"));
    const struct walk walk = walk_stored(100);
    ck_assert_uint_eq(walk.items, 1);
    ck_assert_uint_eq(walk.pages, 3);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_entry_says_its_place);
    tcase_add_test(tests, pages_go_through_entries_too);
    tcase_add_test(tests, a_multi_is_dropped_whole_and_an_entry_alone);
    tcase_add_test(tests, a_page_ends_where_the_store_asks_to_go_on);
}
