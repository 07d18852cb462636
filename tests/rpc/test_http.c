/* HTTP on a connection that was handed over: calls with the door's rights, answered when they end;
 * pages; refusals; and connections that say nothing, are too many or are cut off by a stop. */
#include "rpc/server/http.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/server/http_events.h"
#include "rpc/server/status_page.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

#define TURNS_MAX 100000 /* of the loop until a test gives up waiting */

static struct fake_host fake;
static struct dispatch dispatch;
static struct http *http;
static uv_loop_t loop;
static char got[256 * 1024];
static size_t got_size;

static void open_http(const char *library)
{
    http = http_new(&loop, &dispatch, library);
    ck_assert_ptr_nonnull(http);
}

static void close_http(void)
{
    http_close(http);
    http_close(http);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(http_is_closed(http));
    http_free(http);
}

static void setup(void)
{
    fake_host_init(&fake);
    dispatch_init(&dispatch, &fake.host, NULL);
    uv_loop_init(&loop);
    open_http(HTTP_LIBRARY);
}

static void teardown(void)
{
    close_http();
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    dispatch_clear(&dispatch);
    fake_host_clear(&fake);
}

static void turn(void)
{
    http_flush(http);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static int open_door(enum rpc_access access)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    http_take(http, fds[0], access, geteuid());
    return fds[1];
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads on until `until` has come, or, NULL, the end. */
static const char *hear(int fd, const char *until)
{
    bool is_there = false;

    got_size = 0;
    for (int i = 0; i < TURNS_MAX && !is_there; i++) {
        turn();
        ssize_t size = recv(fd, got + got_size, sizeof got - 1 - got_size, 0);
        if (size > 0)
            got_size += (size_t)size;
        got[got_size] = '\0';
        is_there = until != NULL ? strstr(got, until) != NULL : size == 0;
    }
    ck_assert_msg(is_there, "no \"%s\" in: %s", until != NULL ? until : "end", got);
    return got;
}

static const char *post(int fd, const char *body, const char *until)
{
    char request[1024];

    snprintf(request, sizeof request, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    say(fd, request);
    return hear(fd, until);
}

static bool is_counted(unsigned status)
{
    for (size_t i = 0; i < METRICS_HTTP_STATUSES; i++)
        if (dispatch.metrics.http[i].status == status)
            return true;
    return false;
}

static void check_status(const char *request, int status)
{
    char expected[32];
    int fd = open_door(RPC_ACCESS_FULL);

    snprintf(expected, sizeof expected, "HTTP/1.1 %d ", status);
    say(fd, request);
    hear(fd, "\r\n\r\n");
    ck_assert_msg(strncmp(got, expected, strlen(expected)) == 0, "%s: %s", request, got);
    close(fd);
}

START_TEST(calls_are_answered_on_one_connection)
{
    int fd = open_door(RPC_ACCESS_FULL);

    for (int i = 0; i < 3; i++) {
        post(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}",
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n");
        ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 200 "));
        ck_assert_ptr_nonnull(strstr(got, "Content-Type: application/json\r\n"));
    }
    ck_assert_uint_eq(dispatch.client_count, 0);
    post(fd, "[{\"id\":1,\"method\":\"check\",\"params\":[\"help\"]},5]", "-32600");
    post(fd, "nonsense", "-32700");
    post(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"check\",\"params\":[\"help\"]}", "204 No Content");
    close(fd);
}
END_TEST

START_TEST(the_door_gives_the_rights)
{
    int full = open_door(RPC_ACCESS_FULL), read = open_door(RPC_ACCESS_READ);
    static const char call[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"setlog\",\"params\":["
                               "\"debug\"]}";

    post(full, call, "\"result\":true");
    post(read, call, "\"code\":403");
    close(full);
    close(read);
}
END_TEST

START_TEST(a_call_that_takes_long_is_answered_when_it_ends)
{
    int fd = open_door(RPC_ACCESS_FULL), other = open_door(RPC_ACCESS_FULL);

    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 46\r\n\r\n"
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}     ");
    for (int i = 0; i < TURNS_MAX && fake.ticket == 0; i++)
        turn();
    ck_assert_uint_ne(fake.ticket, 0);
    post(other, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\"}", "\"result\"");
    ck_assert_uint_eq(dispatch.client_count, 1);
    dispatch_done(&dispatch, fake.ticket, ERR_OK, NULL);
    hear(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":true}\n");
    ck_assert_uint_eq(dispatch.client_count, 0);
    close(fd);
    close(other);
}
END_TEST

START_TEST(who_vanishes_has_the_call_cancelled)
{
    int fd = open_door(RPC_ACCESS_FULL);

    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 46\r\n\r\n"
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}     ");
    for (int i = 0; i < TURNS_MAX && fake.ticket == 0; i++)
        turn();
    close(fd);
    fake.now.ms += 5000;
    while (dispatch.client_count > 0) {
        http_flush(http);
        uv_run(&loop, UV_RUN_ONCE); /* until the next look at who has gone */
    }
    dispatch_done(&dispatch, fake.ticket, ERR_OK, NULL); /* too late, and harmless */
}
END_TEST

START_TEST(a_request_that_does_not_end_is_not_waited_for)
{
    int fd = open_door(RPC_ACCESS_FULL);

    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{");
    turn();
    fake.now.ms += HTTP_REQUEST_MS + 1;
    while (recv(fd, got, 1, 0) != 0) {
        http_flush(http);
        uv_run(&loop, UV_RUN_ONCE);
    }
    ck_assert(is_counted(408));
    close(fd);
}
END_TEST

START_TEST(a_silent_stream_of_events_says_that_it_lives)
{
    int fd = open_door(RPC_ACCESS_READ);
    bool is_told = false;

    say(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(fd, ": what this xord does\n\n");
    ck_assert_uint_ne(dispatch.taps.classes, 0);
    fake.now.ms += HTTP_EVENTS_BEAT_MS + 1;
    while (!is_told) {
        http_flush(http);
        uv_run(&loop, UV_RUN_ONCE);
        ssize_t size = recv(fd, got, sizeof got - 1, 0);
        got[size > 0 ? size : 0] = '\0';
        is_told = strstr(got, ":\n\n") != NULL;
    }
    http_stop(http);
    hear(fd, "0\r\n\r\n"); /* the last chunk */
    ck_assert_uint_eq(dispatch.taps.classes, 0);
    close(fd);
}
END_TEST

START_TEST(pages_and_what_is_none)
{
    check_status("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    ck_assert_ptr_nonnull(strstr(got, "Content-Type: text/html"));
    ck_assert_ptr_nonnull(strstr(got, "Content-Security-Policy: default-src 'none'"));
    check_status("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    check_status("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    ck_assert_ptr_nonnull(strstr(got, "Content-Type: text/plain; version=0.0.4"));
    check_status("GET /status HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    check_status("GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    check_status("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405);
    check_status("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    check_status("GET nonsense\r\n\r\n", 400);
    ck_assert_uint_lt(status_page().size, 40 * 1024);
}
END_TEST

START_TEST(a_page_says_what_it_takes)
{
    check_status("PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    ck_assert_ptr_nonnull(strstr(got, "Allow: GET, HEAD, POST\r\n"));
    check_status("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405);
    ck_assert_ptr_nonnull(strstr(got, "Allow: GET, HEAD\r\n"));
    check_status("HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    ck_assert_ptr_nonnull(strstr(got, "Allow: GET\r\n"));
    check_status("GET http://x:80/metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200);
}
END_TEST

/* Such a request is answered at once, and nothing behind it is taken for another. */
START_TEST(what_could_be_read_in_two_ways_is_refused)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 40\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n",
    };

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        int fd = open_door(RPC_ACCESS_FULL);
        say(fd, heads[i]);
        say(fd, "\r\n{}GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        hear(fd, NULL);
        ck_assert_msg(strncmp(got, "HTTP/1.1 400 ", 13) == 0, "%s: %s", heads[i], got);
        ck_assert_ptr_null(strstr(got, " 200 "));
        close(fd);
    }
    ck_assert(is_counted(400));
}
END_TEST

START_TEST(pages_of_others_call_nothing)
{
    check_status("POST / HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nContent-Length: 2\r\n\r\n{}",
                 403);
    check_status("GET /events HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.com\r\n\r\n", 403);
    check_status("GET /events HTTP/1.1\r\nHost: x\r\nOrigin: null\r\n\r\n", 403);
    check_status("GET /status HTTP/1.1\r\nHost: x\r\nOrigin: http://X\r\n\r\n", 200);
}
END_TEST

START_TEST(a_long_head_is_refused)
{
    static char head[2 * HTTP_MEMORY_MAX];

    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: x\r\nX: %0*d\r\n\r\n", HTTP_MEMORY_MAX, 0);
    check_status(head, 431);
    snprintf(head, sizeof head, "GET /%0*d HTTP/1.1\r\n\r\n", HTTP_MEMORY_MAX, 0);
    check_status(head, 414);
    ck_assert(is_counted(431));
}
END_TEST

START_TEST(beyond_the_limit_connections_are_told_so)
{
    int fds[HTTP_CONNECTIONS_MAX], fd;

    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        fds[i] = open_door(RPC_ACCESS_FULL);
    fd = open_door(RPC_ACCESS_FULL);
    ck_assert_ptr_nonnull(strstr(hear(fd, NULL), "HTTP/1.1 503 "));
    close(fd);
    close(fds[0]);
    for (int i = 0; i < 10; i++)
        turn();
    check_status("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    for (int i = 1; i < HTTP_CONNECTIONS_MAX; i++)
        close(fds[i]);
}
END_TEST

START_TEST(who_may_only_read_does_not_lock_the_owner_out)
{
    int fds[HTTP_CONNECTIONS_READ_MAX], fd;

    for (int i = 0; i < HTTP_CONNECTIONS_READ_MAX; i++)
        fds[i] = open_door(RPC_ACCESS_READ);
    fd = open_door(RPC_ACCESS_READ);
    ck_assert_ptr_nonnull(strstr(hear(fd, NULL), "HTTP/1.1 503 "));
    close(fd);
    check_status("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    for (int i = 0; i < HTTP_CONNECTIONS_READ_MAX; i++)
        close(fds[i]);
    for (int i = 0; i < 10; i++)
        turn();
    fd = open_door(RPC_ACCESS_READ);
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(hear(fd, "\r\n\r\n"), "HTTP/1.1 200 "));
    close(fd);
}
END_TEST

static int listen_tcp(struct sockaddr_in *name)
{
    socklen_t size = sizeof *name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)name, sizeof *name), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)name, &size), 0);
    return fd;
}

static enum err serve_tcp(struct sockaddr_in *name, char detail[RPC_DETAIL_SIZE])
{
    int fd = listen_tcp(name);
    struct http_hosts hosts = {
        .bound = {.family = ADDR_V4, .port = ntohs(name->sin_port), .ip = {127, 0, 0, 1}}};

    return http_listen(http, fd, &hosts, detail);
}

static int open_tcp_door(void)
{
    struct sockaddr_in name;
    char detail[RPC_DETAIL_SIZE];

    ck_assert_int_eq(serve_tcp(&name, detail), ERR_OK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(client, (struct sockaddr *)&name, sizeof name);
    return client;
}

/* The loop sleeps meanwhile, and who came is served when there are some again. */
START_TEST(without_descriptors_nobody_is_taken_in)
{
    struct rlimit before, none = {0};
    int fd = open_tcp_door();
    struct pollfd loop_fd = {.fd = uv_backend_fd(&loop), .events = POLLIN};

    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    for (int i = 0; i < 3; i++)
        turn();
    setrlimit(RLIMIT_NOFILE, &before);
    ck_assert_int_eq(poll(&loop_fd, 1, 0), 0);
    say(fd, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
    fake.now.ms += 5000;
    for (got_size = 0; got_size == 0;) {
        http_flush(http);
        uv_run(&loop, UV_RUN_ONCE); /* until the next look */
        ssize_t size = recv(fd, got, sizeof got, 0);
        got_size = size > 0 ? (size_t)size : 0;
    }
    ck_assert_int_eq(strncmp(got, "HTTP/1.1 200 ", 13), 0);
    close(fd);
}
END_TEST

START_TEST(without_its_library_clients_are_told_so)
{
    struct sockaddr_in name;
    char detail[RPC_DETAIL_SIZE] = "";

    close_http();
    open_http("libxord-none.so.1");
    for (int i = 0; i < 2; i++) {
        int fd = open_door(RPC_ACCESS_FULL);
        ck_assert_int_eq(strncmp(hear(fd, NULL), "HTTP/1.1 503 ", 13), 0);
        ck_assert_ptr_nonnull(strstr(got, "libxord-none.so.1"));
        close(fd);
    }
    ck_assert(is_counted(503));
    ck_assert_int_eq(serve_tcp(&name, detail), ERR_IO);
    ck_assert_ptr_nonnull(strstr(detail, "libxord-none.so.1"));
    ck_assert_int_eq(http_bound(http).family, ADDR_NONE);
}
END_TEST

/* Nothing is kept of the attempt, and the next one finds some. */
START_TEST(without_descriptors_it_begins_later)
{
    struct rlimit before, none = {0};
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    http_take(http, fds[0], RPC_ACCESS_FULL, geteuid());
    setrlimit(RLIMIT_NOFILE, &before);
    ck_assert_ptr_nonnull(strstr(hear(fds[1], NULL), "HTTP/1.1 503 "));
    close(fds[1]);
    check_status("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200);
}
END_TEST

START_TEST(a_stop_answers_what_waits)
{
    int fd = open_door(RPC_ACCESS_FULL), idle = open_door(RPC_ACCESS_FULL);

    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 46\r\n\r\n"
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}     ");
    for (int i = 0; i < TURNS_MAX && fake.ticket == 0; i++)
        turn();
    dispatch.is_stopping = true;
    http_stop(http);
    ck_assert_ptr_nonnull(strstr(hear(fd, NULL), "\"code\":-32002"));
    hear(idle, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(http_is_closed(http));
    fd = open_door(RPC_ACCESS_FULL);
    ck_assert_ptr_nonnull(strstr(hear(fd, NULL), "503"));
}
END_TEST

START_TEST(a_close_waits_for_nobody)
{
    int fd = open_door(RPC_ACCESS_FULL);

    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 46\r\n\r\n"
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}     ");
    for (int i = 0; i < TURNS_MAX && fake.ticket == 0; i++)
        turn();
    http_close(http);
    ck_assert_uint_eq(dispatch.client_count, 0);
    close(fd);
}
END_TEST

START_TEST(a_request_is_known_by_its_first_bytes)
{
    ck_assert(http_is_begun("G", 1));
    ck_assert(http_is_begun("GET ", 4));
    ck_assert(http_is_begun("POST / HTTP/1.1", 15));
    ck_assert(http_is_begun("PO", 2));
    ck_assert(http_is_begun("OPTIONS ", 8));
    ck_assert(!http_is_begun("", 0));
    ck_assert(!http_is_begun("{", 1));
    ck_assert(!http_is_begun("GETINFO", 7));
    ck_assert(!http_is_begun("nonsense", 8));
    ck_assert(!http_is_begun("get ", 4));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, calls_are_answered_on_one_connection);
    tcase_add_test(tests, the_door_gives_the_rights);
    tcase_add_test(tests, a_call_that_takes_long_is_answered_when_it_ends);
    tcase_add_test(tests, who_vanishes_has_the_call_cancelled);
    tcase_add_test(tests, a_request_that_does_not_end_is_not_waited_for);
    tcase_add_test(tests, a_silent_stream_of_events_says_that_it_lives);
    tcase_add_test(tests, pages_and_what_is_none);
    tcase_add_test(tests, a_page_says_what_it_takes);
    tcase_add_test(tests, what_could_be_read_in_two_ways_is_refused);
    tcase_add_test(tests, pages_of_others_call_nothing);
    tcase_add_test(tests, a_long_head_is_refused);
    tcase_add_test(tests, beyond_the_limit_connections_are_told_so);
    tcase_add_test(tests, who_may_only_read_does_not_lock_the_owner_out);
    tcase_add_test(tests, without_descriptors_nobody_is_taken_in);
    tcase_add_test(tests, without_its_library_clients_are_told_so);
    tcase_add_test(tests, without_descriptors_it_begins_later);
    tcase_add_test(tests, a_stop_answers_what_waits);
    tcase_add_test(tests, a_close_waits_for_nobody);
    tcase_add_test(tests, a_request_is_known_by_its_first_bytes);
}
