/* A chain of names is walked from the right, as far as is known, never in a loop and never beyond
 * its limit. */
#include "rpc/names/name_path.h"

#include "common/hex.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

static struct fake_host fake;
static struct name_path path;
static const uint8_t *wabi;

static void note(const uint8_t *authority, const char *name, const uint8_t *key)
{
    struct registration found = {.seq = 1, .expiry_unix_s = fake.now.unix_s + 1000};
    memcpy(found.key, key, KEYS_PUBLIC_SIZE);
    ck_assert_ptr_nonnull(name_cache_note(&fake.names, fake.now, authority, name, &found));
}

static void setup(void)
{
    static const uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    fake_host_init(&fake);
    ck_assert_int_eq(fake.host.key_create(&fake, "alice", NULL, 1), ERR_OK);
    ck_assert_int_eq(fake.host.contact_add(&fake, "wabi", key, 2), ERR_OK);
    wabi = fake.contacts[0].public_key;
}

static void teardown(void)
{
    fake_host_clear(&fake);
}

static enum err walk(const char *text)
{
    return name_path_walk(&fake.host, text, 0, &path);
}

START_TEST(what_is_pinned_needs_no_way)
{
    ck_assert_int_eq(walk("alice"), ERR_OK);
    ck_assert(path.is_local && path.is_pinned);
    ck_assert_int_eq(walk("wabi"), ERR_OK);
    ck_assert(!path.is_local && path.is_pinned);
    ck_assert_uint_eq(path.count, 0);
    char hex[2 * KEYS_PUBLIC_SIZE + 1];
    hex_encode(bytes_of(wabi, KEYS_PUBLIC_SIZE), hex);
    ck_assert_int_eq(walk(hex), ERR_OK);
    ck_assert(!path.is_pinned);
    ck_assert_mem_eq(path.key, wabi, KEYS_PUBLIC_SIZE);
}
END_TEST

START_TEST(what_is_missing_is_named)
{
    static const uint8_t b[KEYS_PUBLIC_SIZE] = {20};
    ck_assert_int_eq(walk("a@b@wabi"), ERR_NOT_FOUND);
    ck_assert_uint_eq(path.count, 1);
    ck_assert_str_eq(path.links[0].name, "b");
    ck_assert_mem_eq(path.links[0].authority, wabi, KEYS_PUBLIC_SIZE);
    note(wabi, "b", b);
    ck_assert_int_eq(walk("a@b@wabi"), ERR_NOT_FOUND);
    ck_assert_uint_eq(path.count, 2);
    ck_assert_str_eq(path.links[1].name, "a");
    ck_assert_mem_eq(path.links[1].authority, b, KEYS_PUBLIC_SIZE);
    note(b, "a", fake.keys[0].public_key);
    ck_assert_int_eq(walk("a@b@wabi"), ERR_OK);
    ck_assert_mem_eq(path.key, fake.keys[0].public_key, KEYS_PUBLIC_SIZE);
    ck_assert(path.is_local && !path.is_pinned);
}
END_TEST

START_TEST(a_key_in_digits_is_an_authority)
{
    char text[2 * KEYS_PUBLIC_SIZE + 3] = "a@";
    hex_encode(bytes_of(wabi, KEYS_PUBLIC_SIZE), text + 2);
    ck_assert_int_eq(walk(text), ERR_NOT_FOUND);
    ck_assert_mem_eq(path.links[0].authority, wabi, KEYS_PUBLIC_SIZE);
}
END_TEST

START_TEST(pins_are_only_for_the_last_part)
{
    static const uint8_t other[KEYS_PUBLIC_SIZE] = {30};
    note(wabi, "alice", other);
    ck_assert_int_eq(walk("alice@wabi"), ERR_OK);
    ck_assert_mem_eq(path.key, other, KEYS_PUBLIC_SIZE);
}
END_TEST

START_TEST(bare_names_are_the_configured_authority_s_after_the_pins)
{
    static const uint8_t other[KEYS_PUBLIC_SIZE] = {30};
    ck_assert_int_eq(walk("bob"), ERR_UNKNOWN_NAME);
    fake.authority = "wabi";
    ck_assert_int_eq(walk("bob"), ERR_NOT_FOUND);
    note(wabi, "bob", other);
    note(wabi, "alice", other);
    ck_assert_int_eq(walk("bob"), ERR_OK);
    ck_assert_mem_eq(path.key, other, KEYS_PUBLIC_SIZE);
    ck_assert(!path.is_pinned);
    ck_assert_int_eq(walk("alice"), ERR_OK);
    ck_assert(path.is_pinned && path.is_local);
    note(other, "x", wabi);
    ck_assert_int_eq(walk("x@bob"), ERR_OK);
    ck_assert_uint_eq(path.count, 2);
    fake.authority = "nobody";
    ck_assert_int_eq(walk("bob"), ERR_UNKNOWN_NAME);
}
END_TEST

