/* A username is a local key's name, else a contact's, else 64 hex digits, and nothing else. */
#include <check.h>

#include "common/hex.h"
#include "rpc/name.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

static struct fake_host fake;
static uint8_t public_key[KEYS_PUBLIC_SIZE];

static void setup(void)
{
    fake_host_init(&fake);
    ck_assert_int_eq(fake.host.key_create(&fake, "alice", NULL, 1), ERR_OK);
    memset(public_key, 7, sizeof public_key);
    ck_assert_int_eq(fake.host.contact_add(&fake, "bob", public_key, 2), ERR_OK);
    ck_assert_int_eq(fake.host.contact_add(&fake, "me", fake.keys[0].public_key, 3), ERR_OK);
}

static void teardown(void)
{
    fake_host_clear(&fake);
}

START_TEST(valid_names)
{
    ck_assert(name_is_valid("a"));
    ck_assert(name_is_valid("a-b_9"));
    ck_assert(name_is_valid("12345678901234567890123456789012"));
    ck_assert(!name_is_valid("123456789012345678901234567890123"));
    ck_assert(!name_is_valid(""));
    ck_assert(!name_is_valid("Alice"));
    ck_assert(!name_is_valid("a b"));
    ck_assert(!name_is_valid("a/../b"));
}
END_TEST

START_TEST(resolves)
{
    uint8_t found[KEYS_PUBLIC_SIZE];
    char hex[2 * KEYS_PUBLIC_SIZE + 1];
    bool is_local = false;

    ck_assert_int_eq(name_resolve(&fake.host, "alice", found, &is_local), ERR_OK);
    ck_assert_mem_eq(found, fake.keys[0].public_key, sizeof found);
    ck_assert(is_local);
    ck_assert_int_eq(name_resolve(&fake.host, "bob", found, &is_local), ERR_OK);
    ck_assert_mem_eq(found, public_key, sizeof found);
    ck_assert(!is_local);
    ck_assert_int_eq(name_resolve(&fake.host, "me", found, &is_local), ERR_OK);
    ck_assert(is_local);
    hex_encode(bytes_of(public_key, sizeof public_key), hex);
    ck_assert_int_eq(name_resolve(&fake.host, hex, found, NULL), ERR_OK);
    ck_assert_mem_eq(found, public_key, sizeof found);
    hex_encode(bytes_of(fake.keys[0].public_key, KEYS_PUBLIC_SIZE), hex);
    ck_assert_int_eq(name_resolve(&fake.host, hex, found, &is_local), ERR_OK);
    ck_assert(is_local);
}
END_TEST

START_TEST(refuses)
{
    uint8_t found[KEYS_PUBLIC_SIZE];

    ck_assert_int_eq(name_resolve(&fake.host, "carol", found, NULL), ERR_UNKNOWN_NAME);
    ck_assert_int_eq(name_resolve(&fake.host, "Alice", found, NULL), ERR_UNKNOWN_NAME);
    ck_assert_int_eq(name_resolve(&fake.host, "", found, NULL), ERR_UNKNOWN_NAME);
    ck_assert_int_eq(name_resolve(&fake.host, "alice@wabi", found, NULL), ERR_UNKNOWN_NAME);
}
END_TEST

START_TEST(names_a_key)
{
    char out[2 * KEYS_PUBLIC_SIZE + 1];

    ck_assert_str_eq(name_of_key(&fake.host, fake.keys[0].public_key, out), "alice");
    ck_assert_str_eq(name_of_key(&fake.host, public_key, out), "bob");
    memset(public_key, 0xab, sizeof public_key);
    ck_assert_uint_eq(strlen(name_of_key(&fake.host, public_key, out)), 64);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, valid_names);
    tcase_add_test(tests, resolves);
    tcase_add_test(tests, refuses);
    tcase_add_test(tests, names_a_key);
}
