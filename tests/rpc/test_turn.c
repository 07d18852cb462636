/* Whoever says much takes turns with the others: between lines, and within a batch; and what waits
 * for its turn is neither lost nor out of order, nor left behind by who vanishes. */
#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/turn.h"
#include "tests/rpc/serving.h"
#include "tests/runner.h"

#define RELOAD_REQUEST "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}"

static struct serving *s;

#define QUIET_CALL "{\"jsonrpc\":\"2.0\",\"method\":\"getmetrics\"}"
#define SLOW_CALLS 64

static bool has_heard_nothing(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

/* All at once: as lines, or as one batch. */
static void say_slow_calls(int fd, const char *before, const char *between, const char *after)
{
    struct json_text text = {0};

    json_text_append(&text, before, strlen(before));
    for (int i = 0; i < SLOW_CALLS; i++) {
        json_text_append(&text, i > 0 ? between : "", i > 0 ? strlen(between) : 0);
        json_text_append(&text, QUIET_CALL, strlen(QUIET_CALL));
    }
    json_text_append(&text, after, strlen(after));
    ck_assert_int_eq(send(fd, text.data, text.size, 0), (ssize_t)text.size);
    json_text_clear(&text);
}

/* Each call takes a turn's half or more. */
static void check_others_have_their_turn(const char *before, const char *between, const char *after,
                                         const char *answer)
{
    int slow = serving_connect(s->path), other = serving_connect(s->path);

    serving_turn(s);
    s->fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(slow, before, between, after);
    serving_say_text(s, other, CHECK_CALL(2));
    ck_assert_str_eq(serving_hear(s, other, 1), CHECK_ANSWER(2));
    ck_assert(has_heard_nothing(slow));
    ck_assert_str_eq(serving_hear(s, slow, 1), answer);
    close(slow);
    close(other);
    serving_wait_clients(s, 0);
}

START_TEST(others_have_their_turn_between_lines)
{
    check_others_have_their_turn("", "\n", "\n" CHECK_CALL(1), CHECK_ANSWER(1));
}
END_TEST

START_TEST(others_have_their_turn_within_a_batch)
{
    check_others_have_their_turn(
        "[", ",", ",{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}]\n",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}]\n");
}
END_TEST

START_TEST(a_batch_over_http_is_answered_whole)
{
    static const char call[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}";
    int fd = serving_connect(s->path);
    char head[128], batch[SLOW_CALLS * (sizeof call + 1)] = "[";

    for (int i = 0; i < SLOW_CALLS / 2; i++)
        strcat(strcat(batch, i > 0 ? "," : ""), call);
    strcat(batch, "]");
    snprintf(head, sizeof head,
             "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
             strlen(batch));
    s->fake.clock_step_ns = TURN_NS / 4;
    serving_say_text(s, fd, head);
    serving_say_text(s, fd, batch);
    const char *at = serving_hear(s, fd, SIZE_MAX);
    size_t count = 0;
    while ((at = strstr(at, "\"result\":true")) != NULL) {
        count++;
        at++;
    }
    ck_assert_uint_eq(count, SLOW_CALLS / 2);
    close(fd);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(lines_after_a_batch_keep_their_order)
{
    int fd = serving_connect(s->path);

    s->fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(fd, "[", ",", ",7]\n" CHECK_CALL(1) CHECK_CALL(2));
    const char *answers = serving_hear(s, fd, 3);
    ck_assert_int_eq(strncmp(answers, "[{", 2), 0);
    ck_assert_str_eq(strchr(answers, '\n') + 1, CHECK_ANSWER(1) CHECK_ANSWER(2));
    close(fd);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(who_vanishes_within_a_batch_is_forgotten)
{
    int batch = serving_connect(s->path), lines = serving_connect(s->path),
        other = serving_connect(s->path);

    serving_turn(s);
    s->fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(batch, "[", ",", "]\n");
    say_slow_calls(lines, "", "\n", "\n");
    serving_turn(s);
    close(batch);
    close(lines);
    serving_say_text(s, other, CHECK_CALL(2));
    ck_assert_str_eq(serving_hear(s, other, 1), CHECK_ANSWER(2));
    close(other);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(a_batch_is_answered_before_the_stop)
{
    int fd = serving_connect(s->path);

    serving_turn(s);
    s->fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(fd, "[", ",", "," RELOAD_REQUEST "]\n");
    serving_turn(s);
    rpc_server_close(s->server);
    const char *answer = serving_hear(s, fd, 1);
    ck_assert_ptr_nonnull(strstr(answer, "\"name\":\"stopping\""));
    close(fd);
}
END_TEST

void add_tests(TCase *tests)
{
    s = serving_fixture(tests);
    tcase_add_test(tests, others_have_their_turn_between_lines);
    tcase_add_test(tests, others_have_their_turn_within_a_batch);
    tcase_add_test(tests, a_batch_over_http_is_answered_whole);
    tcase_add_test(tests, lines_after_a_batch_keep_their_order);
    tcase_add_test(tests, who_vanishes_within_a_batch_is_forgotten);
    tcase_add_test(tests, a_batch_is_answered_before_the_stop);
}