START_TEST(eight_registrations_are_a_way_and_nine_are_none)
{
    char name[16], text[128] = "";
    for (int i = 1; i <= 9; i++) {
        snprintf(name, sizeof name, "n%d", i);
        note(wabi, name, wabi);
    }
    for (int i = 1; i <= 8; i++) {
        char more[160];
        snprintf(more, sizeof more, "n%d@%s", i, text);
        snprintf(text, sizeof text, "%.120s", more);
    }
    text[strlen(text) - 1] = '\0'; /* n8@…@n1 */
    fake.authority = "wabi";
    ck_assert_int_eq(walk(text), ERR_OK);
    ck_assert_uint_eq(path.count, 8);
    fake.authority = NULL;
    ck_assert_int_eq(walk("n8@n7@n6@n5@n4@n3@n2@n1@wabi"), ERR_OK);
    ck_assert_int_eq(walk("n9@n8@n7@n6@n5@n4@n3@n2@n1@wabi"), ERR_NAME_TOO_DEEP);
    fake.authority = "wabi";
    ck_assert_int_eq(walk("n9@n8@n7@n6@n5@n4@n3@n2@n1"), ERR_NAME_TOO_DEEP);
}
END_TEST

START_TEST(one_authority_is_not_asked_for_one_name_twice)
{
    static const uint8_t city[KEYS_PUBLIC_SIZE] = {40};
    note(wabi, "city", city);
    note(city, "wabi", wabi);
    ck_assert_int_eq(walk("wabi@city@wabi"), ERR_OK);
    ck_assert_int_eq(walk("city@wabi@city@wabi"), ERR_NAME_LOOP);
    note(wabi, "self", wabi);
    ck_assert_int_eq(walk("self@self@wabi"), ERR_NAME_LOOP);
}
END_TEST

START_TEST(what_was_looked_up_too_long_ago_is_missing)
{
    note(wabi, "b", wabi);
    fake.now.ms += 10;
    ck_assert_int_eq(walk("b@wabi"), ERR_OK);
    ck_assert_int_eq(name_path_walk(&fake.host, "b@wabi", fake.now.ms, &path), ERR_NOT_FOUND);
    fake.now.ms += NAME_FRESH_MS;
    ck_assert_int_eq(walk("b@wabi"), ERR_NOT_FOUND);
}
END_TEST

static const struct {
    const char *text;
    enum err err;
} wrong[] = {
    {"", ERR_UNKNOWN_NAME},
    {"Alice", ERR_UNKNOWN_NAME},
    {"alice@", ERR_INVALID_PARAMS},
    {"@wabi", ERR_INVALID_PARAMS},
    {"@", ERR_INVALID_PARAMS},
    {"a@@wabi", ERR_INVALID_PARAMS},
    {"A@wabi", ERR_INVALID_PARAMS},
    {"a b@wabi", ERR_INVALID_PARAMS},
    {"123456789012345678901234567890123@wabi", ERR_INVALID_PARAMS},
    {"a@nobody", ERR_UNKNOWN_NAME},
    {"a@Wabi", ERR_UNKNOWN_NAME},
    {"abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdef", ERR_UNKNOWN_NAME},
};

START_TEST(what_is_no_name_is_refused)
{
    ck_assert_int_eq(walk(wrong[_i].text), wrong[_i].err);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_pinned_needs_no_way);
    tcase_add_test(tests, what_is_missing_is_named);
    tcase_add_test(tests, a_key_in_digits_is_an_authority);
    tcase_add_test(tests, pins_are_only_for_the_last_part);
    tcase_add_test(tests, bare_names_are_the_configured_authority_s_after_the_pins);
    tcase_add_test(tests, eight_registrations_are_a_way_and_nine_are_none);
    tcase_add_test(tests, one_authority_is_not_asked_for_one_name_twice);
    tcase_add_test(tests, what_was_looked_up_too_long_ago_is_missing);
    tcase_add_loop_test(tests, what_is_no_name_is_refused, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
}
