/* A command must get a request's value as a script wants it, what it prints and how it exits must
 * become the answer, and it must be gone at its deadline with all that it started. */
#include "rpc/client/client_handle.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/client/client_exec.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static void assert_input(const char *params, const char *expected)
{
    json_t *object = json_read(bytes_of_string(params), 32, NULL, 0);
    struct json_text text = client_handle_input(object);
    ck_assert_msg(bytes_is_string(bytes_of(text.data, text.size), expected), "%s", params);
    json_text_clear(&text);
    json_decref(object);
}

START_TEST(a_value_goes_in_as_a_script_wants_it)
{
    assert_input("{\"value\":\"bare\\ntext\"}", "bare\ntext");
    assert_input("{\"value\":{\"a\":[1,null]}}", "{\"a\":[1,null]}");
    assert_input("{\"value\":39.010941}", "39.010941");
    assert_input("{\"value\":false}", "false");
    assert_input("{\"value\":null}", "");
    assert_input("{}", "");
    assert_input("{\"value_base64\":\"aGkK\"}", "hi\n");
}
END_TEST

static void assert_answer(const struct client_args *args, int status, struct bytes printed,
                          const char *expected)
{
    struct json_text text = {0};
    json_t *answer = client_handle_answer(args, 7, status, printed);
    json_write(&text, answer, 0);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, expected);
    json_text_clear(&text);
    json_decref(answer);
}

START_TEST(what_is_printed_is_the_value)
{
    const struct client_args plain = {0}, string = {.is_string = true}, raw = {.is_bytes = true};
    assert_answer(&plain, 0, bytes_of_string(""), "{\"request\":7}");
    assert_answer(&plain, 0, bytes_of_string("{\"a\": 1}\n"),
                  "{\"request\":7,\"value\":{\"a\":1}}");
    assert_answer(&plain, 0, bytes_of_string("null\n"), "{\"request\":7,\"value\":null}");
    assert_answer(&plain, 0, bytes_of_string("two\nlines\n"),
                  "{\"request\":7,\"value\":\"two\\nlines\"}");
    assert_answer(&plain, 0, bytes_of_string("\n"), "{\"request\":7,\"value\":\"\"}");
    assert_answer(&plain, 0, bytes_of("\xff\n", 2), "{\"request\":7,\"value_base64\":\"/wo=\"}");
    assert_answer(&string, 0, bytes_of_string("5\n"), "{\"request\":7,\"value\":\"5\"}");
    assert_answer(&raw, 0, bytes_of_string("hi\n"), "{\"request\":7,\"value_base64\":\"aGkK\"}");
}
END_TEST

START_TEST(how_it_exits_is_the_error)
{
    const struct client_args plain = {0};
    static const int status[][2] = {{1, 16}, {15, 16}, {16, 16}, {17, 17}, {137, 137}, {255, 255}};
    for (size_t i = 0; i < sizeof status / sizeof status[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "{\"request\":7,\"error\":%d}", status[i][1]);
        assert_answer(&plain, status[i][0], bytes_of_string("unseen"), expected);
    }
}
END_TEST

static struct client_printed printed;

/* In ten seconds at most. */
static int run(const char *command, const char *input, uint64_t time_ms)
{
    struct client_variables variables = {0};
    free(printed.data);
    printed = (struct client_printed){.size_max = 100000};
    client_variables_add(&variables, "XORD_TEST", "told");
    return client_exec_read(command, &variables, bytes_of_string(input),
                            client_socket_now_ms() + time_ms, &printed);
}

static bool has_printed(const char *text)
{
    return bytes_is_string(bytes_of(printed.data, printed.size), text);
}

START_TEST(its_input_variables_output_and_status_are_told)
{
    ck_assert_int_eq(run("cat; printf %s \"$XORD_TEST\"; exit 3", "in ", 10000), 3);
    ck_assert(has_printed("in told"));
    ck_assert(!printed.is_late);
    ck_assert_int_eq(run("exit 0", "unread", 10000), 0);
    ck_assert(has_printed(""));
    ck_assert_int_eq(run("no-such-command 2> /dev/null", "", 10000), 127);
    ck_assert_int_eq(run("kill -TERM $$", "", 10000), 128 + SIGTERM);
}
END_TEST

/* More than a pipe holds, both ways at once. */
START_TEST(much_goes_in_and_out)
{
    static char input[90001];
    memset(input, 'a', sizeof input - 1);
    ck_assert_int_eq(run("cat", input, 10000), 0);
    ck_assert(has_printed(input));
    ck_assert_int_eq(run("cat; cat /dev/zero", input, 10000), 128 + SIGTERM);
    ck_assert_uint_gt(printed.size, printed.size_max);
}
END_TEST

