/* Many clients at once, each answered whatever the others do: half-closing, vanishing, not reading,
 * speaking HTTP, sending rubbish; and a socket file that nobody else's daemon loses. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/json/json.h"
#include "rpc/server/server.h"
#include "rpc/turn.h"
#include "rpc/unread.h"
#include "tests/daemon/scratch.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

#define TURNS_MAX 100000 /* of the loop until a test gives up waiting */
#define CHECK_CALL(id)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"check\",\"params\":[\"help\"]}\n"
#define CHECK_ANSWER(id) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":true}\n"
#define RELOAD_REQUEST   "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}"
#define RELOAD_CALL      RELOAD_REQUEST "\n"
#define RELOAD_ANSWER    "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":true}\n"

static struct fake_host fake;
static uv_loop_t loop;
static uv_prepare_t prepare;
static struct rpc_server *server;
static struct scratch scratch;
static char path[PATH_MAX];
static char detail[RPC_DETAIL_SIZE];
static struct json_text got;

static void on_prepare(uv_prepare_t *handle)
{
    (void)handle;
    rpc_server_flush(server);
}

static void setup(void)
{
    fake_host_init(&fake);
    scratch_make(&scratch);
    scratch_path(&scratch, "rpc.sock", path);
    uv_loop_init(&loop);
    uv_prepare_init(&loop, &prepare);
    uv_prepare_start(&prepare, on_prepare);
    server = rpc_server_new(&loop, &fake.host);
    ck_assert_ptr_nonnull(server);
    ck_assert_int_eq(rpc_server_listen(server, path, 0600, RPC_ACCESS_FULL, detail), ERR_OK);
}

static void teardown(void)
{
    rpc_server_close(server);
    rpc_server_close(server);
    for (int i = 0; i < TURNS_MAX && !rpc_server_is_closed(server); i++)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert(rpc_server_is_closed(server));
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    rpc_server_free(server);
    ck_assert_int_eq(access(path, F_OK), -1);
    scratch_remove(&scratch);
    json_text_clear(&got);
    fake_host_clear(&fake);
}

static int connect_to(const char *where)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void turn(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void say(int fd, const char *data, size_t size)
{
    for (int i = 0; i < TURNS_MAX && size > 0; i++) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        }
        turn();
    }
    ck_assert_uint_eq(size, 0);
}

static void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* Reads until `lines` line feeds are there, or with SIZE_MAX until the end. */
static const char *hear(int fd, size_t lines)
{
    char chunk[65536];

    json_text_clear(&got);
    for (int i = 0; i < TURNS_MAX && lines > 0; i++) {
        turn();
        ssize_t size = recv(fd, chunk, sizeof chunk, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN)) {
            ck_assert_uint_eq(lines, SIZE_MAX);
            lines = 0;
        }
        for (ssize_t at = 0; at < size; at++)
            if (chunk[at] == '\n' && lines != SIZE_MAX)
                lines--;
        if (size > 0)
            json_text_append(&got, chunk, (size_t)size);
    }
    ck_assert_uint_eq(lines, 0);
    json_text_append(&got, "", 1);
    return got.data;
}

static void wait_clients(size_t count)
{
    for (int i = 0; i < TURNS_MAX && rpc_server_clients(server) != count; i++)
        turn();
    ck_assert_uint_eq(rpc_server_clients(server), count);
}

START_TEST(answers_lines_however_they_are_cut)
{
    static const char lines[] = CHECK_CALL(1) "\r\n\n" CHECK_CALL(2) "nonsense\n" CHECK_CALL(3);
    int fd = connect_to(path);

    for (size_t i = 0; i < sizeof lines - 1; i++)
        say(fd, lines + i, 1);
    ck_assert_str_eq(hear(fd, 4),
                     CHECK_ANSWER(1) CHECK_ANSWER(2) "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"
                                                     "\"code\":-32700,\"message\":\"not valid "
                                                     "JSON: invalid token near 'nonsense', at byte "
                                                     "8\",\"data\":{\"name\":\"parse_error\"}}}"
                                                     "\n" CHECK_ANSWER(3));
    say(fd, lines, sizeof lines - 1);
    hear(fd, 4);
    close(fd);
    wait_clients(0);
}
END_TEST

START_TEST(a_half_close_waits_for_its_answers)
{
    int fd = connect_to(path);

    say_text(fd, RELOAD_CALL CHECK_CALL(1));
    say(fd, CHECK_CALL(2), sizeof CHECK_CALL(2) - 2); /* without its line feed */
    shutdown(fd, SHUT_WR);
    hear(fd, 2);
    ck_assert_str_eq(got.data, CHECK_ANSWER(1) CHECK_ANSWER(2));
    ck_assert_uint_eq(rpc_server_clients(server), 1);
    rpc_server_done(server, fake.ticket, ERR_OK, NULL);
    ck_assert_str_eq(hear(fd, SIZE_MAX), RELOAD_ANSWER);
    close(fd);
    wait_clients(0);
}
END_TEST

