#include "rpc/client/client_exec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rpc/client/client_socket.h"

#define EXIT_NOT_RUN   126 /* both as a shell says it */
#define EXIT_NOT_FOUND 127
#define WAIT_NS        2000000 /* between two looks whether all that was told to end has ended */

/* One command that runs, and what it is yet to be told. */
struct run {
    pid_t child;       /* the first of its process group */
    int input, output; /* -1: closed */
    int signals;       /* read as a file */
    sigset_t before;   /* what was blocked */
    struct bytes left;
    uint64_t deadline_ms;
    bool is_cut; /* it is to end now */
};

void client_variables_add(struct client_variables *variables, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assert(variables->count < CLIENT_VARIABLES_MAX);
    variables->list[variables->count].name = name;
    variables->list[variables->count++].value = value;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- signals ---- */

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* That the command has ended, and what would end us, which must not leave it behind. What is
 * ignored, as under nohup, stays so. */
static bool open_signals(struct run *run)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    sigset_t told;
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&told);
    sigaddset(&told, SIGCHLD);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (!is_ignored(ends[i]))
            sigaddset(&told, ends[i]);
    sigprocmask(SIG_BLOCK, &told, &run->before);
    run->signals = signalfd(-1, &told, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->signals >= 0;
}

static void take_signals(struct run *run, struct client_printed *printed)
{
    struct signalfd_siginfo info;
    while (read(run->signals, &info, sizeof info) == (ssize_t)sizeof info)
        printed->is_ended = printed->is_ended || info.ssi_signo != SIGCHLD;
    run->is_cut = run->is_cut || printed->is_ended;
}

/* ---- its start ---- */

pid_t client_exec_fork(void)
{
    pid_t parent = getpid();
    signal(SIGCHLD, SIG_DFL);
    pid_t child = fork();
    if (child != 0)
        return child;
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_NOT_RUN);
    close_range(STDERR_FILENO + 1, UINT_MAX, 0);
    return 0;
}

static void become(const struct run *run, const char *command,
                   const struct client_variables *variables, int input, int output)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < variables->count; i++)
        setenv(variables->list[i].name, variables->list[i].value, 1);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    if (dup2(input, STDIN_FILENO) >= 0 && (output < 0 || dup2(output, STDOUT_FILENO) >= 0))
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(EXIT_NOT_FOUND);
}

static bool start(struct run *run, const char *command, const struct client_variables *variables,
                  bool is_read)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    bool has_pipes = pipe2(in, O_CLOEXEC) == 0 && (!is_read || pipe2(out, O_CLOEXEC) == 0);
    run->child = has_pipes ? fork() : -1;
    if (run->child == 0)
        become(run, command, variables, in[0], out[1]);
    close_end(&in[0]);
    close_end(&out[1]);
    run->input = in[1];
    run->output = out[0];
    if (run->child < 0)
        return false;
    setpgid(run->child, run->child); /* whichever of the two comes first */
    fcntl(run->input, F_SETFL, O_NONBLOCK);
    if (run->left.size == 0)
        close_end(&run->input);
    return true;
}

/* ---- while it runs ---- */

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
    run->is_cut = printed->size > printed->size_max;
    if (is_over || run->is_cut)
        close_end(&run->output);
}

static bool has_ended(const struct run *run)
{
    siginfo_t info = {0};
    bool is_there = waitid(P_PID, (id_t)run->child, &info, WEXITED | WNOWAIT | WNOHANG) == 0;
    return !is_there || info.si_pid != 0;
}

/* Until it has ended and let go of its output, or is to end now. */
static void attend(struct run *run, struct client_printed *printed)
{
    while (!run->is_cut && (run->output >= 0 || !has_ended(run))) {
        uint64_t now_ms = client_socket_now_ms();
        uint64_t left_ms = run->deadline_ms > now_ms ? run->deadline_ms - now_ms : 0;
        struct pollfd fds[3] = {{.fd = run->output, .events = POLLIN},
                                {.fd = run->input, .events = POLLOUT},
                                {.fd = run->signals, .events = POLLIN}};
        if (poll(fds, 3, left_ms < INT_MAX ? (int)left_ms : INT_MAX) < 0)
            continue;
        if (fds[0].revents != 0)
            take_some(run, printed);
        if (fds[1].revents != 0)
            give_some(run);
        take_signals(run, printed);
        printed->is_late = left_ms == 0;
        run->is_cut = run->is_cut || printed->is_late;
    }
}

/* ---- its end ---- */

static int status_of(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status_of(status);
}

/* All that it started and that stayed in its group: told to end, then made to. A group's number is
 * not used again while somebody is in it. */
static int end_group(pid_t first)
{
    const struct timespec pause = {.tv_nsec = WAIT_NS};
    uint64_t until_ms = client_socket_now_ms() + CLIENT_EXEC_GRACE_MS;
    bool is_collected = false;
    int status = 0;
    kill(-first, SIGTERM);
    do {
        is_collected = is_collected || waitpid(first, &status, WNOHANG) == first;
        if (is_collected && kill(-first, 0) != 0)
            return status_of(status);
        nanosleep(&pause, NULL);
    } while (client_socket_now_ms() < until_ms);
    kill(-first, SIGKILL);
    return is_collected ? status_of(status) : wait_for(first);
}

/* Its status; -1 with errno when it could not be started. */
static int run_to_end(struct run *run, const char *command,
                      const struct client_variables *variables, struct client_printed *printed)
{
    int status = -1;
    if (open_signals(run) && start(run, command, variables, printed->data != NULL)) {
        void (*before)(int) = signal(SIGPIPE, SIG_IGN);
        attend(run, printed);
        status = run->is_cut ? end_group(run->child) : wait_for(run->child);
        signal(SIGPIPE, before);
    }
    int reason = errno;
    close_end(&run->input);
    close_end(&run->output);
    close_end(&run->signals);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    errno = reason;
    return status;
}

int client_exec(const char *command, const struct client_variables *variables, struct bytes input,
                uint64_t deadline_ms)
{
    pid_t minder = client_exec_fork();
    if (minder == 0) {
        struct run run = {.input = -1, .output = -1, .left = input, .deadline_ms = deadline_ms};
        struct client_printed nothing = {0};
        int status = run_to_end(&run, command, variables, &nothing);
        status = nothing.is_late ? CLIENT_EXEC_LATE : status;
        _exit(status < 0 ? EXIT_NOT_RUN : status);
    }
    return minder > 0 ? wait_for(minder) : -1;
}

int client_exec_read(const char *command, const struct client_variables *variables,
                     struct bytes input, uint64_t deadline_ms, struct client_printed *printed)
{
    struct run run = {.input = -1, .output = -1, .left = input, .deadline_ms = deadline_ms};
    printed->data = malloc(printed->size_max + 1);
    return printed->data != NULL ? run_to_end(&run, command, variables, printed) : -1;
}
