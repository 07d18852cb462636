/* A stream on the command line must show each event once, and end when it was told to: after so
 * many, after so long, when the daemon says so, when it is gone. */
#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/client/client_stream.h"
#include "tests/runner.h"

#define REPLY    "{\"id\":1,\"result\":{\"sub\":1}}\n"
#define EVENT(n) "{\"method\":\"monitor\",\"params\":{\"n\":" n ",\"event\":\"call\"}}\n"
#define END      "{\"method\":\"monitor\",\"params\":{\"n\":9,\"event\":\"end\"}}\n"

static int daemon_fd;
static struct client_socket client;
static struct client_stream stream;
static char error[CLIENT_ERROR_SIZE];
static json_int_t seen[16];
static size_t seen_count;

static void setup(void)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    daemon_fd = fds[0];
    client = (struct client_socket){.fd = fds[1]};
    seen_count = 0;
}

static void teardown(void)
{
    if (daemon_fd >= 0)
        close(daemon_fd);
    client_socket_close(&client);
}

static bool note(struct client_stream *of, const json_t *params, bool *is_counted)
{
    (void)of;
    const char *event = json_string_value(json_object_get(params, "event"));
    *is_counted = strcmp(event, "gap") != 0;
    seen[seen_count++] = json_integer_value(json_object_get(params, "n"));
    return true;
}

static void init(const char *count, const char *seconds)
{
    const struct client_args args = {.count = count, .seconds = seconds};
    ck_assert_msg(client_stream_init(&stream, &args, error), "said: %s", error);
    stream.on_event = note;
}

/* After the answer the daemon is gone, unless it is time that should end the stream. */
static enum client_exit run(const char *answer)
{
    json_t *request = json_pack("{s:i, s:s}", "id", 1, "method", "monitor");
    ck_assert_int_eq(write(daemon_fd, answer, strlen(answer)), (ssize_t)strlen(answer));
    if (stream.deadline_ms == UINT64_MAX)
        shutdown(daemon_fd, SHUT_WR);
    enum client_exit code = client_stream_run(&stream, &client, "monitor", request);
    json_decref(request);
    return code;
}

START_TEST(it_ends_after_so_many)
{
    init("2", NULL);
    ck_assert_int_eq(run(REPLY EVENT("1") EVENT("2") EVENT("3")), CLIENT_OK);
    ck_assert_uint_eq(seen_count, 2);
    ck_assert_int_eq(seen[1], 2);
}
END_TEST

START_TEST(what_does_not_count_is_shown_all_the_same)
{
    init("2", NULL);
    ck_assert_int_eq(run(REPLY EVENT("1") "{\"method\":\"monitor\",\"params\":{\"n\":2,\"event\":"
                                          "\"gap\"}}\n" EVENT("3") EVENT("4")),
                     CLIENT_OK);
    ck_assert_uint_eq(seen_count, 3);
}
END_TEST

START_TEST(it_ends_when_its_time_is_up)
{
    init(NULL, "0.05");
    ck_assert_int_eq(run(REPLY EVENT("1")), CLIENT_OK);
    ck_assert_uint_eq(seen_count, 1);
}
END_TEST

static bool note_until_the_time_is_up(struct client_stream *of, const json_t *params,
                                      bool *is_counted)
{
    of->deadline_ms = client_socket_now_ms();
    return note(of, params, is_counted);
}

/* Else commands that are slower than events would never come to an end. */
START_TEST(what_has_come_in_time_and_is_not_yet_seen_to_is_left)
{
    init(NULL, "1000");
    stream.on_event = note_until_the_time_is_up;
    ck_assert_int_eq(run(REPLY EVENT("1") EVENT("2") EVENT("3")), CLIENT_OK);
    ck_assert_uint_eq(seen_count, 1);
}
END_TEST

START_TEST(it_ends_when_the_daemon_says_so)
{
    init(NULL, NULL);
    ck_assert_int_eq(run(REPLY EVENT("1") END EVENT("3")), CLIENT_OK);
    ck_assert_uint_eq(seen_count, 2);
}
END_TEST

START_TEST(a_daemon_that_is_gone_is_an_error)
{
    init(NULL, NULL);
    ck_assert_int_eq(run(REPLY EVENT("1")), CLIENT_NO_DAEMON);
    ck_assert_uint_eq(seen_count, 1);
}
END_TEST

static int make_unread(void)
{
    int fds[2];
    int before = dup(STDOUT_FILENO);
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
    close(fds[0]);
    close(fds[1]);
    return before;
}

/* As behind `| head -1`, long before the next event. */
START_TEST(it_ends_when_nobody_reads_what_it_prints)
{
    init(NULL, "1000");
    stream.is_printing = true;
    signal(SIGPIPE, SIG_IGN);
    int before = make_unread();
    enum client_exit code = run(REPLY);
    dup2(before, STDOUT_FILENO);
    close(before);
    signal(SIGPIPE, SIG_DFL);
    ck_assert_int_eq(code, CLIENT_ERROR_REPLY);
    ck_assert(!stream.is_daemon_gone);
}
END_TEST

START_TEST(a_refusal_is_its_own_exit)
{
    init(NULL, NULL);
    ck_assert_int_eq(run("{\"id\":1,\"error\":{\"code\":403,\"message\":\"no\"}}\n"),
                     CLIENT_ERROR_REPLY);
    ck_assert_uint_eq(seen_count, 0);
}
END_TEST

START_TEST(notifications_of_others_are_passed_over)
{
    init("1", NULL);
    ck_assert_int_eq(run(REPLY "{\"method\":\"listen\",\"params\":{\"n\":7}}\n{}\n" EVENT("1")),
                     CLIENT_OK);
    ck_assert_uint_eq(seen_count, 1);
    ck_assert_int_eq(seen[0], 1);
}
END_TEST

START_TEST(limits_that_are_none_are_refused)
{
    static const char *const counts[] = {"0", "-1", "x", "1x", "", "99999999999999999999"};
    static const char *const times[] = {"-1", "x", "1s", "", "nan", "1e300"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const struct client_args args = {.count = counts[i]};
        ck_assert_msg(!client_stream_init(&stream, &args, error), "-C %s", counts[i]);
        ck_assert_ptr_nonnull(strstr(error, "-C"));
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const struct client_args args = {.seconds = times[i]};
        ck_assert_msg(!client_stream_init(&stream, &args, error), "-W %s", times[i]);
        ck_assert_ptr_nonnull(strstr(error, "-W"));
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, it_ends_after_so_many);
    tcase_add_test(tests, what_does_not_count_is_shown_all_the_same);
    tcase_add_test(tests, it_ends_when_its_time_is_up);
    tcase_add_test(tests, what_has_come_in_time_and_is_not_yet_seen_to_is_left);
    tcase_add_test(tests, it_ends_when_the_daemon_says_so);
    tcase_add_test(tests, a_daemon_that_is_gone_is_an_error);
    tcase_add_test(tests, it_ends_when_nobody_reads_what_it_prints);
    tcase_add_test(tests, a_refusal_is_its_own_exit);
    tcase_add_test(tests, notifications_of_others_are_passed_over);
    tcase_add_test(tests, limits_that_are_none_are_refused);
}