START_TEST(a_client_that_vanishes_is_forgotten)
{
    int fd = connect_to(path);

    say_text(fd, RELOAD_CALL);
    wait_clients(1);
    close(fd);
    wait_clients(0);
    rpc_server_done(server, fake.ticket, ERR_OK, NULL);

    fd = connect_to(path); /* half-closed first, gone after */
    say_text(fd, RELOAD_CALL);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 100; i++)
        turn();
    ck_assert_uint_eq(rpc_server_clients(server), 1);
    close(fd);
    wait_clients(0);
    rpc_server_done(server, fake.ticket, ERR_OK, NULL);
}
END_TEST

START_TEST(who_does_not_read_is_not_read)
{
    static char calls[400 * sizeof "{\"id\":1,\"method\":\"help\"}\n"];
    int deaf = connect_to(path), other = connect_to(path);
    size_t taken = 0, size = 0;

    for (int i = 0; i < 400; i++)
        size += (size_t)snprintf(calls + size, sizeof calls - size,
                                 "{\"id\":%d,\"method\":\"help\"}\n", i % 10);
    for (int i = 0; i < 1000; i++) {
        ssize_t sent = send(deaf, calls, size, MSG_NOSIGNAL);
        taken += sent > 0 ? (size_t)sent : 0;
        turn();
        if (sent < 0 && errno == EAGAIN && i > 500)
            break;
    }
    ck_assert_uint_lt(taken, 1000 * size);
    say_text(other, CHECK_CALL(1));
    ck_assert_str_eq(hear(other, 1), CHECK_ANSWER(1));
    hear(deaf, taken / (size / 400)); /* reads again: all that was taken is answered */
    close(deaf);
    close(other);
    wait_clients(0);
}
END_TEST

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
    int slow = connect_to(path), other = connect_to(path);

    turn();
    fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(slow, before, between, after);
    say_text(other, CHECK_CALL(2));
    ck_assert_str_eq(hear(other, 1), CHECK_ANSWER(2));
    ck_assert(has_heard_nothing(slow));
    ck_assert_str_eq(hear(slow, 1), answer);
    close(slow);
    close(other);
    wait_clients(0);
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

START_TEST(lines_after_a_batch_keep_their_order)
{
    int fd = connect_to(path);

    fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(fd, "[", ",", ",7]\n" CHECK_CALL(1) CHECK_CALL(2));
    const char *answers = hear(fd, 3);
    ck_assert_int_eq(strncmp(answers, "[{", 2), 0);
    ck_assert_str_eq(strchr(answers, '\n') + 1, CHECK_ANSWER(1) CHECK_ANSWER(2));
    close(fd);
    wait_clients(0);
}
END_TEST

START_TEST(who_vanishes_within_a_batch_is_forgotten)
{
    int batch = connect_to(path), lines = connect_to(path), other = connect_to(path);

    turn();
    fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(batch, "[", ",", "]\n");
    say_slow_calls(lines, "", "\n", "\n");
    turn();
    close(batch);
    close(lines);
    say_text(other, CHECK_CALL(2));
    ck_assert_str_eq(hear(other, 1), CHECK_ANSWER(2));
    close(other);
    wait_clients(0);
}
END_TEST

START_TEST(a_batch_is_answered_before_the_stop)
{
    int fd = connect_to(path);

    turn();
    fake.clock_step_ns = TURN_NS / 4;
    say_slow_calls(fd, "[", ",", "," RELOAD_REQUEST "]\n");
    turn();
    rpc_server_close(server);
    const char *answer = hear(fd, 1);
    ck_assert_ptr_nonnull(strstr(answer, "\"name\":\"stopping\""));
    close(fd);
}
END_TEST

START_TEST(a_long_line_is_skipped)
{
    size_t size = RPC_LINE_MAX + 100000;
    char *line = malloc(size);
    int fd = connect_to(path);

    memset(line, ' ', size);
    say(fd, line, size);
    say_text(fd, "\n" CHECK_CALL(1));
    ck_assert_str_eq(
        hear(fd, 2),
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"a line longer "
        "than 2097152 bytes\",\"data\":{\"name\":\"parse_error\"}}}\n" CHECK_ANSWER(1));
    line[RPC_LINE_MAX] = '\n'; /* the longest that will do; blank */
    say(fd, line, RPC_LINE_MAX + 1);
    say_text(fd, CHECK_CALL(2));
    ck_assert_str_eq(hear(fd, 1), CHECK_ANSWER(2));
    free(line);
    close(fd);
    wait_clients(0);
}
END_TEST

