/* Names that an authority registers are found wherever a username stands, until it says otherwise;
 * a pin goes first, and each way not to find one has its own answer. The node is alone: what its
 * own store has is all that the network has. */
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/names/name_cache.h"
#include "rpc/names/name_watch.h"
#include "rpc/own.h"
#include "tests/daemon/scratch.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;
static char alice[2 * KEYS_PUBLIC_SIZE + 1], sensor[2 * KEYS_PUBLIC_SIZE + 1];

static void setup(void)
{
    solo_init(&solo);
    struct fake_host *fake = &solo.fake;
    ck_assert_int_eq(fake->host.key_create(fake, "wabi", NULL, 0), ERR_OK);
    ck_assert_int_eq(fake->host.key_create(fake, "sensor", NULL, 0), ERR_OK);
    hex_encode(bytes_of(fake->keys[0].public_key, KEYS_PUBLIC_SIZE), alice);
    hex_encode(bytes_of(fake->keys[2].public_key, KEYS_PUBLIC_SIZE), sensor);
}

static void teardown(void)
{
    solo_clear(&solo);
}

static json_t *result_of(const char *method, const char *params)
{
    return solo_result(&solo, method, params);
}

static void assert_error(const char *method, const char *params, const char *name, const char *says)
{
    json_t *reply = solo_call(&solo, method, params);
    const json_t *error = json_object_get(reply, "error");
    ck_assert_msg(error != NULL, "%s %s is no error", method, params);
    const char *message = json_string_value(json_object_get(error, "message"));
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(error, "data"), "name")),
                     name);
    ck_assert_msg(strstr(message, says) != NULL, "says: %s", message);
    json_decref(reply);
}

static void done(const char *method, const char *params)
{
    json_decref(result_of(method, params));
}

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    ck_assert_msg(text != NULL, "no %s", key);
    return text;
}

/* The network forgets all it has. */
static void forget(void)
{
    disk_clear(&solo.fake.store.disk, &solo.fake.store.blobs);
}

static void later(uint64_t s)
{
    solo.fake.now.ms += 1000 * s;
    solo.fake.now.unix_s += s;
}

static size_t count_warnings(void)
{
    json_t *info = result_of("getinfo", "[]");
    size_t count = json_array_size(json_object_get(info, "warnings"));
    json_decref(info);
    return count - 1; /* the fake host has one of its own */
}

START_TEST(a_registered_name_stands_where_a_username_does)
{
    json_t *put = result_of("registername", "[\"sensor7\",\"sensor\",\"wabi\"]");
    ck_assert_str_eq(text_in(put, "name"), "sensor7");
    ck_assert_str_eq(text_in(put, "key"), sensor);
    ck_assert(json_is_true(json_object_get(put, "kept")));
    json_decref(put);
    name_cache_clear(&solo.fake.names);
    done("dhtput", "[\"sensor7@wabi\",\"reading\",\"s\",42,\"sensor7@wabi\"]");
    json_t *got = result_of("dhtget", "[\"sensor7@wabi\",\"reading\",\"s\"]");
    const json_t *element = json_array_get(got, 0);
    ck_assert_str_eq(text_in(element, "k"), sensor);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(element, "p"), "v")), 42);
    json_decref(got);
    got = result_of("pubkey", "[\"sensor7@wabi\"]");
    ck_assert_str_eq(json_string_value(got), sensor);
    json_decref(got);
}
END_TEST

START_TEST(a_key_in_digits_is_registered_too)
{
    char params[128];
    snprintf(params, sizeof params, "[\"a\",\"%s\",\"wabi\"]", alice);
    done("registername", params);
    json_t *shown = result_of("resolvename", "[\"a@wabi\"]");
    ck_assert_str_eq(text_in(shown, "key"), alice);
    ck_assert(json_is_false(json_object_get(shown, "cached")));
    ck_assert_uint_eq(json_array_size(json_object_get(shown, "chain")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(shown, "expiry")),
                     (int64_t)solo.fake.now.unix_s + RECORD_TTL_S_DEFAULT);
    json_decref(shown);
}
END_TEST

