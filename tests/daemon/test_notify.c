/* A datagram reaches the service manager at a path and in the abstract name space; a manager that
 * cannot be reached costs one warning, one that does not read costs no waiting. */
#include "daemon/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define SENDS_MAX 100000 /* far beyond what a socket keeps for a reader */

static struct scratch scratch;
static struct notify notify;
static char path[PATH_MAX], got[256];
static int manager = -1;

static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "notify", path);
}

static void teardown(void)
{
    notify_close(&notify);
    if (manager >= 0)
        close(manager);
    scratch_remove(&scratch);
}

/* Listens as a manager does; a name that begins with @ is abstract. */
static void listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    ck_assert_uint_lt(length, sizeof address.sun_path);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, size), 0);
}

static const char *receive(void)
{
    ssize_t size = recv(manager, got, sizeof got - 1, 0);
    got[size > 0 ? size : 0] = '\0';
    return got;
}

/* Runs `act` and counts the lines that it writes to standard error. */
static unsigned lines_of(void (*act)(void))
{
    int pipes[2], saved = dup(STDERR_FILENO);
    unsigned lines = 0;
    char c;
    ck_assert_int_eq(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    close(pipes[1]);
    act();
    dup2(saved, STDERR_FILENO);
    close(saved);
    while (read(pipes[0], &c, 1) == 1)
        lines += c == '\n';
    close(pipes[0]);
    return lines;
}

START_TEST(it_is_told_at_a_path)
{
    listen_at(path);
    notify_open(&notify, path);
    ck_assert(notify_send(&notify, "READY=1\n"));
    ck_assert_str_eq(receive(), "READY=1\n");
    ck_assert(notify_send(&notify, "STATUS=well\n"));
    ck_assert_str_eq(receive(), "STATUS=well\n");
}
END_TEST

START_TEST(it_is_told_at_an_abstract_name)
{
    char name[64];
    snprintf(name, sizeof name, "@xord-test-%ld", (long)getpid());
    listen_at(name);
    notify_open(&notify, name);
    ck_assert(notify_send(&notify, "READY=1\n"));
    ck_assert_str_eq(receive(), "READY=1\n");
}
END_TEST

START_TEST(it_keeps_its_socket_to_itself)
{
    listen_at(path);
    notify_open(&notify, path);
    ck_assert_int_ge(notify.fd, 0);
    ck_assert_int_eq(fcntl(notify.fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

static void tell_nobody(void)
{
    notify_open(&notify, NULL);
    ck_assert(notify_send(&notify, "READY=1\n"));
}

START_TEST(without_a_manager_nothing_is_said)
{
    ck_assert_uint_eq(lines_of(tell_nobody), 0);
    ck_assert_int_eq(notify.fd, -1);
}
END_TEST

static void tell_a_place_without_manager(void)
{
    notify_open(&notify, path);
    for (int i = 0; i < 5; i++)
        ck_assert(notify_send(&notify, "READY=1\n"));
}

START_TEST(a_manager_that_is_not_there_is_warned_of_once)
{
    ck_assert_uint_eq(lines_of(tell_a_place_without_manager), 1);
}
END_TEST

START_TEST(a_manager_that_comes_back_is_told)
{
    listen_at(path);
    notify_open(&notify, path);
    close(manager);
    unlink(path);
    ck_assert(notify_send(&notify, "STATUS=unheard\n"));
    listen_at(path);
    ck_assert(notify_send(&notify, "STATUS=heard\n"));
    ck_assert_str_eq(receive(), "STATUS=heard\n");
}
END_TEST

static const char *bad_name;

static void tell_a_bad_name(void)
{
    notify_open(&notify, bad_name);
    ck_assert_int_eq(notify.fd, -1);
    ck_assert(notify_send(&notify, "READY=1\n"));
}

START_TEST(what_is_no_address_is_warned_of_once)
{
    static char longer[200] = "/";
    memset(longer + 1, 'x', sizeof longer - 2);
    const char *const names[] = {"", "/", "@", "run/notify", "vsock:2:1234", longer};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bad_name = names[i];
        ck_assert_uint_eq(lines_of(tell_a_bad_name), 1);
    }
}
END_TEST

START_TEST(a_manager_that_does_not_read_is_not_waited_for)
{
    unsigned sent = 0;
    listen_at(path);
    notify_open(&notify, path);
    while (sent < SENDS_MAX && notify_send(&notify, "WATCHDOG=1\n"))
        sent++;
    ck_assert_uint_gt(sent, 0);
    ck_assert_uint_lt(sent, SENDS_MAX);
    while (receive()[0] != '\0')
        continue;
    ck_assert(notify_send(&notify, "STOPPING=1\n"));
    ck_assert_str_eq(receive(), "STOPPING=1\n");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, it_is_told_at_a_path);
    tcase_add_test(tests, it_is_told_at_an_abstract_name);
    tcase_add_test(tests, it_keeps_its_socket_to_itself);
    tcase_add_test(tests, without_a_manager_nothing_is_said);
    tcase_add_test(tests, a_manager_that_is_not_there_is_warned_of_once);
    tcase_add_test(tests, a_manager_that_comes_back_is_told);
    tcase_add_test(tests, what_is_no_address_is_warned_of_once);
    tcase_add_test(tests, a_manager_that_does_not_read_is_not_waited_for);
}