/* The last of them have no room for theirs, and are told so. */
START_TEST(lines_that_do_not_end_fill_no_memory)
{
    static char part[RPC_LINE_MAX - 1];
    int fds[UNREAD_ALL_MAX / sizeof part + 2];
    size_t count = sizeof fds / sizeof fds[0], refused = 0;

    memset(part, ' ', sizeof part);
    for (size_t i = 0; i < count; i++) {
        char answer[256];
        size_t at = 0;
        fds[i] = connect_to(path);
        for (int n = 0; n < TURNS_MAX && at < sizeof part; n++) {
            ssize_t sent = send(fds[i], part + at, sizeof part - at, MSG_NOSIGNAL);
            turn();
            if (sent < 0 && errno != EAGAIN)
                break;
            at += sent > 0 ? (size_t)sent : 0;
        }
        refused += recv(fds[i], answer, sizeof answer, 0) > 0 &&
                   memmem(answer, sizeof answer, "\"code\":429", 10) != NULL;
    }
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_lt(refused, 4);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    wait_clients(0);
}
END_TEST

START_TEST(http_is_spoken_where_it_begins)
{
    int fd = connect_to(path);

    say_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 59\r\n\r\n"
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}");
    const char *answer = hear(fd, SIZE_MAX);
    ck_assert_ptr_eq(strstr(answer, "HTTP/1.1 200 "), answer);
    ck_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, CHECK_ANSWER(1));
    close(fd);
    fd = connect_to(path);
    say_text(fd, "G");
    say_text(fd, "ET /nothing HTTP/1.0\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(hear(fd, SIZE_MAX), " 404 "));
    close(fd);
    wait_clients(0);
}
END_TEST

START_TEST(http_is_not_spoken_later)
{
    int fd = connect_to(path);

    say_text(fd, CHECK_CALL(1));
    hear(fd, 1);
    say_text(fd, "GET / HTTP/1.0\r\n");
    ck_assert_ptr_nonnull(strstr(hear(fd, 1), "-32700"));
    close(fd);
    wait_clients(0);
}
END_TEST

START_TEST(the_file_has_its_mode_and_its_owner)
{
    char other[PATH_MAX], long_path[200];
    struct stat found;

    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 07777, 0600);
    ck_assert_int_eq(rpc_server_listen(server, path, 0600, RPC_ACCESS_FULL, detail), ERR_IN_USE);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    ck_assert_int_eq(rpc_server_listen(server, long_path, 0600, RPC_ACCESS_FULL, detail),
                     ERR_TOO_BIG);
    ck_assert_int_eq(rpc_server_listen(server, scratch.path, 0600, RPC_ACCESS_FULL, detail),
                     ERR_IO);

    scratch_path(&scratch, "ro.sock", other);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, other, strlen(other) + 1);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead); /* the file stays, nobody listens */
    umask(077);
    ck_assert_int_eq(rpc_server_listen(server, other, 0666, RPC_ACCESS_READ, detail), ERR_OK);
    ck_assert_int_eq(stat(other, &found), 0);
    ck_assert_uint_eq(found.st_mode & 07777, 0666);
    int fd = connect_to(other);
    say_text(fd, RELOAD_CALL);
    ck_assert_ptr_nonnull(strstr(hear(fd, 1), "\"read_only\""));
    close(fd);
}
END_TEST