START_TEST(a_chain_is_looked_up_link_by_link)
{
    done("registername", "[\"town\",\"alice\",\"wabi\"]");
    done("registername", "[\"s\",\"sensor\",\"alice\"]");
    name_cache_clear(&solo.fake.names);
    json_t *shown = result_of("resolvename", "[\"s@town@wabi\"]");
    ck_assert_str_eq(text_in(shown, "key"), sensor);
    ck_assert_str_eq(text_in(shown, "authority"), alice);
    const json_t *chain = json_object_get(shown, "chain");
    ck_assert_uint_eq(json_array_size(chain), 2);
    ck_assert_str_eq(text_in(json_array_get(chain, 0), "name"), "town");
    ck_assert_str_eq(text_in(json_array_get(chain, 1), "name"), "s");
    json_decref(shown);
}
END_TEST

START_TEST(loops_and_long_chains_have_their_own_errors)
{
    done("registername", "[\"me\",\"wabi\",\"wabi\"]");
    assert_error("dhtget", "[\"me@me@wabi\",\"r\",\"s\"]", "name_loop", "twice");
    assert_error("dhtget", "[\"a@a@a@a@a@a@a@a@a@wabi\",\"r\",\"s\"]", "name_too_deep", "8");
    assert_error("resolvename", "[\"me@@wabi\"]", "invalid_params", "a-z");
}
END_TEST

START_TEST(only_where_its_key_is_does_an_authority_register)
{
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    solo.fake.host.contact_add(&solo.fake, "city", key, 0);
    assert_error("registername", "[\"a\",\"alice\",\"city\"]", "no_key", "city");
    assert_error("registername", "[\"a\",\"alice\",\"nobody\"]", "unknown_name", "authority: ");
    assert_error("registername", "[\"a\",\"nobody\",\"wabi\"]", "unknown_name", "pubkey: ");
    assert_error("registername", "[\"A\",\"alice\",\"wabi\"]", "invalid_params", "name");
    assert_error("registername", "[\"a\",\"alice\"]", "invalid_params", "AUTHORITY");
    assert_error("registername", "[\"a\"]", "invalid_params", "AUTHORITY");
    solo.client.access = RPC_ACCESS_READ;
    assert_error("registername", "[\"a\",\"alice\",\"wabi\"]", "read_only", "read-only");
    assert_error("resolvename", "[\"a@wabi\"]", "unknown_name", "registername a PUBKEY wabi");
}
END_TEST

START_TEST(an_unregistered_name_is_unknown_again)
{
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    done("registername", "{\"name\":\"a\",\"authority\":\"wabi\",\"delete\":true}");
    assert_error("dhtget", "[\"a@wabi\",\"r\",\"s\"]", "unknown_name", "unregistered");
    done("registername", "[\"a\",\"sensor\",\"wabi\"]");
    json_t *shown = result_of("resolvename", "[\"a@wabi\"]");
    ck_assert_str_eq(text_in(json_object_get(shown, "previous"), "key"), alice);
    json_decref(shown);
    done("registername", "{\"name\":\"a\",\"pubkey\":\"wabi\",\"delete\":true}");
    assert_error("resolvename", "[\"a@wabi\"]", "unknown_name", "unregistered");
}
END_TEST

START_TEST(a_name_bound_anew_shows_both_keys_and_their_times)
{
    int64_t first_s = (int64_t)solo.fake.now.unix_s;
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    later(50);
    done("registername", "[\"a\",\"sensor\",\"wabi\"]");
    json_t *shown = result_of("resolvename", "[\"a@wabi\"]");
    const json_t *previous = json_object_get(shown, "previous");
    ck_assert_str_eq(text_in(shown, "key"), sensor);
    ck_assert_int_eq(json_integer_value(json_object_get(shown, "time")), first_s + 50);
    ck_assert_str_eq(text_in(previous, "key"), alice);
    ck_assert_int_eq(json_integer_value(json_object_get(previous, "time")), first_s);
    ck_assert_int_eq(json_integer_value(json_object_get(previous, "changed")), first_s + 50);
    json_decref(shown);
}
END_TEST

