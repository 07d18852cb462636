/* Names are found whatever order they came in, each once, and what is removed is gone with its
 * key. */
#include "daemon/identities.h"

#include <sodium.h>
#include <stdio.h>

#include "tests/runner.h"

static struct identities list;

static void setup(void)
{
    list = (struct identities){0};
}

static void teardown(void)
{
    identities_clear(&list);
}

static struct rpc_identity made(const char *name, uint8_t key)
{
    struct rpc_identity identity = {.public_key = {key, (uint8_t)(key + 1)}};
    snprintf(identity.name, sizeof identity.name, "%s", name);
    return identity;
}

static bool set(const char *name, uint8_t key)
{
    const struct rpc_identity identity = made(name, key);
    return identities_set(&list, &identity, NULL);
}

static int key_of(const char *name)
{
    const struct identity *found = identities_by_name(&list, name);
    return found != NULL ? found->known.public_key[0] : -1;
}

START_TEST(names_are_sorted_and_found)
{
    static const char *const names[] = {"m", "a", "z", "b", "y", "aa", "n", "-", "_", "0"};
    const size_t count = sizeof names / sizeof names[0];
    for (size_t i = 0; i < count; i++)
        ck_assert(set(names[i], (uint8_t)i));
    ck_assert_uint_eq(list.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(key_of(names[i]), (int)i);
    for (size_t i = 1; i < count; i++)
        ck_assert_int_lt(strcmp(list.items[i - 1].known.name, list.items[i].known.name), 0);
    ck_assert_int_eq(key_of("ab"), -1);
    ck_assert_int_eq(key_of(""), -1);
}
END_TEST

START_TEST(a_name_stands_there_once)
{
    ck_assert(set("alice", 1));
    ck_assert(set("alice", 2));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(key_of("alice"), 2);
}
END_TEST

START_TEST(what_is_removed_is_gone_and_nothing_else)
{
    ck_assert(set("a", 1) && set("b", 2) && set("c", 3));
    identities_remove(&list, "b");
    identities_remove(&list, "nobody");
    ck_assert_uint_eq(list.count, 2);
    ck_assert_int_eq(key_of("a"), 1);
    ck_assert_int_eq(key_of("b"), -1);
    ck_assert_int_eq(key_of("c"), 3);
}
END_TEST

START_TEST(a_key_has_its_name)
{
    ck_assert(set("a", 1) && set("b", 2));
    const struct rpc_identity b = made("b", 2), nobody = made("c", 9);
    ck_assert_str_eq(identities_by_public(&list, b.public_key)->known.name, "b");
    ck_assert_ptr_null(identities_by_public(&list, nobody.public_key));
}
END_TEST

START_TEST(secrets_stay_with_their_names)
{
    const struct rpc_identity z = made("z", 7);
    uint8_t *secret_key = sodium_malloc(KEYS_SECRET_SIZE);
    memset(secret_key, 7, KEYS_SECRET_SIZE);
    ck_assert(identities_set(&list, &z, secret_key));
    for (uint8_t i = 0; i < 20; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        ck_assert(set(name, i));
    }
    ck_assert_uint_eq(identities_by_name(&list, "z")->secret_key[0], 7);
    ck_assert_ptr_null(identities_by_name(&list, "t")->secret_key);
}
END_TEST

START_TEST(there_is_an_end)
{
    char name[RPC_NAME_MAX + 1];
    for (unsigned i = 0; i < IDENTITIES_MAX; i++) {
        snprintf(name, sizeof name, "n%u", i);
        ck_assert(set(name, 1));
    }
    ck_assert(!set("more", 1));
    ck_assert_int_eq(key_of("more"), -1);
    ck_assert(set("n0", 2)); /* those that are there can still be replaced */
    ck_assert_int_eq(key_of("n0"), 2);
}
END_TEST

START_TEST(copies_are_of_what_is_there)
{
    struct rpc_identity out;
    ck_assert(set("b", 2) && set("a", 1));
    ck_assert(identities_copy(identities_by_name(&list, "b"), &out));
    ck_assert_uint_eq(out.public_key[0], 2);
    ck_assert(!identities_copy(identities_by_name(&list, "c"), &out));
    ck_assert(identities_copy_at(&list, 0, &out));
    ck_assert_str_eq(out.name, "a");
    ck_assert(!identities_copy_at(&list, 2, &out));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, names_are_sorted_and_found);
    tcase_add_test(tests, a_name_stands_there_once);
    tcase_add_test(tests, what_is_removed_is_gone_and_nothing_else);
    tcase_add_test(tests, a_key_has_its_name);
    tcase_add_test(tests, secrets_stay_with_their_names);
    tcase_add_test(tests, there_is_an_end);
    tcase_add_test(tests, copies_are_of_what_is_there);
}