START_TEST(another_ones_file_is_left_alone)
{
    unlink(path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    rpc_server_close(server);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

START_TEST(too_many_clients_are_told_so)
{
    static int fds[RPC_CLIENTS_MAX];
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < RPC_CLIENTS_MAX; i++) {
        fds[i] = connect_to(path);
        turn();
    }
    wait_clients(RPC_CLIENTS_MAX);
    int extra = connect_to(path);
    ck_assert_ptr_nonnull(strstr(hear(extra, SIZE_MAX), "\"busy\""));
    close(extra);
    say_text(fds[0], CHECK_CALL(1));
    ck_assert_str_eq(hear(fds[0], 1), CHECK_ANSWER(1));
    for (size_t i = 0; i < RPC_CLIENTS_MAX; i++)
        close(fds[i]);
    wait_clients(0);
}
END_TEST

START_TEST(readers_do_not_lock_the_owner_out)
{
    static int fds[RPC_CLIENTS_READ_MAX];
    struct rlimit limit;
    char other[PATH_MAX];

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    scratch_path(&scratch, "ro.sock", other);
    ck_assert_int_eq(rpc_server_listen(server, other, 0666, RPC_ACCESS_READ, detail), ERR_OK);
    for (size_t i = 0; i < RPC_CLIENTS_READ_MAX; i++) {
        fds[i] = connect_to(other);
        turn();
    }
    wait_clients(RPC_CLIENTS_READ_MAX);
    int extra = connect_to(other);
    ck_assert_ptr_nonnull(strstr(hear(extra, SIZE_MAX), "\"busy\""));
    close(extra);
    int owner = connect_to(path);
    say_text(owner, CHECK_CALL(1));
    ck_assert_str_eq(hear(owner, 1), CHECK_ANSWER(1));
    close(owner);
    for (size_t i = 0; i < RPC_CLIENTS_READ_MAX; i++)
        close(fds[i]);
    wait_clients(0);
    extra = connect_to(other);
    say_text(extra, CHECK_CALL(2));
    ck_assert_ptr_null(strstr(hear(extra, 1), "\"busy\""));
    close(extra);
}
END_TEST

START_TEST(closing_answers_what_is_pending)
{
    int fd = connect_to(path);

    say_text(fd, RELOAD_CALL);
    for (int i = 0; i < TURNS_MAX && fake.ticket == 0; i++)
        turn();
    rpc_server_close(server);
    ck_assert_ptr_nonnull(strstr(hear(fd, SIZE_MAX), "\"stopping\""));
    close(fd);
}
END_TEST

START_TEST(stop_answers_first)
{
    int fd = connect_to(path);

    say_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop\"}\n");
    ck_assert_str_eq(hear(fd, 1),
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"xord is stopping\"}\n");
    ck_assert(fake.is_stopped);
    close(fd);
}
END_TEST

/* A listening socket as a service manager would hand it over. */
static int made_elsewhere(const char *where)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(chmod(where, 0604), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

START_TEST(a_socket_made_elsewhere_is_served_and_left)
{
    char other[PATH_MAX];
    struct stat found;

    scratch_path(&scratch, "other.sock", other);
    int waiting, listening = made_elsewhere(other);
    waiting = connect_to(other); /* before anybody served it */
    ck_assert_int_eq(rpc_server_adopt(server, dup(listening), RPC_ACCESS_READ), ERR_OK);
    say_text(waiting, CHECK_CALL(1) "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"stop\"}\n");
    hear(waiting, 2);
    ck_assert_ptr_nonnull(strstr(got.data, CHECK_ANSWER(1)));
    ck_assert_ptr_nonnull(strstr(got.data, "\"read_only\""));
    rpc_server_close(server);
    ck_assert_int_eq(lstat(other, &found), 0);
    ck_assert_int_eq(found.st_mode & 0777, 0604);
    close(connect_to(other)); /* whoever made it still listens */
    close(waiting);
    close(listening);
    unlink(other);
}
END_TEST

START_TEST(no_more_sockets_than_there_is_room_for)
{
    char other[PATH_MAX];
    int taken = 0, fd;

    scratch_path(&scratch, "other.sock", other);
    int listening = made_elsewhere(other);
    unlink(other);
    do
        fd = dup(listening);
    while (rpc_server_adopt(server, fd, RPC_ACCESS_READ) == ERR_OK && taken++ < 100);
    ck_assert_int_eq(taken, 5); /* and the one of the fixture */
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    close(listening);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, answers_lines_however_they_are_cut);
    tcase_add_test(tests, a_half_close_waits_for_its_answers);
    tcase_add_test(tests, a_client_that_vanishes_is_forgotten);
    tcase_add_test(tests, who_does_not_read_is_not_read);
    tcase_add_test(tests, others_have_their_turn_between_lines);
    tcase_add_test(tests, others_have_their_turn_within_a_batch);
    tcase_add_test(tests, lines_after_a_batch_keep_their_order);
    tcase_add_test(tests, who_vanishes_within_a_batch_is_forgotten);
    tcase_add_test(tests, a_batch_is_answered_before_the_stop);
    tcase_add_test(tests, a_long_line_is_skipped);
    tcase_add_test(tests, lines_that_do_not_end_fill_no_memory);
    tcase_add_test(tests, http_is_spoken_where_it_begins);
    tcase_add_test(tests, http_is_not_spoken_later);
    tcase_add_test(tests, the_file_has_its_mode_and_its_owner);
    tcase_add_test(tests, another_ones_file_is_left_alone);
    tcase_add_test(tests, a_socket_made_elsewhere_is_served_and_left);
    tcase_add_test(tests, no_more_sockets_than_there_is_room_for);
    tcase_add_test(tests, too_many_clients_are_told_so);
    tcase_add_test(tests, readers_do_not_lock_the_owner_out);
    tcase_add_test(tests, closing_answers_what_is_pending);
    tcase_add_test(tests, stop_answers_first);
}
