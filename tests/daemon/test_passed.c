/* Passed sockets are known by their names and taken only when they are what their name says; what
 * was passed to another process is none of ours. */
#include "daemon/passed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define FIRST_FD 100 /* the runner has the first ones for itself */

static struct scratch scratch;
static struct passed passed;
static int made; /* sockets, from FIRST_FD on */
static char detail[PASSED_DETAIL_SIZE];

static void setup(void)
{
    scratch_make(&scratch);
    made = 0;
}

static void teardown(void)
{
    passed_clear(&passed);
    scratch_remove(&scratch);
}

static void become(int fd, int wanted)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, wanted), wanted);
    close(fd);
}

/* A socket under the next descriptor from FIRST_FD on. */
static int make(int family, int type, bool is_listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = FIRST_FD + made++;
    become(socket(family, type, 0), fd);
    if (family == AF_UNIX) {
        snprintf(address.sun_path, sizeof address.sun_path, "%s/s%d", scratch.path, fd);
        unlink(address.sun_path);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    } else {
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&inet, sizeof inet), 0);
    }
    if (is_listening)
        ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

static enum err find(const char *pid, const char *count, const char *names)
{
    char owner[64], fds[64], list[256];
    char *environment[] = {owner, fds, list, NULL};
    struct settings_input input = {.environment = environment};
    snprintf(owner, sizeof owner, "LISTEN_PID=%s", pid);
    snprintf(fds, sizeof fds, "LISTEN_FDS=%s", count);
    snprintf(list, sizeof list, "LISTEN_FDNAMES=%s", names);
    detail[0] = '\0';
    return passed_find(&passed, &input, FIRST_FD, detail);
}

static const char *self(void)
{
    static char text[32];
    snprintf(text, sizeof text, "%ld", (long)getpid());
    return text;
}

static void assert_refused(const char *count, const char *names, const char *word)
{
    ck_assert_int_eq(find(self(), count, names), ERR_MALFORMED);
    ck_assert_msg(strstr(detail, word) != NULL, "\"%s\" does not say \"%s\"", detail, word);
    passed_clear(&passed);
    made = 0;
}

START_TEST(sockets_are_known_by_their_names)
{
    int readonly = make(AF_UNIX, SOCK_STREAM, true), full = make(AF_UNIX, SOCK_STREAM, true);
    ck_assert_int_eq(find(self(), "2", "rpc-readonly:rpc"), ERR_OK);
    struct passed_socket *found = passed_next(&passed, RPC_ACCESS_FULL);
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->fd, full);
    char path[PATH_MAX];
    ck_assert_str_eq(found->path, scratch_path(&scratch, "s101", path));
    ck_assert_int_eq(fcntl(full, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(passed_next(&passed, RPC_ACCESS_READ)->fd, readonly);
    found->fd = -1; /* taken */
    ck_assert_ptr_null(passed_next(&passed, RPC_ACCESS_FULL));
    passed_clear(&passed);
    ck_assert_int_eq(fcntl(readonly, F_GETFD), -1);
    ck_assert_int_eq(fcntl(full, F_GETFD), FD_CLOEXEC);
    close(full);
}
END_TEST

START_TEST(one_name_may_have_several)
{
    make(AF_UNIX, SOCK_STREAM, true);
    make(AF_UNIX, SOCK_STREAM, true);
    ck_assert_int_eq(find(self(), "2", "rpc:rpc"), ERR_OK);
    passed_next(&passed, RPC_ACCESS_FULL)->fd = -1;
    ck_assert_ptr_nonnull(passed_next(&passed, RPC_ACCESS_FULL));
}
END_TEST

START_TEST(an_abstract_name_is_shown_as_one)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = FIRST_FD;
    become(socket(AF_UNIX, SOCK_STREAM, 0), fd);
    memcpy(address.sun_path, "\0xord-test", 10);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 10);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(find(self(), "1", "rpc"), ERR_OK);
    ck_assert_str_eq(passed_next(&passed, RPC_ACCESS_FULL)->path, "@xord-test");
}
END_TEST

START_TEST(what_is_for_another_process_is_left)
{
    int fd = make(AF_UNIX, SOCK_STREAM, true);
    ck_assert_int_eq(find("1", "1", "rpc"), ERR_OK);
    ck_assert_uint_eq(passed.count, 0);
    ck_assert_int_eq(find("", "1", "rpc"), ERR_OK);
    ck_assert_uint_eq(passed.count, 0);
    ck_assert_int_eq(find(self(), "", "rpc"), ERR_OK);
    ck_assert_uint_eq(passed.count, 0);
    ck_assert_int_eq(find(self(), "0", ""), ERR_OK);
    ck_assert_uint_eq(passed.count, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
    close(fd);
}
END_TEST

START_TEST(a_wrong_name_is_told)
{
    static const char *const names[] = {"xord.socket", "", "RPC", "rpc-", "rp", "rpc readonly"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        make(AF_UNIX, SOCK_STREAM, true);
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\"", names[i]);
        assert_refused("1", names[i], quoted);
    }
    make(AF_UNIX, SOCK_STREAM, true);
    make(AF_UNIX, SOCK_STREAM, true);
    assert_refused("2", "rpc", "\"\" (descriptor 101)");
}
END_TEST

START_TEST(what_cannot_be_served_is_told)
{
    make(AF_UNIX, SOCK_STREAM, false);
    assert_refused("1", "rpc", "no listening Unix stream socket");
    make(AF_UNIX, SOCK_DGRAM, false);
    assert_refused("1", "rpc", "no listening Unix stream socket");
    make(AF_INET, SOCK_STREAM, true);
    assert_refused("1", "rpc", "no listening Unix stream socket");
    become(open("/dev/null", O_RDONLY), FIRST_FD);
    assert_refused("1", "rpc", "no listening Unix stream socket");
    assert_refused("1", "rpc", "descriptor 100 is not open");
}
END_TEST

START_TEST(more_than_may_be_passed_is_told)
{
    assert_refused("5", "rpc:rpc:rpc:rpc:rpc", "at most 4");
    assert_refused("-1", "rpc", "at most 4");
    assert_refused("many", "rpc", "at most 4");
    assert_refused("99999999999999999999", "rpc", "at most 4");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sockets_are_known_by_their_names);
    tcase_add_test(tests, one_name_may_have_several);
    tcase_add_test(tests, an_abstract_name_is_shown_as_one);
    tcase_add_test(tests, what_is_for_another_process_is_left);
    tcase_add_test(tests, a_wrong_name_is_told);
    tcase_add_test(tests, what_cannot_be_served_is_told);
    tcase_add_test(tests, more_than_may_be_passed_is_told);
}
