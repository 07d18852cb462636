#include "tests/bench/echo.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define RECEIVE_BYTES (20 * 64 * 1024) /* what libuv reads in one call */
#define SOCKET_BYTES  (4 * 1024 * 1024)

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    *buffer = uv_buf_init(handle->data, RECEIVE_BYTES);
}

static void on_receive(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer,
                       const struct sockaddr *from, unsigned flags)
{
    (void)flags;
    if (size <= 0 || from == NULL)
        return;
    uv_buf_t reply = uv_buf_init(buffer->base, (unsigned)size);
    uv_udp_try_send(udp, &reply, 1, from);
}

static void serve(int port_pipe)
{
    uv_loop_t loop;
    uv_udp_t udp;
    struct sockaddr_in name;
    int size = sizeof(name), bytes = SOCKET_BYTES, fd;
    uv_loop_init(&loop);
    uv_udp_init_ex(&loop, &udp, AF_INET | UV_UDP_RECVMMSG);
    udp.data = malloc(RECEIVE_BYTES);
    uv_ip4_addr("127.0.0.1", 0, &name);
    if (udp.data == NULL || uv_udp_bind(&udp, (struct sockaddr *)&name, 0) != 0 ||
        uv_fileno((uv_handle_t *)&udp, &fd) != 0)
        _exit(1);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    uv_udp_getsockname(&udp, (struct sockaddr *)&name, &size);
    uint16_t port = ntohs(name.sin_port);
    if (write(port_pipe, &port, sizeof(port)) != sizeof(port))
        _exit(1);
    uv_udp_recv_start(&udp, on_alloc, on_receive);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

pid_t echo_start(int core, uint16_t *port)
{
    int ends[2];
    if (pipe(ends) != 0)
        report_fail("no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        process_pin_self(core);
        serve(ends[1]);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], port, sizeof(*port)) != sizeof(*port))
        report_fail("the echo does not start");
    close(ends[0]);
    return pid;
}

void echo_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
