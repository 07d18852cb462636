/* Ids must order by XOR distance over all 160 bits, and BEP 42 must bind them to addresses exactly
 * as its published vectors say. */
#include <check.h>
#include <stdlib.h>

#include "common/hex.h"
#include "daemon/dht/wire/id.h"
#include "tests/runner.h"

static struct id from_hex(const char *text)
{
    struct id id;

    ck_assert(hex_decode(text, strlen(text), id.b, ID_SIZE));
    return id;
}

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return addr_v4((const uint8_t[]){a, b, c, d}, 6881);
}

START_TEST(test_compare_orders_by_every_byte)
{
    struct rng rng;
    struct id target, a, b;

    rng_init_number(&rng, 1);
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t to_a[ID_SIZE], to_b[ID_SIZE];
        id_random(&target, &rng);
        id_random(&a, &rng);
        b = a;
        b.b[round % ID_SIZE] ^= (uint8_t)rng_u32(&rng);
        for (size_t i = 0; i < ID_SIZE; i++) {
            to_a[i] = target.b[i] ^ a.b[i];
            to_b[i] = target.b[i] ^ b.b[i];
        }
        int expected = memcmp(to_a, to_b, ID_SIZE);
        int found = id_compare_distance(&target, &a, &b);
        ck_assert_int_eq((expected > 0) - (expected < 0), (found > 0) - (found < 0));
        ck_assert_int_eq(id_equal(&a, &b), expected == 0);
    }
}
END_TEST

START_TEST(test_common_prefix_counts_each_bit)
{
    struct rng rng;
    struct id a, b;

    rng_init_number(&rng, 2);
    id_random(&a, &rng);
    ck_assert_uint_eq(id_common_prefix(&a, &a), ID_BITS);
    for (unsigned prefix = 0; prefix < ID_BITS; prefix++) {
        id_random_at(&b, &a, prefix, &rng);
        ck_assert_uint_eq(id_common_prefix(&a, &b), prefix);
        ck_assert_uint_eq(id_common_prefix(&b, &a), prefix);
    }
}
END_TEST

START_TEST(test_random_at_leaves_the_rest_random)
{
    struct rng rng;
    struct id base = {{0}}, first, second;

    rng_init_number(&rng, 3);
    id_random_at(&first, &base, 9, &rng);
    id_random_at(&second, &base, 9, &rng);
    ck_assert(!id_equal(&first, &second));
    ck_assert_uint_eq(first.b[0], 0);
    ck_assert_uint_eq(first.b[1] & 0xc0, 0x40);
}
END_TEST

START_TEST(test_zero_and_head)
{
    struct id zero = {{0}}, last = {{0}};
    struct id a = from_hex("0102030405060708ffffffffffffffffffffffff");

    last.b[ID_SIZE - 1] = 1;
    ck_assert(id_is_zero(&zero));
    ck_assert(!id_is_zero(&last));
    ck_assert_uint_eq(id_distance_head(&zero, &last), 0);
    ck_assert_uint_eq(id_distance_head(&zero, &a), 0x0102030405060708);
}
END_TEST

struct vector {
    uint8_t ip[4];
    const char *id;
};

static const struct vector bep42[] = {
    {{124, 31, 75, 21}, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
    {{21, 75, 31, 124}, "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
    {{65, 23, 51, 170}, "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
    {{84, 124, 73, 14}, "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
    {{43, 213, 53, 83}, "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"},
};

START_TEST(test_bep42_vectors)
{
    const struct vector *vector = &bep42[_i];
    struct id id = from_hex(vector->id);
    struct addr addr = addr_v4(vector->ip, 1), other = v4(8, 8, 8, 8);

    ck_assert(id_is_secure(&id, &addr));
    ck_assert(!id_is_secure(&id, &other));
    id.b[2] ^= 0x07; /* the low bits of the third byte are free */
    ck_assert(id_is_secure(&id, &addr));
    id.b[2] ^= 0x08;
    ck_assert(!id_is_secure(&id, &addr));
}
END_TEST

START_TEST(test_made_ids_are_secure)
{
    const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, 9, 8, 7, 6, 5};
    struct addr addrs[] = {v4(93, 184, 216, 34), addr_v6(ip, 6881)};
    struct rng rng;

    rng_init_number(&rng, 4);
    for (unsigned round = 0; round < 100; round++) {
        struct id id, other;
        const struct addr *addr = &addrs[round % 2];
        id_make_secure(&id, addr, &rng);
        ck_assert(id_is_secure(&id, addr));
        id_make_secure(&other, addr, &rng);
        ck_assert(!id_equal(&id, &other));
        id.b[0] ^= 0x80;
        ck_assert(!id_is_secure(&id, addr));
    }
}
END_TEST

START_TEST(test_private_addresses_are_exempt)
{
    struct addr exempt[] = {v4(127, 0, 0, 1), v4(10, 1, 2, 3), v4(192, 168, 0, 1),
                            v4(172, 16, 0, 1)};
    struct rng rng;
    struct id id, other;

    rng_init_number(&rng, 5);
    for (size_t i = 0; i < sizeof exempt / sizeof exempt[0]; i++) {
        id_random(&id, &rng);
        ck_assert(id_is_secure(&id, &exempt[i]));
        id_make_secure(&id, &exempt[i], &rng);
        id_make_secure(&other, &exempt[i], &rng);
        ck_assert_uint_lt(id_common_prefix(&id, &other), 21);
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, test_compare_orders_by_every_byte);
    tcase_add_test(tests, test_common_prefix_counts_each_bit);
    tcase_add_test(tests, test_random_at_leaves_the_rest_random);
    tcase_add_test(tests, test_zero_and_head);
    tcase_add_loop_test(tests, test_bep42_vectors, 0, sizeof bep42 / sizeof bep42[0]);
    tcase_add_test(tests, test_made_ids_are_secure);
    tcase_add_test(tests, test_private_addresses_are_exempt);
}
