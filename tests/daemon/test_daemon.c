/* The daemon starts with its directory alone, says when it is ready, keeps its id over a restart,
 * stops gracefully at a signal, and tells by its exit status what went wrong. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define ARGUMENTS_MAX 16

struct process {
    pid_t pid;
    FILE *said; /* its standard error */
};

static struct scratch scratch;
static char data[PATH_MAX], line[1024];

static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "d", data);
}

static void teardown(void)
{
    scratch_remove(&scratch);
}

static struct process start(const char *const arguments[])
{
    int pipes[2];
    struct process p;
    ck_assert_int_eq(pipe(pipes), 0);
    p.pid = fork();
    ck_assert_int_ge(p.pid, 0);
    if (p.pid == 0) {
        char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "xord"};
        bool is_urgent;
        int argc = 1;
        for (size_t i = 0; arguments[i] != NULL; i++)
            argv[argc++] = (char *)(uintptr_t)arguments[i];
        char *environment[] = {NULL};
        struct settings_input input = {.argc = argc, .argv = argv, .environment = environment};
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        _exit(daemon_main(&input, &is_urgent));
    }
    close(pipes[1]);
    p.said = fdopen(pipes[0], "r");
    ck_assert_ptr_nonnull(p.said);
    return p;
}

/* Reads until a line holds `word`. */
static void wait_line(struct process *p, const char *word)
{
    do
        ck_assert_msg(fgets(line, sizeof(line), p->said) != NULL, "it never said \"%s\"", word);
    while (strstr(line, word) == NULL);
}

static int status_of(struct process *p)
{
    int status;
    ck_assert_int_eq(waitpid(p->pid, &status, 0), p->pid);
    fclose(p->said);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ALONE     "--datadir", data, "--port", "0", "--bind", "127.0.0.1"

static void read_file(const char *name, char out[64])
{
    char path[PATH_MAX];
    FILE *file = fopen(scratch_path(&scratch, name, path), "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(out, 64, file));
    fclose(file);
}

START_TEST(it_starts_and_stops_gracefully)
{
    char first[64], second[64];
    struct process p = start(LIST(ALONE));
    wait_line(&p, "ready: ");
    ck_assert_ptr_nonnull(strstr(line, "127.0.0.1:"));
    ck_assert_int_eq(scratch_mode(&scratch, "d/rpc.sock"), 0660);
    ck_assert_int_eq(scratch_mode(&scratch, "d/ro.sock"), 0666);
    read_file("d/node", first);
    kill(p.pid, SIGTERM);
    ck_assert_int_eq(status_of(&p), DAEMON_STOPPED);
    ck_assert_int_eq(scratch_size(&scratch, "d/rpc.sock"), -1);
    ck_assert_int_eq(scratch_size(&scratch, "d/ro.sock"), -1);
    p = start(LIST(ALONE));
    wait_line(&p, "ready: ");
    read_file("d/node", second);
    ck_assert_str_eq(first, second);
    kill(p.pid, SIGINT);
    ck_assert_int_eq(status_of(&p), DAEMON_STOPPED);
}
END_TEST

START_TEST(it_starts_again_after_a_kill)
{
    struct process p = start(LIST(ALONE));
    wait_line(&p, "ready: ");
    kill(p.pid, SIGKILL);
    waitpid(p.pid, NULL, 0);
    fclose(p.said);
    p = start(LIST(ALONE));
    wait_line(&p, "ready: ");
    kill(p.pid, SIGTERM);
    ck_assert_int_eq(status_of(&p), DAEMON_STOPPED);
}
END_TEST

START_TEST(a_directory_in_use_may_pass)
{
    struct process first = start(LIST(ALONE));
    wait_line(&first, "ready: ");
    struct process second = start(LIST(ALONE));
    wait_line(&second, "in use");
    ck_assert_int_eq(status_of(&second), DAEMON_MAY_PASS);
    kill(first.pid, SIGTERM);
    ck_assert_int_eq(status_of(&first), DAEMON_STOPPED);
}
END_TEST

START_TEST(a_socket_in_use_may_pass_and_is_left)
{
    char other[PATH_MAX], path[PATH_MAX];
    struct process first = start(LIST(ALONE));
    wait_line(&first, "ready: ");
    struct process second = start(LIST("--datadir", scratch_path(&scratch, "e", other), "--port",
                                       "0", "--bind", "::1", "--bind", "127.0.0.1", "--rpc-socket",
                                       scratch_path(&scratch, "d/rpc.sock", path)));
    wait_line(&second, "rpc.sock");
    ck_assert_int_eq(status_of(&second), DAEMON_MAY_PASS);
    ck_assert_int_ge(scratch_size(&scratch, "d/rpc.sock"), 0);
    kill(first.pid, SIGTERM);
    ck_assert_int_eq(status_of(&first), DAEMON_STOPPED);
}
END_TEST

START_TEST(damage_needs_a_person)
{
    struct process p = start(LIST(ALONE));
    wait_line(&p, "ready: ");
    kill(p.pid, SIGTERM);
    ck_assert_int_eq(status_of(&p), DAEMON_STOPPED);
    scratch_write(&scratch, "d/node", "nothing", 7);
    p = start(LIST(ALONE));
    wait_line(&p, "damaged");
    ck_assert_int_eq(status_of(&p), DAEMON_NEEDS_PERSON);
    ck_assert_int_eq(scratch_size(&scratch, "d/node"), 7);
}
END_TEST

START_TEST(wrong_settings_have_their_own_status)
{
    struct process p = start(LIST(ALONE, "--prot", "1"));
    wait_line(&p, "--port");
    ck_assert_int_eq(status_of(&p), DAEMON_USAGE);
    p = start(LIST(ALONE, "--conf", "/nonexistent"));
    wait_line(&p, "/nonexistent");
    ck_assert_int_eq(status_of(&p), DAEMON_NEEDS_PERSON);
    p = start(LIST(ALONE, "--check-config"));
    ck_assert_int_eq(status_of(&p), DAEMON_STOPPED);
    ck_assert_int_eq(scratch_size(&scratch, "d"), -1);
}
END_TEST

START_TEST(a_reload_takes_over_what_it_can)
{
    char conf[PATH_MAX];
    scratch_write(&scratch, "x.conf", "role = server\n", 14);
    struct process p = start(LIST(ALONE, "--conf", scratch_path(&scratch, "x.conf", conf)));
    wait_line(&p, "ready: ");
    scratch_write(&scratch, "x.conf", "role = client\n", 14);
    kill(p.pid, SIGHUP);
    wait_line(&p, "a restart is needed for: role");
    scratch_write(&scratch, "x.conf", "rule = client\n", 14);
    kill(p.pid, SIGHUP);
    wait_line(&p, "did you mean \"role\"");
    kill(p.pid, SIGTERM);
    ck_assert_int_eq(status_of(&p), DAEMON_STOPPED);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, it_starts_and_stops_gracefully);
    tcase_add_test(tests, it_starts_again_after_a_kill);
    tcase_add_test(tests, a_directory_in_use_may_pass);
    tcase_add_test(tests, a_socket_in_use_may_pass_and_is_left);
    tcase_add_test(tests, damage_needs_a_person);
    tcase_add_test(tests, wrong_settings_have_their_own_status);
    tcase_add_test(tests, a_reload_takes_over_what_it_can);
}
