/* A key exists once its file is on disk, and only then; it comes back after a restart, signs, and
 * is gone when dropped. A damaged file is refused, never overwritten. */
#include <check.h>
#include <sodium.h>

#include "common/hex.h"
#include "daemon/keyring.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

/* RFC 8032, section 7.1, test 1. */
#define SEED   "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static struct scratch scratch;
static uv_loop_t loop;
static struct keyring keyring;
static char directory[PATH_MAX], detail[NAME_DIR_DETAIL_SIZE];
static uint64_t answered;
static enum err answer;

static void on_done(void *context, uint64_t ticket, enum err err, const char *text)
{
    ck_assert_ptr_eq(context, &answered);
    ck_assert((err == ERR_OK) == (text == NULL));
    answered = ticket;
    answer = err;
}

static enum err open_keyring(void)
{
    return keyring_init(&keyring, &loop, directory, on_done, &answered, detail);
}

static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "keys", directory);
    ck_assert_int_eq(keys_init(), ERR_OK);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(open_keyring(), ERR_OK);
    answered = 0;
}

static void teardown(void)
{
    keyring_clear(&keyring);
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

static void reopen(void)
{
    keyring_clear(&keyring);
    ck_assert_int_eq(open_keyring(), ERR_OK);
}

/* Runs until the change with this ticket is answered. */
static void settle(uint64_t ticket, enum err expected)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(keyring_is_idle(&keyring));
    ck_assert_uint_eq(answered, ticket);
    ck_assert_int_eq(answer, expected);
}

START_TEST(a_key_exists_once_it_is_on_disk)
{
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 7), ERR_OK);
    ck_assert_ptr_null(identities_by_name(&keyring.keys, "alice"));
    ck_assert(!keyring_is_idle(&keyring));
    settle(7, ERR_OK);
    ck_assert_ptr_nonnull(identities_by_name(&keyring.keys, "alice"));
    ck_assert_int_eq(scratch_mode(&scratch, "keys"), 0700);
    ck_assert_int_eq(scratch_mode(&scratch, "keys/alice"), 0600);
}
END_TEST

/* What is not made by chance has bytes that are the same in all of them. */
START_TEST(every_byte_of_a_key_that_is_made_is_by_chance)
{
    enum { COUNT = 32 };
    uint8_t seeds[COUNT][KEYS_SEED_SIZE];
    char name[8];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "key%u", i);
        ck_assert_int_eq(keyring_create(&keyring, name, NULL, 7), ERR_OK);
        settle(7, ERR_OK);
        ck_assert(keyring_export(&keyring, name, seeds[i]));
    }
    for (size_t at = 0; at < KEYS_SEED_SIZE; at++) {
        bool is_seen[256] = {false};
        unsigned different = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            different += !is_seen[seeds[i][at]];
            is_seen[seeds[i][at]] = true;
        }
        ck_assert_uint_gt(different, COUNT / 2); /* fewer are expected never */
    }
}
END_TEST

START_TEST(an_imported_key_signs_and_comes_back)
{
    uint8_t seed[KEYS_SEED_SIZE], public_key[KEYS_PUBLIC_SIZE], exported[KEYS_SEED_SIZE];
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    struct rpc_identity found;
    struct bytes message = bytes_of_string("hello");
    ck_assert(hex_decode(SEED, 64, seed, sizeof(seed)));
    ck_assert(hex_decode(PUBLIC, 64, public_key, sizeof(public_key)));
    ck_assert_int_eq(keyring_create(&keyring, "alice", seed, 1), ERR_OK);
    settle(1, ERR_OK);
    reopen();
    ck_assert(identities_copy_at(&keyring.keys, 0, &found));
    ck_assert_str_eq(found.name, "alice");
    ck_assert_mem_eq(found.public_key, public_key, sizeof(public_key));
    ck_assert(keyring_sign(&keyring, public_key, message, signature));
    ck_assert(keys_verify(public_key, message, signature));
    ck_assert(keyring_export(&keyring, "alice", exported));
    ck_assert_mem_eq(exported, seed, sizeof(seed));
}
END_TEST