START_TEST(an_ended_registration_is_unknown_and_says_when_it_ended)
{
    done("registername", "{\"name\":\"a\",\"pubkey\":\"alice\",\"authority\":\"wabi\",\"ttl\":60}");
    done("dhtget", "[\"a@wabi\",\"r\",\"s\"]");
    char ended[32];
    snprintf(ended, sizeof ended, "%u", (unsigned)solo.fake.now.unix_s + 60);
    later(60 + RECORD_SKEW_S + 1);
    assert_error("dhtget", "[\"a@wabi\",\"r\",\"s\"]", "unknown_name", ended);
}
END_TEST

START_TEST(a_registration_is_renewed_while_its_authority_runs)
{
    int64_t first_s = (int64_t)solo.fake.now.unix_s;
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    for (int day = 0; day < 30; day++) {
        later(86400);
        json_decref(solo_call(&solo, "ping", "[\"127.0.0.1:9\"]")); /* time for the node's turns */
    }
    json_t *shown = result_of("resolvename", "[\"a@wabi\"]");
    ck_assert(json_is_false(json_object_get(shown, "cached")));
    ck_assert_int_gt(json_integer_value(json_object_get(shown, "time")), first_s + 20 * 86400);
    ck_assert_ptr_null(json_object_get(shown, "previous"));
    json_decref(shown);
}
END_TEST

START_TEST(what_is_no_registration_is_an_error_of_its_own)
{
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    done("dhtput", "[\"wabi\",\"name/a\",\"s\",{\"keys\":[]}]");
    later(1);
    assert_error("resolvename", "[\"a@wabi\"]", "bad_registration", "key");
    assert_error("dhtget", "[\"a@wabi\",\"r\",\"s\"]", "bad_registration", "key");
    solo.fake.authority = "wabi";
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    solo.fake.host.contact_add(&solo.fake, "a", key, 0);
    done("resolvename", "[\"a\"]");
}
END_TEST

START_TEST(what_is_known_is_used_when_nobody_has_it_any_more)
{
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    forget();
    later(1);
    json_t *shown = result_of("resolvename", "[\"a@wabi\"]");
    ck_assert(json_is_true(json_object_get(shown, "cached")));
    ck_assert_str_eq(text_in(shown, "key"), alice);
    json_decref(shown);
    later(2 * NAME_FRESH_MS / 1000);
    done("dhtget", "[\"a@wabi\",\"r\",\"s\"]");
    later(RECORD_TTL_S_DEFAULT);
    assert_error("dhtget", "[\"a@wabi\",\"r\",\"s\"]", "unknown_name", "ended");
}
END_TEST

START_TEST(resolvename_asks_though_somebody_has_just_asked)
{
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    forget(); /* and not a millisecond passes */
    json_t *shown = result_of("resolvename", "[\"a@wabi\"]");
    ck_assert(json_is_true(json_object_get(shown, "cached")));
    json_decref(shown);
}
END_TEST

START_TEST(for_an_hour_nobody_is_asked_again)
{
    done("registername", "[\"a\",\"alice\",\"wabi\"]");
    struct fake_host *fake = &solo.fake;
    const struct name_entry *entry = name_cache_find(&fake->names, fake->keys[1].public_key, "a");
    uint64_t checked_ms = entry->checked_ms;
    later(1000);
    done("dhtget", "[\"a@wabi\",\"r\",\"s\"]");
    ck_assert_uint_eq(entry->checked_ms, checked_ms);
    later(NAME_FRESH_MS / 1000);
    done("dhtget", "[\"a@wabi\",\"r\",\"s\"]");
    ck_assert_uint_gt(entry->checked_ms, checked_ms);
    ck_assert(entry->is_confirmed);
}
END_TEST

START_TEST(bare_names_are_the_configured_authority_s)
{
    done("registername", "[\"sensor7\",\"sensor\",\"wabi\"]");
    assert_error("dhtget", "[\"sensor7\",\"r\",\"s\"]", "unknown_name", "addcontact sensor7");
    solo.fake.authority = "wabi";
    json_t *shown = result_of("resolvename", "[\"sensor7\"]");
    ck_assert_str_eq(text_in(shown, "key"), sensor);
    json_decref(shown);
    assert_error("dhtget", "[\"other\",\"r\",\"s\"]", "unknown_name", "wabi does not register");
    solo.fake.authority = "city";
    assert_error("dhtget", "[\"sensor7\",\"r\",\"s\"]", "unknown_name", "addcontact");
    ck_assert_uint_eq(count_warnings(), 1); /* city is not known */
}
END_TEST

