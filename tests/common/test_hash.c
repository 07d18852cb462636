/* The hashes give the results that their standards publish, however the input is cut into parts. */
#include "common/hash.h"
#include "common/hex.h"
#include "tests/runner.h"

#include <check.h>

static const uint8_t key[HASH_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void check_sha1(const struct bytes *parts, size_t count, const char *expected)
{
    uint8_t digest[HASH_SHA1_SIZE];
    char text[2 * HASH_SHA1_SIZE + 1];
    hash_sha1(parts, count, digest);
    ck_assert_str_eq(hex_encode(bytes_of(digest, sizeof digest), text), expected);
}

/* FIPS 180's examples. */
START_TEST(sha1_of_the_published_messages)
{
    struct bytes abc = bytes_of_string("abc");
    struct bytes two_blocks =
        bytes_of_string("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    check_sha1(NULL, 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_sha1(&abc, 1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    check_sha1(&two_blocks, 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}
END_TEST

START_TEST(sha1_of_a_million_letters)
{
    static uint8_t letters[10000];
    memset(letters, 'a', sizeof letters);
    struct bytes parts[100];
    for (size_t i = 0; i < 100; i++)
        parts[i] = bytes_of(letters, sizeof letters);
    check_sha1(parts, 100, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}
END_TEST

START_TEST(sha1_sees_one_input_in_its_parts)
{
    struct bytes parts[] = {bytes_of_string("a"), bytes_of(NULL, 0), bytes_of_string("bc"),
                            bytes_of_string("")};
    check_sha1(parts, 4, "a9993e364706816aba3e25717850c26c9cd0d89d");
}
END_TEST

/* The check value of the catalogues, and RFC 3720 section B.4. */
START_TEST(crc32c_of_the_published_inputs)
{
    uint8_t run[32];
    ck_assert_uint_eq(hash_crc32c(bytes_of_string("123456789")), 0xe3069283);
    ck_assert_uint_eq(hash_crc32c(bytes_of(NULL, 0)), 0);
    memset(run, 0, sizeof run);
    ck_assert_uint_eq(hash_crc32c(bytes_of(run, sizeof run)), 0x8a9136aa);
    memset(run, 0xff, sizeof run);
    ck_assert_uint_eq(hash_crc32c(bytes_of(run, sizeof run)), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof run; i++)
        run[i] = i;
    ck_assert_uint_eq(hash_crc32c(bytes_of(run, sizeof run)), 0x46dd794e);
}
END_TEST

/* The example of SipHash's paper (appendix A) and the first of its reference vectors. */
START_TEST(siphash_of_the_published_inputs)
{
    ck_assert(hash_keyed(key, bytes_of(key, 15)) == UINT64_C(0xa129ca6149be45e5));
    ck_assert(hash_keyed(key, bytes_of_string("")) == UINT64_C(0x726fdb47dd0e0e31));
}
END_TEST

START_TEST(siphash_depends_on_its_key)
{
    uint8_t other[HASH_KEY_SIZE] = {0};
    ck_assert(hash_keyed(key, bytes_of(key, 15)) != hash_keyed(other, bytes_of(key, 15)));
}
END_TEST

/* Computed with Python's hashlib.blake2b(…, digest_size=16, key=bytes(range(16))). */
START_TEST(digests_are_keyed_blake2b)
{
    uint8_t digest[HASH_DIGEST_SIZE];
    char text[2 * HASH_DIGEST_SIZE + 1];
    struct bytes parts[] = {bytes_of_string("one "), bytes_of(NULL, 0),
                            bytes_of_string("two three")};
    hash_digest(key, parts, 3, digest);
    ck_assert_str_eq(hex_encode(bytes_of(digest, sizeof digest), text),
                     "1e4d8028169b225e9454debf16b528c4");
    hash_digest(key, NULL, 0, digest);
    ck_assert_str_eq(hex_encode(bytes_of(digest, sizeof digest), text),
                     "083aac7ba77bc664005d821eb8bfa4d9");
}
END_TEST

/* hashlib.blake2b(…, digest_size=20) */
START_TEST(contents_are_hashed_without_a_key)
{
    uint8_t hash[HASH_CONTENT_SIZE];
    char text[2 * HASH_CONTENT_SIZE + 1];
    struct bytes parts[] = {bytes_of_string("one "), bytes_of(NULL, 0),
                            bytes_of_string("two three")};
    hash_content(parts, 3, hash);
    ck_assert_str_eq(hex_encode(bytes_of(hash, sizeof hash), text),
                     "01f5c863b38a315ef469bdc6a29e4950c925592a");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, sha1_of_the_published_messages);
    tcase_add_test(tests, sha1_of_a_million_letters);
    tcase_add_test(tests, sha1_sees_one_input_in_its_parts);
    tcase_add_test(tests, crc32c_of_the_published_inputs);
    tcase_add_test(tests, siphash_of_the_published_inputs);
    tcase_add_test(tests, siphash_depends_on_its_key);
    tcase_add_test(tests, digests_are_keyed_blake2b);
    tcase_add_test(tests, contents_are_hashed_without_a_key);
}
