/* Names and answers of commands must be within their rules, whoever sends them. */
#include "daemon/dht/ops/command.h"

#include <check.h>

#include "daemon/dht/node.h"
#include "tests/runner.h"

START_TEST(names_are_of_few_characters_and_not_long)
{
    static const char *const good[] = {"a", "0", "get.value_2-x",
                                       "abcdefghijklmnopqrstuvwxyz.012345"};
    static const char *const bad[] = {"", "A", "a b", "a/b", "caf\xc3\xa9", "a\n", "a:b"};
    for (size_t i = 0; i < 3; i++)
        ck_assert(command_name_is_valid(bytes_of_string(good[i])));
    ck_assert(command_name_is_valid(bytes_of(good[3], COMMAND_NAME_MAX)));
    ck_assert(!command_name_is_valid(bytes_of(good[3], COMMAND_NAME_MAX + 1)));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert(!command_name_is_valid(bytes_of_string(bad[i])));
    ck_assert(!command_name_is_valid(bytes_of("a", 2)));
    ck_assert(!command_name_is_valid((struct bytes){0}));
}
END_TEST

START_TEST(the_errors_of_the_network_have_names)
{
    ck_assert_str_eq(command_error_name(COMMAND_UNKNOWN), "unknown_command");
    ck_assert_str_eq(command_error_name(COMMAND_BUSY), "busy");
    ck_assert_str_eq(command_error_name(COMMAND_TIMEOUT), "timeout");
    ck_assert_str_eq(command_error_name(COMMAND_FAILED), "failed");
    ck_assert_ptr_null(command_error_name(0));
    ck_assert_ptr_null(command_error_name(COMMAND_FAILED + 1));
    ck_assert_ptr_null(command_error_name(COMMAND_ERROR_OWN));
    ck_assert_ptr_null(command_error_name(-1));
    ck_assert_ptr_null(command_error_name(INT64_MAX));
}
END_TEST

static bool is_read(int64_t error, size_t v_size)
{
    static const uint8_t v[COMMAND_V_MAX + 1];
    const struct krpc response = {.command_error = error, .v = bytes_of(v, v_size)};
    struct command_reply reply = {.error = -1};
    bool is_good = command_read_reply(&response, &reply);
    if (is_good)
        ck_assert(reply.error == error && reply.v.data == v && reply.v.size == v_size);
    return is_good;
}

START_TEST(an_answer_beyond_the_limits_is_none)
{
    ck_assert(is_read(0, COMMAND_V_MAX));
    ck_assert(!is_read(0, COMMAND_V_MAX + 1));
    ck_assert(is_read(COMMAND_ERROR_MAX, 0));
    ck_assert(!is_read(COMMAND_ERROR_MAX + 1, 0));
    ck_assert(!is_read(-1, 0));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, names_are_of_few_characters_and_not_long);
    tcase_add_test(tests, the_errors_of_the_network_have_names);
    tcase_add_test(tests, an_answer_beyond_the_limits_is_none);
}