START_TEST(a_record_is_signed_as_bep_44_says)
{
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    struct rpc_identity alice;
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 1), ERR_OK);
    settle(1, ERR_OK);
    ck_assert(identities_copy_at(&keyring.keys, 0, &alice));
    struct record record = {.kind = RECORD_SINGLE,
                            .k = alice.public_key,
                            .salt = bytes_of_string("s"),
                            .seq = 3,
                            .v = bytes_of_string("1:x")};
    record_single_target(record.k, record.salt, &record.target);
    ck_assert(keyring_sign_record(&keyring, &record, signature));
    record.sig = signature;
    ck_assert(record_verify(&record));
}
END_TEST

START_TEST(names_are_taken_once)
{
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 1), ERR_OK);
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 2), ERR_BUSY);
    settle(1, ERR_OK);
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 3), ERR_EXISTS);
    ck_assert_int_eq(keyring_create(&keyring, "../alice", NULL, 4), ERR_INVALID_PARAMS);
    ck_assert_int_eq(keyring_create(&keyring, "", NULL, 5), ERR_INVALID_PARAMS);
}
END_TEST

START_TEST(two_at_once_do_not_pass_the_limit)
{
    for (unsigned i = 0; i + 1 < IDENTITIES_MAX; i++) {
        struct rpc_identity known = {.public_key = {(uint8_t)i, (uint8_t)(i >> 8)}};
        snprintf(known.name, sizeof(known.name), "k%u", i);
        ck_assert(identities_set(&keyring.keys, &known, NULL));
    }
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 1), ERR_OK);
    ck_assert_int_eq(keyring_create(&keyring, "bob", NULL, 2), ERR_BUSY);
    settle(1, ERR_OK);
    ck_assert_uint_eq(keyring.keys.count, IDENTITIES_MAX);
}
END_TEST

START_TEST(a_dropped_key_is_gone)
{
    uint8_t signature[KEYS_SIGNATURE_SIZE], exported[KEYS_SEED_SIZE];
    struct rpc_identity alice;
    ck_assert_int_eq(keyring_drop(&keyring, "alice", 1), ERR_UNKNOWN_NAME);
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 2), ERR_OK);
    settle(2, ERR_OK);
    ck_assert(identities_copy_at(&keyring.keys, 0, &alice));
    ck_assert_int_eq(keyring_drop(&keyring, "alice", 3), ERR_OK);
    settle(3, ERR_OK);
    ck_assert_int_eq(scratch_size(&scratch, "keys/alice"), -1);
    ck_assert(!keyring_sign(&keyring, alice.public_key, bytes_of_string("x"), signature));
    ck_assert(!keyring_export(&keyring, "alice", exported));
    reopen();
    ck_assert_uint_eq(keyring.keys.count, 0);
}
END_TEST

/* Keys k0 to k9 in memory, in this order. */
static void fill_keys(void)
{
    for (uint8_t i = 0; i < 10; i++) {
        struct rpc_identity known;
        uint8_t seed[KEYS_SEED_SIZE] = {i};
        uint8_t *secret_key = sodium_malloc(KEYS_SECRET_SIZE);
        snprintf(known.name, sizeof(known.name), "k%u", i);
        keys_from_seed(seed, known.public_key, secret_key);
        ck_assert(identities_set(&keyring.keys, &known, secret_key));
    }
}

/* How many tries it takes to unseal what is sealed for the i-th key, 99 for a stranger's; the
 * answer must be `expected`. */
static uint32_t tries_for(unsigned i, uint32_t limit, enum err expected)
{
    static const uint8_t target[HASH_SHA1_SIZE], random[SEALED_RANDOM_SIZE] = {1, [33] = 2};
    uint8_t to[1][KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE],
        seed[KEYS_SEED_SIZE] = {(uint8_t)i};
    uint8_t data[512], key[SEALED_KEY_SIZE];
    struct sealed sealed;
    struct wire_writer w;
    keys_from_seed(seed, to[0], secret_key);
    struct sealed_content content = {
        .signer = to[0], .target = target, .type = SEALED_JSON, .content = bytes_of_string("1")};
    wire_writer_init(&w, data, sizeof(data));
    ck_assert_int_eq(sealed_write(&w, to, 1, &content, random), ERR_OK);
    ck_assert(sealed_read(wire_written(&w), &sealed));
    uint32_t left = limit;
    ck_assert_int_eq(keyring_unseal(&keyring, &sealed, &left, key), expected);
    if (expected == ERR_OK)
        ck_assert_mem_eq(key, random + SEALED_KEY_SIZE, sizeof(key));
    return limit - left;
}

