/* Addresses read back from the text they are written as, and whatever is not numbers is refused. */
#include "common/addr_text.h"
#include "tests/runner.h"

#include <check.h>

static const char *const forms[] = {
    "1.2.3.4:5",
    "127.0.0.1:4001",
    "255.255.255.255:65535",
    "0.0.0.0:0",
    "[::1]:4001",
    "[2001:db8::1]:6881",
    "[::]:1",
    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
};

START_TEST(text_goes_both_ways)
{
    struct addr a;
    char text[ADDR_TEXT_SIZE];
    ck_assert(addr_parse(forms[_i], &a));
    ck_assert_str_eq(addr_format(&a, text), forms[_i]);
}
END_TEST

START_TEST(parts_are_where_they_belong)
{
    struct addr a;
    ck_assert(addr_parse("10.20.30.40:258", &a));
    ck_assert_uint_eq(a.family, ADDR_V4);
    ck_assert_mem_eq(a.ip, "\x0a\x14\x1e\x28", 4);
    ck_assert_uint_eq(a.port, 258);
    ck_assert(addr_parse("[::ffff:10.20.30.40]:9", &a));
    ck_assert_uint_eq(a.family, ADDR_V4);
}
END_TEST

static const char *const refused[] = {
    "",           "1.2.3.4",     "1.2.3.4:",       "1.2.3.4:x",     "1.2.3.4:65536",
    ":5",         "1.2.3:5",     "1.2.3.4.5:6",    "256.1.1.1:5",   "localhost:5",
    "::1:5",      "[::1]",       "[::1]5",         "[::1:5",        "[1.2.3.4]:5",
    "[]:5",       "[::1]:",      "1.2.3.4:-1",     "1.2.3.4:+1",    "1.2.3.4: 5",
    " 1.2.3.4:5", "1.2.3.4:5 ",  "[fe80::1%lo]:5", "1.2.3.4:5:6",   "1.2.3.4:000005",
    "[::1]]:5",   "01.2.3.4:05", "[[::1]]:5",      "1.2.3.4:99999", "[localhost]:5",
};

START_TEST(other_text_is_refused)
{
    struct addr a;
    ck_assert(!addr_parse(refused[_i], &a));
}
END_TEST

START_TEST(an_ip_alone)
{
    struct addr a;
    char text[ADDR_TEXT_SIZE];
    ck_assert(addr_parse_ip("192.0.2.7", &a));
    ck_assert_uint_eq(a.port, 0);
    ck_assert_str_eq(addr_format_ip(&a, text), "192.0.2.7");
    ck_assert(addr_parse_ip("::1", &a));
    ck_assert_str_eq(addr_format_ip(&a, text), "::1");
    ck_assert(!addr_parse_ip("[::1]", &a));
    ck_assert(!addr_parse_ip("1.2.3.4:5", &a));
    ck_assert(!addr_parse_ip("name", &a));
    ck_assert(!addr_parse_ip("", &a));
}
END_TEST

START_TEST(no_address_has_a_text_too)
{
    struct addr none = {.family = ADDR_NONE};
    char text[ADDR_TEXT_SIZE];
    ck_assert_str_eq(addr_format(&none, text), "none");
    ck_assert_str_eq(addr_format_ip(&none, text), "none");
}
END_TEST

START_TEST(names_are_split_from_ports)
{
    char host[64];
    uint16_t port;
    ck_assert(addr_split("router.example.org:6881", host, sizeof host, &port));
    ck_assert_str_eq(host, "router.example.org");
    ck_assert_uint_eq(port, 6881);
    ck_assert(addr_split("[2001:db8::1]:1", host, sizeof host, &port));
    ck_assert_str_eq(host, "2001:db8::1");
    ck_assert_uint_eq(port, 1);
    ck_assert(!addr_split("router.example.org", host, sizeof host, &port));
    ck_assert(!addr_split("host:", host, sizeof host, &port));
    ck_assert(!addr_split(":1", host, sizeof host, &port));
    ck_assert(!addr_split("host:1:2", host, sizeof host, &port));
}
END_TEST

START_TEST(a_host_must_fit)
{
    char host[5];
    uint16_t port;
    ck_assert(addr_split("four:1", host, sizeof host, &port));
    ck_assert_str_eq(host, "four");
    ck_assert(!addr_split("fifth:1", host, sizeof host, &port));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, text_goes_both_ways, 0, (int)(sizeof forms / sizeof forms[0]));
    tcase_add_test(tests, parts_are_where_they_belong);
    tcase_add_loop_test(tests, other_text_is_refused, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(tests, an_ip_alone);
    tcase_add_test(tests, no_address_has_a_text_too);
    tcase_add_test(tests, names_are_split_from_ports);
    tcase_add_test(tests, a_host_must_fit);
}