/* A zombie does nothing any more; who collects it is not our affair. */
static bool is_running(long pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    const char *read = fgets(line, sizeof line, file);
    fclose(file);
    const char *name_end = read != NULL ? strrchr(line, ')') : NULL;
    return name_end != NULL && name_end[2] != 'Z';
}

/* The number that it printed. */
static long child_of_command(void)
{
    char *end;
    long child = strtol(printed.data, &end, 10);
    ck_assert(end != printed.data && child > 1);
    return child;
}

static void expect_gone(long child)
{
    /* What was killed may still be on its way. */
    for (int i = 0; i < 500 && is_running(child); i++)
        usleep(10000);
    ck_assert(!is_running(child));
}

START_TEST(at_its_deadline_it_is_gone_with_all_that_it_started)
{
    ck_assert_int_eq(run("sleep 60 & echo $!; wait", "", 300), 128 + SIGTERM);
    ck_assert(printed.is_late && !printed.is_ended);
    expect_gone(child_of_command());
    ck_assert_int_eq(run("exec > /dev/null; sleep 60", "", 300), 128 + SIGTERM);
    ck_assert(printed.is_late);
}
END_TEST

START_TEST(who_does_not_end_when_told_to_is_made_to)
{
    static const char command[] = "trap '' TERM; sleep 60 & echo $!; wait";
    ck_assert_int_eq(run(command, "", 300), 128 + SIGKILL);
    expect_gone(child_of_command());
}
END_TEST

/* Also what is no child of the first any more. */
START_TEST(who_ends_when_told_to_has_the_time_for_it)
{
    struct scratch scratch;
    static const char command[] = "(trap 'sleep 0.1; echo done; exit' TERM; echo $$;"
                                  " while :; do sleep 0.01; done) & wait";
    char path[PATH_MAX], line[PATH_MAX + 200];
    scratch_make(&scratch);
    scratch_write(&scratch, "said", "", 0);
    int file = open(scratch_path(&scratch, "said", path), O_RDONLY);
    ck_assert_int_ge(file, 0);
    snprintf(line, sizeof line, "exec > %s 2> /dev/null; %s", path, command);
    ck_assert_int_eq(run(line, "", 300), 128 + SIGTERM);
    char said[64] = "";
    ck_assert_int_gt(read(file, said, sizeof said - 1), 0);
    ck_assert_ptr_nonnull(strstr(said, "done"));
    close(file);
    scratch_remove(&scratch);
}
END_TEST

/* Has a command write to `fd` which child it has, and waits for it. */
static void be_client(int number, int fd)
{
    char line[100];
    signal(number, SIG_DFL);
    snprintf(line, sizeof line, "sleep 60 & echo $! > /proc/%d/fd/%d; wait", getpid(), fd);
    pid_t minder = client_exec_fork();
    if (minder == 0)
        run(line, "", 100000);
    else
        waitpid(minder, NULL, 0);
    _exit(0);
}

static void end_client(int number)
{
    int fds[2];
    char said[24] = "";
    ck_assert_int_eq(pipe(fds), 0);
    pid_t client = fork();
    if (client == 0)
        be_client(number, fds[1]);
    ck_assert_int_gt(client, 0);
    ck_assert_int_gt(read(fds[0], said, sizeof said - 1), 0);
    kill(client, number);
    expect_gone(strtol(said, NULL, 10));
    waitpid(client, NULL, 0);
    close(fds[0]);
    close(fds[1]);
}

START_TEST(it_does_not_outlive_the_client)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGKILL};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        end_client(numbers[i]);
}
END_TEST

static void clear_printed(void)
{
    free(printed.data);
    printed.data = NULL;
}

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, NULL, clear_printed);
    tcase_add_test(tests, a_value_goes_in_as_a_script_wants_it);
    tcase_add_test(tests, what_is_printed_is_the_value);
    tcase_add_test(tests, how_it_exits_is_the_error);
    tcase_add_test(tests, its_input_variables_output_and_status_are_told);
    tcase_add_test(tests, much_goes_in_and_out);
    tcase_add_test(tests, at_its_deadline_it_is_gone_with_all_that_it_started);
    tcase_add_test(tests, who_does_not_end_when_told_to_is_made_to);
    tcase_add_test(tests, who_ends_when_told_to_has_the_time_for_it);
    tcase_add_test(tests, it_does_not_outlive_the_client);
}
