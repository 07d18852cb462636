/* A Host that is ours is known in each form that a client may write it, and no other is. */
#include <check.h>
#include <string.h>

#include "common/addr_text.h"
#include "rpc/server/http_host.h"
#include "tests/runner.h"

static struct http_hosts hosts;

static void bind_to(const char *text)
{
    hosts = (struct http_hosts){.names = {"wabi.example.org", "wabi"}, .name_count = 2};
    ck_assert(addr_parse(text, &hosts.bound));
}

static void check_hosts(bool is_ours, const char *const *names)
{
    for (; *names != NULL; names++)
        ck_assert_msg(http_host_is_ours(&hosts, *names) == is_ours, "%s", *names);
}

START_TEST(ours_are_known)
{
    static const char *const names[] = {
        "127.0.0.1:9673", "127.0.0.1", "localhost", "localhost:9673", "LocalHost:8080",
        "[::1]:9673",     "[::1]",     "wabi",      "WABI:80",        "wabi.example.org:443",
        "127.0.0.1:",     NULL};

    bind_to("127.0.0.1:9673");
    check_hosts(true, names);
}
END_TEST

START_TEST(others_are_not)
{
    static const char *const names[] = {"evil.com",
                                        "evil.com:9673",
                                        "localhost.evil.com",
                                        "wabi.example.org.evil.com",
                                        "127.0.0.1.evil.com",
                                        "192.0.2.1:9673",
                                        "[2001:db8::1]",
                                        "localhost.",
                                        "localhost:80x",
                                        "localhost:80:80",
                                        "user@localhost",
                                        "local",
                                        "",
                                        ":9673",
                                        "[]",
                                        "[::1",
                                        "[::1]x",
                                        " localhost",
                                        NULL};
    char longer[HTTP_HOST_MAX + 3];

    bind_to("127.0.0.1:9673");
    check_hosts(false, names);
    ck_assert(!http_host_is_ours(&hosts, NULL));
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert(!http_host_is_ours(&hosts, longer));
}
END_TEST

START_TEST(the_bound_address_is_ours)
{
    bind_to("192.0.2.1:80");
    ck_assert(http_host_is_ours(&hosts, "192.0.2.1"));
    ck_assert(!http_host_is_ours(&hosts, "192.0.2.2"));
    bind_to("[2001:db8::1]:80");
    ck_assert(http_host_is_ours(&hosts, "[2001:db8:0::1]:80"));
    ck_assert(!http_host_is_ours(&hosts, "2001:db8::1"));
}
END_TEST

START_TEST(where_all_are_bound_any_address_is_ours)
{
    bind_to("0.0.0.0:80");
    ck_assert(http_host_is_ours(&hosts, "192.0.2.1:80"));
    ck_assert(!http_host_is_ours(&hosts, "evil.com"));
    bind_to("[::]:80");
    ck_assert(http_host_is_ours(&hosts, "[2001:db8::1]"));
}
END_TEST

static void check_path(const char *target, const char *path, const char *host)
{
    char got[HTTP_HOST_SIZE];

    ck_assert_str_eq(http_host_path(target, got), path);
    ck_assert_str_eq(got, host);
}

START_TEST(an_absolute_target_names_its_host)
{
    char longer[HTTP_HOST_SIZE + 16] = "http://";

    check_path("/metrics", "/metrics", "");
    check_path("/http://evil.com/", "/http://evil.com/", "");
    check_path("*", "*", "");
    check_path("http://localhost:9673/metrics", "/metrics", "localhost:9673");
    check_path("HTTP://evil.com", "/", "evil.com");
    check_path("http:///status", "/status", "");
    memset(longer + 7, 'a', HTTP_HOST_SIZE);
    check_path(longer, "/", "");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, ours_are_known);
    tcase_add_test(tests, others_are_not);
    tcase_add_test(tests, the_bound_address_is_ours);
    tcase_add_test(tests, an_absolute_target_names_its_host);
    tcase_add_test(tests, where_all_are_bound_any_address_is_ours);
}