START_TEST(keys_that_unsealed_something_are_tried_first)
{
    fill_keys();
    ck_assert_uint_eq(tries_for(99, 100, ERR_NOT_FOUND), 10);
    ck_assert_uint_eq(tries_for(7, 100, ERR_OK), 8);
    ck_assert_uint_eq(tries_for(7, 100, ERR_OK), 1);
    ck_assert_uint_eq(tries_for(9, 100, ERR_OK), 10);
    ck_assert_uint_eq(tries_for(7, 100, ERR_OK), 2);
    ck_assert_uint_eq(tries_for(9, 100, ERR_OK), 2);
    ck_assert_uint_eq(tries_for(99, 100, ERR_NOT_FOUND), 10);
    for (unsigned i = 0; i < 10; i++)
        tries_for(i, 100, ERR_OK);
    ck_assert_uint_eq(tries_for(2, 100, ERR_OK), KEYRING_RECENT_MAX);
    ck_assert_uint_eq(tries_for(1, 100, ERR_OK), 10);
}
END_TEST

START_TEST(no_more_keys_are_tried_than_allowed)
{
    fill_keys();
    ck_assert_uint_eq(tries_for(0, 0, ERR_BUSY), 0);
    ck_assert_uint_eq(tries_for(7, 7, ERR_BUSY), 7);
    ck_assert_uint_eq(tries_for(99, 10, ERR_NOT_FOUND), 10);
}
END_TEST

START_TEST(a_recent_key_that_is_dropped_unseals_nothing)
{
    fill_keys();
    ck_assert_uint_eq(tries_for(3, 100, ERR_OK), 4);
    identities_remove(&keyring.keys, "k3");
    ck_assert_uint_eq(tries_for(3, 100, ERR_NOT_FOUND), 9);
}
END_TEST

START_TEST(a_failed_save_makes_no_key)
{
    scratch_remove(&scratch); /* the directory is gone: nothing can be saved */
    ck_assert_int_eq(keyring_create(&keyring, "alice", NULL, 9), ERR_OK);
    settle(9, ERR_IO);
    ck_assert_ptr_null(identities_by_name(&keyring.keys, "alice"));
}
END_TEST

START_TEST(a_damaged_file_is_refused_and_left)
{
    keyring_clear(&keyring);
    scratch_write(&scratch, "keys/bob", SEED, 60);
    ck_assert_int_eq(open_keyring(), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(detail, "keys/bob"));
    ck_assert_int_eq(scratch_size(&scratch, "keys/bob"), 60);
}
END_TEST

START_TEST(foreign_files_are_left_alone)
{
    scratch_write(&scratch, "keys/bob.tmp", "half", 4);
    scratch_write(&scratch, "keys/README", "x", 1);
    reopen();
    ck_assert_uint_eq(keyring.keys.count, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_key_exists_once_it_is_on_disk);
    tcase_add_test(tests, every_byte_of_a_key_that_is_made_is_by_chance);
    tcase_add_test(tests, an_imported_key_signs_and_comes_back);
    tcase_add_test(tests, a_record_is_signed_as_bep_44_says);
    tcase_add_test(tests, names_are_taken_once);
    tcase_add_test(tests, two_at_once_do_not_pass_the_limit);
    tcase_add_test(tests, a_dropped_key_is_gone);
    tcase_add_test(tests, keys_that_unsealed_something_are_tried_first);
    tcase_add_test(tests, no_more_keys_are_tried_than_allowed);
    tcase_add_test(tests, a_recent_key_that_is_dropped_unseals_nothing);
    tcase_add_test(tests, a_failed_save_makes_no_key);
    tcase_add_test(tests, a_damaged_file_is_refused_and_left);
    tcase_add_test(tests, foreign_files_are_left_alone);
}
