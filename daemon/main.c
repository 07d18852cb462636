/* xord: the daemon when called alone, else the client of a running one. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "rpc/client/client.h"

/* A caller may have closed standard input, output or error. Then the next files opened would get
 * their numbers, and log lines would be written into the database. Opened the wrong way round, to
 * use one still fails as it did when it was closed. */
static bool fill_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    bool is_urgent;
    if (!fill_standard_files())
        return DAEMON_MAY_PASS;
    if (client_is_meant(argc, argv))
        return client_main(argc, argv);
    struct settings_input input = {
        .argc = argc, .argv = argv, .environment = environ, .is_root = geteuid() == 0};
    enum daemon_exit status = daemon_main(&input, &is_urgent);
    if (is_urgent) {
        fflush(NULL);
        _exit(status); /* exit would wait for threads */
    }
    return status;
}
