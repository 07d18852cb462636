#include "rpc/client/client_exec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rpc/client/client_socket.h"

#define EXIT_NOT_FOUND 127     /* as a shell says it */
#define WAIT_NS        2000000 /* between two looks whether a command has ended */

void client_variables_add(struct client_variables *variables, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assert(variables->count < CLIENT_VARIABLES_MAX);
    variables->list[variables->count].name = name;
    variables->list[variables->count++].value = value;
}

pid_t client_exec_fork(void)
{
    signal(SIGCHLD, SIG_DFL);
    return fork();
}

static void become(const char *command, const struct client_variables *variables, int input)
{
    for (size_t i = 0; i < variables->count; i++)
        setenv(variables->list[i].name, variables->list[i].value, 1);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(input, STDIN_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(EXIT_NOT_FOUND);
}

/* As much of it as the command reads. */
static void give(int fd, struct bytes input)
{
    size_t given = 0;
    while (given < input.size) {
        ssize_t size = write(fd, input.data + given, input.size - given);
        if (size < 0 && errno != EINTR)
            return;
        given += size > 0 ? (size_t)size : 0;
    }
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int client_exec(const char *command, const struct client_variables *variables, struct bytes input)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid_t child = client_exec_fork();
    if (child == 0)
        become(command, variables, fds[0]);
    close(fds[0]);
    if (child > 0) {
        void (*before)(int) = signal(SIGPIPE, SIG_IGN);
        give(fds[1], input);
        signal(SIGPIPE, before);
    }
    close(fds[1]);
    return child > 0 ? wait_for(child) : -1;
}

/* ---- with its output ---- */

/* One command that runs, and what it is yet to be told. */
struct run {
    pid_t child;       /* the first of its process group */
    int input, output; /* -1: closed */
    struct bytes left;
    uint64_t deadline_ms;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void give_some(struct run *run)
{
    ssize_t size = write(run->input, run->left.data, run->left.size);
    if (size > 0)
        run->left = bytes_of(run->left.data + size, run->left.size - (size_t)size);
    bool is_over = size < 0 && errno != EINTR && errno != EAGAIN;
    if (is_over || run->left.size == 0)
        close_end(&run->input);
}

/* A last byte beyond size_max tells that there was more. */
static void take_some(struct run *run, struct client_printed *printed)
{
    size_t room = printed->size_max + 1 - printed->size;
    ssize_t size = read(run->output, printed->data + printed->size, room);
    if (size > 0)
        printed->size += (size_t)size;
    bool is_over = size == 0 || (size < 0 && errno != EINTR);
    if (is_over || printed->size > printed->size_max)
        close_end(&run->output);
}

/* Until there is something to do; false when the time is up. */
static bool wait_for_pipes(const struct run *run, struct pollfd fds[2])
{
    uint64_t now_ms = client_socket_now_ms();
    if (now_ms >= run->deadline_ms)
        return false;
    uint64_t left_ms = run->deadline_ms - now_ms;
    fds[0] = (struct pollfd){.fd = run->output, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = run->input, .events = POLLOUT};
    poll(fds, 2, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
    return true;
}

static void talk(struct run *run, struct client_printed *printed)
{
    struct pollfd fds[2];
    while (run->output >= 0 && !printed->is_late) {
        printed->is_late = !wait_for_pipes(run, fds);
        if (!printed->is_late && fds[1].revents != 0)
            give_some(run);
        if (!printed->is_late && fds[0].revents != 0)
            take_some(run, printed);
    }
}

/* It may go on after it has closed its output. */
static void wait_in_time(const struct run *run, struct client_printed *printed)
{
    const struct timespec pause = {.tv_nsec = WAIT_NS};
    siginfo_t info = {0};
    while (!printed->is_late && printed->size <= printed->size_max) {
        waitid(P_PID, (id_t)run->child, &info, WEXITED | WNOWAIT | WNOHANG);
        if (info.si_pid != 0)
            return;
        printed->is_late = client_socket_now_ms() >= run->deadline_ms;
        nanosleep(&pause, NULL);
    }
}

static bool start(struct run *run, const char *command, const struct client_variables *variables)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0)
        return false;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    run->child = client_exec_fork();
    if (run->child == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(out[1], STDOUT_FILENO) >= 0)
            become(command, variables, in[0]);
        _exit(EXIT_NOT_FOUND);
    }
    close(in[0]);
    close(out[1]);
    run->input = in[1];
    run->output = out[0];
    if (run->child > 0)
        setpgid(run->child, run->child); /* whichever of the two comes first */
    fcntl(run->input, F_SETFL, O_NONBLOCK);
    return run->child > 0;
}

int client_exec_read(const char *command, const struct client_variables *variables,
                     struct bytes input, uint64_t deadline_ms, struct client_printed *printed)
{
    struct run run = {.input = -1, .output = -1, .left = input, .deadline_ms = deadline_ms};
    int status = -1;
    printed->data = malloc(printed->size_max + 1);
    if (printed->data != NULL && start(&run, command, variables)) {
        void (*before)(int) = signal(SIGPIPE, SIG_IGN);
        if (input.size == 0)
            close_end(&run.input);
        talk(&run, printed);
        wait_in_time(&run, printed);
        if (printed->is_late || printed->size > printed->size_max)
            kill(-run.child, SIGKILL);
        status = wait_for(run.child);
        signal(SIGPIPE, before);
    }
    close_end(&run.input);
    close_end(&run.output);
    return status;
}
