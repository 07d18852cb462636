/* The client finds the daemon where it was told to look, takes the reply that is its own, and says
 * clearly when nobody is there or the connection ends. */
#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/client/client_socket.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static char path[PATH_MAX];
static char error[CLIENT_ERROR_SIZE];
static pid_t server;

/* A server that answers one request with these bytes, in a process of its own. */
static void serve(const char *answer)
{
    scratch_path(&scratch, "rpc.sock", path);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(path), sizeof addr.sun_path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    server = fork();
    if (server == 0) {
        char request[256];
        int fd = accept(listener, NULL, NULL);
        bool is_read = read(fd, request, sizeof request) > 0;
        bool is_sent = write(fd, answer, strlen(answer)) > 0;
        _exit(is_read && is_sent ? 0 : 1);
    }
    close(listener);
}

static void setup(void)
{
    scratch_make(&scratch);
    unsetenv("XORD_RPC_SOCKET");
    server = 0;
}

static void teardown(void)
{
    if (server != 0) {
        waitpid(server, NULL, 0);
    }
    scratch_remove(&scratch);
}

/* One call to the server: its reply's result, or NULL with the error. */
static json_t *call(const struct client_args *args)
{
    struct client_socket client;
    ck_assert_msg(client_socket_open(&client, args, true, error), "said: %s", error);
    json_t *request = json_pack("{s:i, s:s}", "id", 1, "method", "getinfo");
    json_t *reply = client_socket_call(&client, request, error);
    json_t *result = json_incref(json_object_get(reply, "result"));
    json_decref(reply);
    json_decref(request);
    client_socket_close(&client);
    return result;
}

START_TEST(the_reply_with_its_id_is_taken)
{
    serve("{\"id\":7,\"result\":1}\n{\"method\":\"listen\"}\n{\"id\":1,\"result\":2}\n");
    struct client_args args = {.data_dir = scratch.path};
    json_t *result = call(&args);
    ck_assert_int_eq(json_integer_value(result), 2);
    json_decref(result);
}
END_TEST

START_TEST(the_environment_names_a_socket)
{
    serve("{\"id\":1,\"result\":3}\n");
    setenv("XORD_RPC_SOCKET", path, 1);
    json_t *result = call(&(struct client_args){0});
    ck_assert_int_eq(json_integer_value(result), 3);
    json_decref(result);
}
END_TEST

START_TEST(a_connection_that_ends_is_told)
{
    serve("{\"id\":1,\"resu");
    struct client_args args = {.rpc_socket = path};
    ck_assert_ptr_null(call(&args));
    ck_assert_ptr_nonnull(strstr(error, "ended the connection"));
}
END_TEST

START_TEST(an_answer_that_is_not_json_is_told)
{
    serve("hello\n");
    struct client_args args = {.rpc_socket = path};
    ck_assert_ptr_null(call(&args));
    ck_assert_ptr_nonnull(strstr(error, "not JSON"));
}
END_TEST

START_TEST(nobody_there_is_told_with_the_place)
{
    struct client_socket client;
    struct client_args args = {.data_dir = "/nonexistent/folder"};
    ck_assert(!client_socket_open(&client, &args, true, error));
    ck_assert_ptr_nonnull(strstr(error, "/nonexistent/folder/rpc.sock"));
    client_socket_close(&client);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    struct client_socket client;
    struct client_args args = {.rpc_socket = longest, .is_waiting = true};
    ck_assert(!client_socket_open(&client, &args, true, error));
    ck_assert_ptr_nonnull(strstr(error, "too long"));
    client_socket_close(&client);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_reply_with_its_id_is_taken);
    tcase_add_test(tests, the_environment_names_a_socket);
    tcase_add_test(tests, a_connection_that_ends_is_told);
    tcase_add_test(tests, an_answer_that_is_not_json_is_told);
    tcase_add_test(tests, nobody_there_is_told_with_the_place);
    tcase_add_test(tests, a_path_that_is_too_long_is_refused);
}
