/* A command gets its input and its variables, and its end is told truly, whatever it does. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/client/client_exec.h"
#include "rpc/client/client_socket.h"
#include "tests/runner.h"

static int run(const char *command, struct bytes input)
{
    struct client_variables variables = {.count = 0};
    client_variables_add(&variables, "XORD_EVENT", "value");
    client_variables_add(&variables, "XORD_SLOT", NULL);
    return client_exec(command, &variables, input, UINT64_MAX);
}

START_TEST(it_gets_its_input_and_its_variables)
{
    struct bytes input = bytes_of_string("a line\nand another");
    ck_assert_int_eq(run("[ \"$(cat)\" = \"$(printf 'a line\\nand another')\" ]", input), 0);
    ck_assert_int_eq(run("[ \"$XORD_EVENT\" = value ] && [ -z \"${XORD_SLOT+set}\" ]", input), 0);
    ck_assert_ptr_null(getenv("XORD_EVENT"));
}
END_TEST

START_TEST(it_need_not_read)
{
    const size_t size = 1024 * 1024; /* more than a pipe holds */
    void *data = calloc(1, size);
    ck_assert_int_eq(run("exit 3", bytes_of(data, size)), 3);
    ck_assert_int_eq(run("[ $(wc -c) = 1048576 ]", bytes_of(data, size)), 0);
    free(data);
}
END_TEST

/* Else what it leaves behind in the background would hold up who writes to it. */
START_TEST(its_input_is_open_once)
{
    static const char command[] =
        "mine=$(readlink /proc/$$/fd/0)\n"
        "for fd in /proc/$$/fd/*; do\n"
        "  [ ${fd##*/} = 0 ] || [ \"$(readlink $fd)\" != \"$mine\" ] || exit 9\n"
        "done";
    ck_assert_int_eq(run(command, bytes_of_string("a line")), 0);
}
END_TEST

START_TEST(its_end_is_told)
{
    ck_assert_int_eq(run("exit 7", (struct bytes){0}), 7);
    ck_assert_int_eq(run("kill -TERM $$", (struct bytes){0}), 128 + 15);
    ck_assert_int_eq(run("/nowhere/at/all 2>/dev/null", (struct bytes){0}), 127);
}
END_TEST

START_TEST(it_ends_when_its_time_is_up)
{
    struct client_variables variables = {.count = 0};
    uint64_t deadline_ms = client_socket_now_ms() + 100;
    ck_assert_int_eq(client_exec("sleep 1000", &variables, (struct bytes){0}, deadline_ms),
                     CLIENT_EXEC_LATE);
}
END_TEST

/* As under a shell's `trap '' CHLD`: it is inherited. */
START_TEST(its_end_is_told_where_ends_are_ignored)
{
    struct client_printed printed = {.size_max = 100};
    struct client_variables variables = {.count = 0};
    signal(SIGCHLD, SIG_IGN);
    ck_assert_int_eq(run("exit 7", (struct bytes){0}), 7);
    signal(SIGCHLD, SIG_IGN);
    int status = client_exec_read("echo 1; exit 8", &variables, (struct bytes){0},
                                  client_socket_now_ms() + 60000, &printed);
    ck_assert_int_eq(status, 8);
    ck_assert(!printed.is_late);
    free(printed.data);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, it_gets_its_input_and_its_variables);
    tcase_add_test(tests, it_need_not_read);
    tcase_add_test(tests, its_input_is_open_once);
    tcase_add_test(tests, its_end_is_told);
    tcase_add_test(tests, it_ends_when_its_time_is_up);
    tcase_add_test(tests, its_end_is_told_where_ends_are_ignored);
}