START_TEST(a_pin_goes_first_and_a_warning_says_so)
{
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    char pinned[2 * KEYS_PUBLIC_SIZE + 1];
    hex_encode(bytes_of(key, sizeof key), pinned);
    solo.fake.authority = "wabi";
    solo.fake.host.contact_add(&solo.fake, "bob", key, 0);
    done("registername", "[\"bob\",\"alice\",\"wabi\"]");
    name_cache_clear(&solo.fake.names);
    ck_assert_uint_eq(count_warnings(), 0);
    json_t *shown = result_of("pubkey", "[\"bob\"]");
    ck_assert_str_eq(json_string_value(shown), pinned);
    json_decref(shown);
    done("dhtget", "[\"alice\",\"nothing\",\"s\"]"); /* meanwhile wabi was asked */
    ck_assert_uint_eq(count_warnings(), 1);
    solo.client.access = RPC_ACCESS_READ; /* whom the owner has pinned is not for everyone */
    ck_assert_uint_eq(count_warnings(), 0);
    solo.client.access = RPC_ACCESS_FULL;
    shown = result_of("resolvename", "[\"bob\"]");
    ck_assert_str_eq(text_in(shown, "key"), pinned);
    ck_assert_str_eq(text_in(json_object_get(shown, "registered"), "key"), alice);
    ck_assert_ptr_nonnull(strstr(text_in(shown, "warning"), "bob is pinned to 07"));
    json_decref(shown);
    shown = result_of("resolvename", "[\"bob@wabi\"]");
    ck_assert_str_eq(text_in(shown, "key"), alice);
    ck_assert_str_eq(text_in(json_object_get(shown, "pinned"), "key"), pinned);
    json_decref(shown);
    solo.fake.contact_count--;
    ck_assert_uint_eq(count_warnings(), 0);
}
END_TEST

static unsigned count_lines(const char *path, const char *words)
{
    char line[1024];
    unsigned count = 0;
    FILE *log = fopen(path, "r");
    ck_assert_ptr_nonnull(log);
    while (fgets(line, sizeof line, log) != NULL)
        count += strstr(line, words) != NULL;
    fclose(log);
    return count;
}

START_TEST(the_log_warns_of_a_name_once)
{
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    struct scratch scratch;
    char path[PATH_MAX];
    scratch_make(&scratch);
    ck_assert_ptr_nonnull(freopen(scratch_path(&scratch, "log", path), "w", stderr));
    solo.fake.authority = "wabi";
    solo.fake.host.contact_add(&solo.fake, "bob", key, 0);
    done("registername", "[\"bob\",\"alice\",\"wabi\"]");
    for (int i = 0; i < 3; i++) {
        done("pubkey", "[\"bob\"]");
        solo_run(&solo, NAME_FRESH_MS / 1000 + 1); /* meanwhile wabi is asked */
        ck_assert_uint_eq(count_lines(path, "bob is pinned to 07"), 1);
    }
    scratch_remove(&scratch);
}
END_TEST

static struct rpc_result end_it(struct rpc_call *own, void *state)
{
    (void)state;
    return rpc_reply(own, json_true());
}

static struct rpc_result wait_a_second(struct rpc_call *own, void *state)
{
    const struct rpc_pending_on on = {
        .deadline_ms = solo.fake.now.ms + 1000, .on_late = end_it, .state = state};
    return rpc_pending(own, &on);
}

START_TEST(so_many_warnings_are_shown_at_once)
{
    char name[8], params[64];
    solo.fake.authority = "wabi";
    for (unsigned i = 0; i < NAME_WARNINGS_MAX + 2; i++) {
        const uint8_t key[KEYS_PUBLIC_SIZE] = {(uint8_t)(i + 1)};
        snprintf(name, sizeof name, "n%u", i);
        snprintf(params, sizeof params, "[\"n%u\",\"alice\",\"wabi\"]", i);
        solo.fake.host.contact_add(&solo.fake, name, key, 0);
        done("registername", params);
        ck_assert_uint_eq(count_warnings(), i < NAME_WARNINGS_MAX ? i + 1 : NAME_WARNINGS_MAX);
    }
}
END_TEST

