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
#include "rpc/unread.h"
#include "tests/rpc/serving.h"
#include "tests/runner.h"

#define RELOAD_REQUEST "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}"
#define RELOAD_CALL    RELOAD_REQUEST "\n"
#define RELOAD_ANSWER  "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":true}\n"

static struct serving *s;
static char detail[RPC_DETAIL_SIZE];

START_TEST(answers_lines_however_they_are_cut)
{
    static const char lines[] = CHECK_CALL(1) "\r\n\n" CHECK_CALL(2) "nonsense\n" CHECK_CALL(3);
    int fd = serving_connect(s->path);

    for (size_t i = 0; i < sizeof lines - 1; i++)
        serving_say(s, fd, lines + i, 1);
    ck_assert_str_eq(serving_hear(s, fd, 4),
                     CHECK_ANSWER(1) CHECK_ANSWER(2) "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"
                                                     "\"code\":-32700,\"message\":\"not valid "
                                                     "JSON: invalid token near 'nonsense', at byte "
                                                     "8\",\"data\":{\"name\":\"parse_error\"}}}"
                                                     "\n" CHECK_ANSWER(3));
    serving_say(s, fd, lines, sizeof lines - 1);
    serving_hear(s, fd, 4);
    close(fd);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(a_half_close_waits_for_its_answers)
{
    int fd = serving_connect(s->path);

    serving_say_text(s, fd, RELOAD_CALL CHECK_CALL(1));
    serving_say(s, fd, CHECK_CALL(2), sizeof CHECK_CALL(2) - 2); /* without its line feed */
    shutdown(fd, SHUT_WR);
    serving_hear(s, fd, 2);
    ck_assert_str_eq(s->got.data, CHECK_ANSWER(1) CHECK_ANSWER(2));
    ck_assert_uint_eq(rpc_server_clients(s->server), 1);
    rpc_server_done(s->server, s->fake.ticket, ERR_OK, NULL);
    ck_assert_str_eq(serving_hear(s, fd, SIZE_MAX), RELOAD_ANSWER);
    close(fd);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(a_client_that_vanishes_is_forgotten)
{
    int fd = serving_connect(s->path);

    serving_say_text(s, fd, RELOAD_CALL);
    serving_wait_clients(s, 1);
    close(fd);
    serving_wait_clients(s, 0);
    rpc_server_done(s->server, s->fake.ticket, ERR_OK, NULL);

    fd = serving_connect(s->path); /* half-closed first, gone after */
    serving_say_text(s, fd, RELOAD_CALL);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 100; i++)
        serving_turn(s);
    ck_assert_uint_eq(rpc_server_clients(s->server), 1);
    close(fd);
    serving_wait_clients(s, 0);
    rpc_server_done(s->server, s->fake.ticket, ERR_OK, NULL);
}
END_TEST

START_TEST(who_does_not_read_is_not_read)
{
    static char calls[400 * sizeof "{\"id\":1,\"method\":\"help\"}\n"];
    int deaf = serving_connect(s->path), other = serving_connect(s->path);
    size_t taken = 0, size = 0;

    for (int i = 0; i < 400; i++)
        size += (size_t)snprintf(calls + size, sizeof calls - size,
                                 "{\"id\":%d,\"method\":\"help\"}\n", i % 10);
    for (int i = 0; i < 1000; i++) {
        ssize_t sent = send(deaf, calls, size, MSG_NOSIGNAL);
        taken += sent > 0 ? (size_t)sent : 0;
        serving_turn(s);
        if (sent < 0 && errno == EAGAIN && i > 500)
            break;
    }
    ck_assert_uint_lt(taken, 1000 * size);
    serving_say_text(s, other, CHECK_CALL(1));
    ck_assert_str_eq(serving_hear(s, other, 1), CHECK_ANSWER(1));
    serving_hear(s, deaf, taken / (size / 400)); /* reads again: all that was taken is answered */
    close(deaf);
    close(other);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(a_long_line_is_skipped)
{
    size_t size = RPC_LINE_MAX + 100000;
    char *line = malloc(size);
    int fd = serving_connect(s->path);

    memset(line, ' ', size);
    serving_say(s, fd, line, size);
    serving_say_text(s, fd, "\n" CHECK_CALL(1));
    ck_assert_str_eq(
        serving_hear(s, fd, 2),
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"a line longer "
        "than 2097152 bytes\",\"data\":{\"name\":\"parse_error\"}}}\n" CHECK_ANSWER(1));
    line[RPC_LINE_MAX] = '\n'; /* the longest that will do; blank */
    serving_say(s, fd, line, RPC_LINE_MAX + 1);
    serving_say_text(s, fd, CHECK_CALL(2));
    ck_assert_str_eq(serving_hear(s, fd, 1), CHECK_ANSWER(2));
    free(line);
    close(fd);
    serving_wait_clients(s, 0);
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
        fds[i] = serving_connect(s->path);
        for (int n = 0; n < SERVING_TURNS_MAX && at < sizeof part; n++) {
            ssize_t sent = send(fds[i], part + at, sizeof part - at, MSG_NOSIGNAL);
            serving_turn(s);
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
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(http_is_spoken_where_it_begins)
{
    int fd = serving_connect(s->path);

    serving_say_text(s, fd,
                     "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 59\r\n\r\n"
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}");
    const char *answer = serving_hear(s, fd, SIZE_MAX);
    ck_assert_ptr_eq(strstr(answer, "HTTP/1.1 200 "), answer);
    ck_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, CHECK_ANSWER(1));
    close(fd);
    fd = serving_connect(s->path);
    serving_say_text(s, fd, "G");
    serving_say_text(s, fd, "ET /nothing HTTP/1.0\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(serving_hear(s, fd, SIZE_MAX), " 404 "));
    close(fd);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(http_is_not_spoken_later)
{
    int fd = serving_connect(s->path);

    serving_say_text(s, fd, CHECK_CALL(1));
    serving_hear(s, fd, 1);
    serving_say_text(s, fd, "GET / HTTP/1.0\r\n");
    ck_assert_ptr_nonnull(strstr(serving_hear(s, fd, 1), "-32700"));
    close(fd);
    serving_wait_clients(s, 0);
}
END_TEST

START_TEST(the_file_has_its_mode_and_its_owner)
{
    char other[PATH_MAX], long_path[200];
    struct stat found;

    ck_assert_int_eq(stat(s->path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 07777, 0600);
    ck_assert_int_eq(rpc_server_listen(s->server, s->path, 0600, RPC_ACCESS_FULL, detail),
                     ERR_IN_USE);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    ck_assert_int_eq(rpc_server_listen(s->server, long_path, 0600, RPC_ACCESS_FULL, detail),
                     ERR_TOO_BIG);
    ck_assert_int_eq(rpc_server_listen(s->server, s->scratch.path, 0600, RPC_ACCESS_FULL, detail),
                     ERR_IO);

    scratch_path(&s->scratch, "ro.sock", other);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, other, strlen(other) + 1);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead); /* the file stays, nobody listens */
    umask(077);
    ck_assert_int_eq(rpc_server_listen(s->server, other, 0666, RPC_ACCESS_READ, detail), ERR_OK);
    ck_assert_int_eq(stat(other, &found), 0);
    ck_assert_uint_eq(found.st_mode & 07777, 0666);
    int fd = serving_connect(other);
    serving_say_text(s, fd, RELOAD_CALL);
    ck_assert_ptr_nonnull(strstr(serving_hear(s, fd, 1), "\"read_only\""));
    close(fd);
}
END_TEST

START_TEST(another_ones_file_is_left_alone)
{
    unlink(s->path);
    int fd = open(s->path, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    rpc_server_close(s->server);
    ck_assert_int_eq(access(s->path, F_OK), 0);
    unlink(s->path);
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
        fds[i] = serving_connect(s->path);
        serving_turn(s);
    }
    serving_wait_clients(s, RPC_CLIENTS_MAX);
    int extra = serving_connect(s->path);
    ck_assert_ptr_nonnull(strstr(serving_hear(s, extra, SIZE_MAX), "\"busy\""));
    close(extra);
    serving_say_text(s, fds[0], CHECK_CALL(1));
    ck_assert_str_eq(serving_hear(s, fds[0], 1), CHECK_ANSWER(1));
    for (size_t i = 0; i < RPC_CLIENTS_MAX; i++)
        close(fds[i]);
    serving_wait_clients(s, 0);
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
    scratch_path(&s->scratch, "ro.sock", other);
    ck_assert_int_eq(rpc_server_listen(s->server, other, 0666, RPC_ACCESS_READ, detail), ERR_OK);
    for (size_t i = 0; i < RPC_CLIENTS_READ_MAX; i++) {
        fds[i] = serving_connect(other);
        serving_turn(s);
    }
    serving_wait_clients(s, RPC_CLIENTS_READ_MAX);
    int extra = serving_connect(other);
    ck_assert_ptr_nonnull(strstr(serving_hear(s, extra, SIZE_MAX), "\"busy\""));
    close(extra);
    int owner = serving_connect(s->path);
    serving_say_text(s, owner, CHECK_CALL(1));
    ck_assert_str_eq(serving_hear(s, owner, 1), CHECK_ANSWER(1));
    close(owner);
    for (size_t i = 0; i < RPC_CLIENTS_READ_MAX; i++)
        close(fds[i]);
    serving_wait_clients(s, 0);
    extra = serving_connect(other);
    serving_say_text(s, extra, CHECK_CALL(2));
    ck_assert_ptr_null(strstr(serving_hear(s, extra, 1), "\"busy\""));
    close(extra);
}
END_TEST

START_TEST(closing_answers_what_is_pending)
{
    int fd = serving_connect(s->path);

    serving_say_text(s, fd, RELOAD_CALL);
    for (int i = 0; i < SERVING_TURNS_MAX && s->fake.ticket == 0; i++)
        serving_turn(s);
    rpc_server_close(s->server);
    ck_assert_ptr_nonnull(strstr(serving_hear(s, fd, SIZE_MAX), "\"stopping\""));
    close(fd);
}
END_TEST

START_TEST(stop_answers_first)
{
    int fd = serving_connect(s->path);

    serving_say_text(s, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop\"}\n");
    ck_assert_str_eq(serving_hear(s, fd, 1),
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"xord is stopping\"}\n");
    ck_assert(s->fake.is_stopped);
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

    scratch_path(&s->scratch, "other.sock", other);
    int waiting, listening = made_elsewhere(other);
    waiting = serving_connect(other); /* before anybody served it */
    ck_assert_int_eq(rpc_server_adopt(s->server, dup(listening), RPC_ACCESS_READ), ERR_OK);
    serving_say_text(s, waiting,
                     CHECK_CALL(1) "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"stop\"}\n");
    serving_hear(s, waiting, 2);
    ck_assert_ptr_nonnull(strstr(s->got.data, CHECK_ANSWER(1)));
    ck_assert_ptr_nonnull(strstr(s->got.data, "\"read_only\""));
    rpc_server_close(s->server);
    ck_assert_int_eq(lstat(other, &found), 0);
    ck_assert_int_eq(found.st_mode & 0777, 0604);
    close(serving_connect(other)); /* whoever made it still listens */
    close(waiting);
    close(listening);
    unlink(other);
}
END_TEST

START_TEST(no_more_sockets_than_there_is_room_for)
{
    char other[PATH_MAX];
    int taken = 0, fd;

    scratch_path(&s->scratch, "other.sock", other);
    int listening = made_elsewhere(other);
    unlink(other);
    do
        fd = dup(listening);
    while (rpc_server_adopt(s->server, fd, RPC_ACCESS_READ) == ERR_OK && taken++ < 100);
    ck_assert_int_eq(taken, 5); /* and the one of the fixture */
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    close(listening);
}
END_TEST

void add_tests(TCase *tests)
{
    s = serving_fixture(tests);
    tcase_add_test(tests, answers_lines_however_they_are_cut);
    tcase_add_test(tests, a_half_close_waits_for_its_answers);
    tcase_add_test(tests, a_client_that_vanishes_is_forgotten);
    tcase_add_test(tests, who_does_not_read_is_not_read);
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
