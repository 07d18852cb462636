#include "rpc/server/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "rpc/server/http.h"

#define HTTP_START_SIZE 8 /* enough of a request to know it by */

static int descriptor_of(const uv_pipe_t *pipe)
{
    int fd = -1;

    uv_fileno((const uv_handle_t *)pipe, &fd);
    return fd;
}

uid_t peer_uid(const uv_pipe_t *pipe)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;

    if (getsockopt(descriptor_of(pipe), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return (uid_t)-1;
    return peer.uid;
}

bool peer_has_hung_up(const uv_pipe_t *pipe)
{
    struct pollfd poll_fd = {.fd = descriptor_of(pipe)};

    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
}

bool peer_speaks_http(const uv_pipe_t *pipe, bool *is_known)
{
    char start[HTTP_START_SIZE];

    ssize_t size = recv(descriptor_of(pipe), start, sizeof start, MSG_PEEK | MSG_DONTWAIT);
    *is_known = size >= 0;
    return size > 0 && http_is_begun(start, (size_t)size);
}

int peer_copy(const uv_pipe_t *pipe)
{
    return fcntl(descriptor_of(pipe), F_DUPFD_CLOEXEC, 0);
}