START_TEST(a_pinned_name_is_looked_up_once_in_a_while)
{
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    struct fake_host *fake = &solo.fake;
    fake->authority = "wabi";
    fake->host.contact_add(fake, "bob", key, 0);
    done("pubkey", "[\"bob\"]");
    const struct name_entry *entry = name_cache_find(&fake->names, fake->keys[1].public_key, "bob");
    const uint64_t first_ms = entry->checked_ms;
    solo_run(&solo, NAME_FRESH_MS / 1000 - 1);
    done("pubkey", "[\"bob\"]");
    ck_assert_uint_eq(entry->checked_ms, first_ms);
    solo_run(&solo, 2);
    done("pubkey", "[\"bob\"]");
    ck_assert_uint_gt(entry->checked_ms, first_ms);
}
END_TEST

START_TEST(beside_so_many_own_calls_no_name_is_looked_up)
{
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    struct fake_host *fake = &solo.fake;
    fake->authority = "wabi";
    fake->host.contact_add(fake, "bob", key, 0);
    for (unsigned i = 0; i < NAME_WATCH_MAX; i++)
        ck_assert(own_start(&solo.dispatch, wait_a_second, NULL));
    done("pubkey", "[\"bob\"]");
    ck_assert_ptr_null(name_cache_find(&fake->names, fake->keys[1].public_key, "bob"));
    solo_run(&solo, 2);
    done("pubkey", "[\"bob\"]"); /* the next time it is */
    ck_assert_ptr_nonnull(name_cache_find(&fake->names, fake->keys[1].public_key, "bob"));
}
END_TEST

START_TEST(a_pin_that_agrees_is_no_warning)
{
    solo.fake.authority = "wabi";
    solo.fake.host.contact_add(&solo.fake, "bob", solo.fake.keys[0].public_key, 0);
    done("registername", "[\"bob\",\"alice\",\"wabi\"]");
    name_cache_clear(&solo.fake.names);
    json_t *shown = result_of("resolvename", "[\"bob\"]");
    ck_assert_ptr_null(json_object_get(shown, "warning"));
    ck_assert_ptr_nonnull(json_object_get(shown, "registered"));
    json_decref(shown);
    ck_assert_uint_eq(count_warnings(), 0);
    shown = result_of("resolvename", "[\"sensor\"]"); /* pinned, and not registered */
    ck_assert_ptr_null(json_object_get(shown, "registered"));
    json_decref(shown);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_registered_name_stands_where_a_username_does);
    tcase_add_test(tests, a_key_in_digits_is_registered_too);
    tcase_add_test(tests, a_chain_is_looked_up_link_by_link);
    tcase_add_test(tests, loops_and_long_chains_have_their_own_errors);
    tcase_add_test(tests, only_where_its_key_is_does_an_authority_register);
    tcase_add_test(tests, an_unregistered_name_is_unknown_again);
    tcase_add_test(tests, a_name_bound_anew_shows_both_keys_and_their_times);
    tcase_add_test(tests, an_ended_registration_is_unknown_and_says_when_it_ended);
    tcase_add_test(tests, a_registration_is_renewed_while_its_authority_runs);
    tcase_add_test(tests, what_is_no_registration_is_an_error_of_its_own);
    tcase_add_test(tests, what_is_known_is_used_when_nobody_has_it_any_more);
    tcase_add_test(tests, resolvename_asks_though_somebody_has_just_asked);
    tcase_add_test(tests, for_an_hour_nobody_is_asked_again);
    tcase_add_test(tests, bare_names_are_the_configured_authority_s);
    tcase_add_test(tests, a_pin_goes_first_and_a_warning_says_so);
    tcase_add_test(tests, the_log_warns_of_a_name_once);
    tcase_add_test(tests, so_many_warnings_are_shown_at_once);
    tcase_add_test(tests, a_pinned_name_is_looked_up_once_in_a_while);
    tcase_add_test(tests, beside_so_many_own_calls_no_name_is_looked_up);
    tcase_add_test(tests, a_pin_that_agrees_is_no_warning);
}
