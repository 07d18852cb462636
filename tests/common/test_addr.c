/* Addresses of both families compare, hash, shorten and go through their compact form unharmed, a
 * mapped address is IPv4, and the kinds of networks are told apart. */
#include "common/addr.h"
#include "tests/runner.h"

#include <check.h>

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return addr_v4((const uint8_t[4]){a, b, c, d}, 6881);
}

/* An IPv6 address from its first two bytes and its last. */
static struct addr v6(uint8_t first, uint8_t second, uint8_t last)
{
    return addr_v6((const uint8_t[16]){first, second, [15] = last}, 6881);
}

START_TEST(compact_v4_goes_both_ways)
{
    struct addr a = addr_v4((const uint8_t[4]){192, 0, 2, 1}, 0x1ae1);
    uint8_t compact[ADDR_COMPACT_V6];
    ck_assert_uint_eq(addr_to_compact(&a, compact), ADDR_COMPACT_V4);
    ck_assert_mem_eq(compact, "\xc0\x00\x02\x01\x1a\xe1", 6);
    struct addr b;
    ck_assert(addr_from_compact(bytes_of(compact, ADDR_COMPACT_V4), &b));
    ck_assert(addr_equal(&a, &b));
    ck_assert_uint_eq(b.port, 6881);
}
END_TEST

START_TEST(compact_v6_goes_both_ways)
{
    struct addr a = v6(0x20, 0x01, 9);
    uint8_t compact[ADDR_COMPACT_V6];
    ck_assert_uint_eq(addr_to_compact(&a, compact), ADDR_COMPACT_V6);
    ck_assert_mem_eq(compact + 16, "\x1a\xe1", 2);
    struct addr b;
    ck_assert(addr_from_compact(bytes_of(compact, ADDR_COMPACT_V6), &b));
    ck_assert(addr_equal(&a, &b));
    ck_assert_uint_eq(b.family, ADDR_V6);
}
END_TEST

START_TEST(other_compact_sizes_are_refused)
{
    uint8_t compact[26] = {0};
    struct addr a;
    for (size_t size = 0; size <= sizeof compact; size++) {
        bool is_size = size == ADDR_COMPACT_V4 || size == ADDR_COMPACT_V6;
        ck_assert_int_eq(addr_from_compact(bytes_of(compact, size), &a), is_size);
    }
    ck_assert(!addr_from_compact(bytes_of(NULL, 0), &a));
    struct addr none = {.family = ADDR_NONE};
    ck_assert_uint_eq(addr_to_compact(&none, compact), 0);
}
END_TEST

START_TEST(a_mapped_address_is_v4)
{
    const uint8_t mapped[18] = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3, 0x1a, 0xe1};
    struct addr expected = v4(10, 1, 2, 3);
    struct addr a = addr_v6(mapped, 6881);
    ck_assert_uint_eq(a.family, ADDR_V4);
    ck_assert(addr_equal(&a, &expected));
    ck_assert(addr_from_compact(bytes_of(mapped, sizeof mapped), &a));
    ck_assert(addr_equal(&a, &expected));
}
END_TEST

START_TEST(equality_is_of_family_address_and_port)
{
    struct addr a = v4(1, 2, 3, 4);
    struct addr other_port = a;
    other_port.port++;
    struct addr other_ip = v4(1, 2, 3, 5);
    struct addr other_family = addr_v6((const uint8_t[16]){1, 2, 3, 4}, 6881);
    ck_assert(!addr_equal(&a, &other_port));
    ck_assert(addr_equal_ip(&a, &other_port));
    ck_assert(!addr_equal_ip(&a, &other_ip));
    ck_assert(!addr_equal_ip(&a, &other_family));
}
END_TEST

START_TEST(the_hash_follows_equality_and_the_salt)
{
    struct addr a = v4(1, 2, 3, 4);
    struct addr same = v4(1, 2, 3, 4);
    struct addr other_port = a;
    other_port.port++;
    struct addr other_family = addr_v6((const uint8_t[16]){1, 2, 3, 4}, 6881);
    ck_assert(addr_hash(&a, 7) == addr_hash(&same, 7));
    ck_assert(addr_hash(&a, 7) != addr_hash(&a, 8));
    ck_assert(addr_hash(&a, 7) != addr_hash(&other_port, 7));
    ck_assert(addr_hash(&a, 7) != addr_hash(&other_family, 7));
}
END_TEST

/* Neighbours must spread over a small table by their low bits and by their high ones. */
START_TEST(the_hash_spreads_neighbours)
{
    unsigned low[64] = {0}, high[64] = {0};
    for (int i = 0; i < 64 * 64; i++) {
        struct addr a = addr_v4((const uint8_t[4]){10, 0, (uint8_t)(i >> 8), (uint8_t)i}, 6881);
        uint64_t hash = addr_hash(&a, 1);
        low[hash & 63]++;
        high[hash >> 58]++;
    }
    for (int i = 0; i < 64; i++) {
        ck_assert_uint_gt(low[i], 16);
        ck_assert_uint_lt(low[i], 160);
        ck_assert_uint_gt(high[i], 16);
        ck_assert_uint_lt(high[i], 160);
    }
}
END_TEST

