#include "daemon/http_socket.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/addr_text.h"
#include "daemon/udp_addr.h"

#define BACKLOG 64 /* connections that wait for the loop; beyond it clients wait */

static bool listen_at(int fd, struct addr *addr)
{
    struct sockaddr_storage name;
    socklen_t size = udp_addr_to_sockaddr(addr, &name);
    int yes = 1;
    /* A port whose last connections have not timed out is free all the same. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (addr->family == ADDR_V6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    if (bind(fd, (const struct sockaddr *)&name, size) != 0 || listen(fd, BACKLOG) != 0)
        return false;
    size = sizeof(name);
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
           udp_addr_from_sockaddr((const struct sockaddr *)&name, addr);
}

enum err http_socket_listen(struct addr *addr, int *fd, char *detail, size_t detail_size)
{
    char text[ADDR_TEXT_SIZE];
    *fd = socket(addr->family == ADDR_V6 ? AF_INET6 : AF_INET,
                 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && listen_at(*fd, addr))
        return ERR_OK;
    enum err err = errno == EADDRINUSE ? ERR_IN_USE : ERR_IO;
    addr_format(addr, text);
    if (err == ERR_IN_USE)
        snprintf(detail, detail_size,
                 "http: another process listens on TCP %s; choose another port", text);
    else
        snprintf(detail, detail_size, "http: cannot listen on TCP %s: %s", text, strerror(errno));
    if (*fd >= 0)
        close(*fd);
    return err;
}
