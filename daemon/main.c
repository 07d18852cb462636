/* xord: the daemon when called alone, else the client of a running one. */
#include <stdio.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "rpc/client.h"

int main(int argc, char **argv)
{
    bool is_urgent;
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