START_TEST(kinds_of_v4_networks)
{
    static const struct {
        uint8_t ip[4];
        bool is_loopback, is_private, is_usable;
    } rows[] = {
        {{127, 0, 0, 1}, true, true, true},          {{127, 255, 0, 9}, true, true, true},
        {{10, 0, 0, 1}, false, true, true},          {{172, 16, 0, 1}, false, true, true},
        {{172, 31, 9, 9}, false, true, true},        {{172, 32, 0, 1}, false, false, true},
        {{172, 15, 0, 1}, false, false, true},       {{192, 168, 1, 1}, false, true, true},
        {{192, 169, 1, 1}, false, false, true},      {{169, 254, 3, 3}, false, true, true},
        {{100, 64, 0, 1}, false, true, true},        {{100, 127, 0, 1}, false, true, true},
        {{100, 128, 0, 1}, false, false, true},      {{100, 63, 0, 1}, false, false, true},
        {{8, 8, 8, 8}, false, false, true},          {{223, 255, 255, 1}, false, false, true},
        {{224, 0, 0, 1}, false, false, false},       {{239, 1, 1, 1}, false, false, false},
        {{255, 255, 255, 255}, false, false, false}, {{0, 0, 0, 0}, false, false, false},
        {{0, 1, 2, 3}, false, false, false},         {{240, 0, 0, 1}, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct addr a = addr_v4(rows[i].ip, 1);
        ck_assert_int_eq(addr_is_loopback(&a), rows[i].is_loopback);
        ck_assert_int_eq(addr_is_private(&a), rows[i].is_private);
        ck_assert_int_eq(addr_is_usable(&a), rows[i].is_usable);
    }
}
END_TEST

START_TEST(kinds_of_v6_networks)
{
    static const struct {
        uint8_t first, second, last;
        bool is_loopback, is_private, is_usable;
    } rows[] = {
        {0x00, 0x00, 1, true, true, true},    {0x00, 0x00, 2, false, false, true},
        {0xfc, 0x00, 1, false, true, true},   {0xfd, 0x12, 1, false, true, true},
        {0xfe, 0x80, 1, false, true, false},  {0xfe, 0xbf, 1, false, true, false},
        {0xfe, 0xc0, 1, false, false, true},  {0x20, 0x01, 1, false, false, true},
        {0xff, 0x02, 1, false, false, false}, {0x00, 0x00, 0, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct addr a = v6(rows[i].first, rows[i].second, rows[i].last);
        ck_assert_int_eq(addr_is_loopback(&a), rows[i].is_loopback);
        ck_assert_int_eq(addr_is_private(&a), rows[i].is_private);
        ck_assert_int_eq(addr_is_usable(&a), rows[i].is_usable);
    }
}
END_TEST

START_TEST(nothing_is_sent_to_port_zero_or_nowhere)
{
    struct addr a = v4(8, 8, 8, 8);
    a.port = 0;
    ck_assert(!addr_is_usable(&a));
    struct addr none = {.family = ADDR_NONE, .port = 1};
    ck_assert(!addr_is_usable(&none));
    ck_assert(!addr_is_loopback(&none));
    ck_assert(!addr_is_private(&none));
}
END_TEST

START_TEST(prefixes_drop_hosts_and_ports)
{
    struct addr a = v4(1, 2, 3, 4);
    struct addr neighbour = v4(1, 2, 3, 200);
    struct addr stranger = v4(1, 2, 4, 4);
    struct addr pa = addr_prefix(&a), pn = addr_prefix(&neighbour), ps = addr_prefix(&stranger);
    ck_assert(addr_equal(&pa, &pn));
    ck_assert(!addr_equal(&pa, &ps));
    ck_assert_uint_eq(pa.port, 0);
    ck_assert_mem_eq(pa.ip, "\x01\x02\x03\x00", 4);
    const uint8_t ip[16] = {0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint8_t kept[16] = {0x20, 1, 2, 3, 4, 5, 6};
    struct addr six = addr_v6(ip, 5);
    struct addr p6 = addr_prefix(&six);
    ck_assert_uint_eq(p6.family, ADDR_V6);
    ck_assert_mem_eq(p6.ip, kept, sizeof kept);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, compact_v4_goes_both_ways);
    tcase_add_test(tests, compact_v6_goes_both_ways);
    tcase_add_test(tests, other_compact_sizes_are_refused);
    tcase_add_test(tests, a_mapped_address_is_v4);
    tcase_add_test(tests, equality_is_of_family_address_and_port);
    tcase_add_test(tests, the_hash_follows_equality_and_the_salt);
    tcase_add_test(tests, the_hash_spreads_neighbours);
    tcase_add_test(tests, kinds_of_v4_networks);
    tcase_add_test(tests, kinds_of_v6_networks);
    tcase_add_test(tests, nothing_is_sent_to_port_zero_or_nowhere);
    tcase_add_test(tests, prefixes_drop_hosts_and_ports);
}
