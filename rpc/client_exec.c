#include "rpc/client_exec.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_FOUND 127 /* as a shell says it */

void client_variables_add(struct client_variables *variables, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assert(variables->count < CLIENT_VARIABLES_MAX);
    variables->list[variables->count].name = name;
    variables->list[variables->count++].value = value;
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
    if (pipe(fds) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        close(fds[1]);
        become(command, variables, fds[0]);
    }
    close(fds[0]);
    if (child > 0) {
        void (*before)(int) = signal(SIGPIPE, SIG_IGN);
        give(fds[1], input);
        signal(SIGPIPE, before);
    }
    close(fds[1]);
    return child > 0 ? wait_for(child) : -1;
}
