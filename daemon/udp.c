#include "daemon/udp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr_text.h"
#include "daemon/dht/wire/krpc.h"
#include "daemon/udp_addr.h"

#define RECEIVE_SLOTS 20          /* what libuv reads in one call */
#define RECEIVE_SLOT  (64 * 1024) /* libuv's unit: smaller buffers are not used in batches */
/* Room for 128 puts of full size, and more: the kernel charges some 2.3 KB for each. */
#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define SEND_BUFFER    (1024 * 1024)
#define BIND_ATTEMPTS  16 /* for a free port that both families have */

struct waiting {
    struct addr to;
    uint16_t size;
    uint8_t data[KRPC_PACKET_MAX];
};

struct udp_socket {
    struct udp *udp;
    uv_udp_t handle;
    uv_poll_t writable; /* on a copy of the descriptor: libuv allows one handle a descriptor */
    int fd, writable_fd;
    bool is_open, has_poll;
    struct addr bound;
};

struct udp {
    uv_loop_t *loop;
    struct udp_handler handler;
    struct udp_socket sockets[UDP_SOCKETS_MAX];
    uint8_t *receive; /* RECEIVE_SLOTS * RECEIVE_SLOT; pages that are not used cost nothing */
    struct waiting *waiting; /* a ring of UDP_QUEUE_MAX, made when first needed */
    size_t waiting_first, waiting_count;
    uint64_t lost;
    unsigned handles; /* not yet closed */
    bool is_closing;
    /* One batch for the kernel, its parts linked once. */
    struct mmsghdr messages[UDP_SEND_BATCH];
    struct iovec parts[UDP_SEND_BATCH];
    struct sockaddr_in6 names[UDP_SEND_BATCH];
};

struct udp *udp_new(uv_loop_t *loop, const struct udp_handler *handler)
{
    struct udp *udp = calloc(1, sizeof(*udp));
    if (udp == NULL)
        return NULL;
    udp->loop = loop;
    udp->handler = *handler;
    for (size_t i = 0; i < UDP_SEND_BATCH; i++) {
        udp->messages[i].msg_hdr.msg_iov = &udp->parts[i];
        udp->messages[i].msg_hdr.msg_iovlen = 1;
        udp->messages[i].msg_hdr.msg_name = &udp->names[i];
    }
    udp->receive = malloc((size_t)RECEIVE_SLOTS * RECEIVE_SLOT);
    if (udp->receive == NULL) {
        free(udp);
        return NULL;
    }
    return udp;
}

static struct udp_socket *socket_of(struct udp *udp, uint8_t family)
{
    struct udp_socket *s = &udp->sockets[family == ADDR_V6 ? 1 : 0];
    return s->is_open ? s : NULL;
}

/* Opening. */

static void enlarge_buffers(int fd)
{
    int receive = RECEIVE_BUFFER, transmit = SEND_BUFFER;
    /* Beyond the system's limit where we may, else as far as it goes. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof(receive)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &transmit, sizeof(transmit)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &transmit, sizeof(transmit));
}

/* A bound socket, or -1 with errno. Without SO_REUSEADDR, which libuv would set before binding: a
 * port that another process has must be an error. */
static int bind_socket(const struct addr *addr)
{
    struct sockaddr_storage name;
    int on = 1;
    socklen_t size = udp_addr_to_sockaddr(addr, &name);
    int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if ((addr->family == ADDR_V6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (struct sockaddr *)&name, size) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    enlarge_buffers(fd);
    return fd;
}

static bool read_bound(int fd, struct addr *out)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof(name);
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
           udp_addr_from_sockaddr((const struct sockaddr *)&name, out);
}

/* Binds all to one port; fds[i] is -1 for what was left out. False with errno and *at, the bind
 * that failed; then none is left open. */
static bool bind_all(const struct udp_bind *binds, size_t count, int *fds, size_t *at)
{
    uint16_t port = 0;
    for (size_t i = 0; i < count; i++)
        fds[i] = -1;
    for (size_t i = 0; i < count; i++) {
        struct addr addr = binds[i].addr, bound;
        if (port != 0)
            addr.port = port;
        fds[i] = bind_socket(&addr);
        if (fds[i] < 0 && binds[i].is_optional && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
            continue;
        if (fds[i] >= 0 && read_bound(fds[i], &bound)) {
            port = bound.port;
            continue;
        }
        int reason = errno;
        for (size_t j = 0; j <= i; j++) {
            if (fds[j] >= 0)
                close(fds[j]);
        }
        errno = reason;
        *at = i;
        return false;
    }
    return true;
}

static enum err say_bind_failed(const struct addr *addr, int reason, char *detail)
{
    char text[ADDR_TEXT_SIZE];
    addr_format(addr, text);
    if (reason == EADDRINUSE) {
        snprintf(detail, UDP_DETAIL_SIZE,
                 "UDP %s is in use by another process; choose another --port, or 0 for a free one",
                 text);
        return ERR_IN_USE;
    }
    const char *hint = "";
    if (reason == EADDRNOTAVAIL)
        hint = "; --bind takes an address of this machine";
    else if (reason == EACCES)
        hint = "; choose a --port over 1023";
    snprintf(detail, UDP_DETAIL_SIZE, "cannot bind UDP %s: %s%s", text, strerror(reason), hint);
    return ERR_IO;
}

/* Made when the socket is: when it is needed there may be no descriptor left for it. */
static bool make_poll(struct udp *udp, struct udp_socket *s)
{
    s->writable_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
    if (s->writable_fd < 0)
        return false;
    if (uv_poll_init(udp->loop, &s->writable, s->writable_fd) != 0) {
        close(s->writable_fd);
        return false;
    }
    s->writable.data = s;
    s->has_poll = true;
    udp->handles++;
    return true;
}

static bool adopt(struct udp *udp, int fd)
{
    struct addr bound;
    int off = 0;
    if (!read_bound(fd, &bound))
        return false;
    struct udp_socket *s = &udp->sockets[bound.family == ADDR_V6 ? 1 : 0];
    if (s->is_open || uv_udp_init_ex(udp->loop, &s->handle, AF_UNSPEC | UV_UDP_RECVMMSG) != 0)
        return false;
    s->udp = udp;
    s->handle.data = s;
    s->is_open = true;
    s->fd = fd;
    s->bound = bound;
    udp->handles++;
    if (uv_udp_open(&s->handle, fd) != 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)); /* uv_udp_open turned it on */
    return make_poll(udp, s);
}

enum err udp_open(struct udp *udp, const struct udp_bind *binds, size_t count, char *detail)
{
    int fds[UDP_SOCKETS_MAX];
    size_t at = 0;
    bool is_bound = false;
    assert(count > 0 && count <= UDP_SOCKETS_MAX);
    for (unsigned i = 0; i < BIND_ATTEMPTS && !is_bound; i++) {
        is_bound = bind_all(binds, count, fds, &at);
        /* The first took a free port that the second cannot have: try another one. */
        if (!is_bound && !(errno == EADDRINUSE && at > 0 && binds[0].addr.port == 0))
            break;
    }
    if (!is_bound)
        return say_bind_failed(&binds[at].addr, errno, detail);
    size_t opened = 0;
    bool is_ok = true;
    for (size_t i = 0; i < count; i++) {
        if (fds[i] < 0)
            continue;
        opened++;
        if (is_ok && !adopt(udp, fds[i]))
            is_ok = false;
    }
    if (is_ok && opened > 0)
        return ERR_OK;
    snprintf(detail, UDP_DETAIL_SIZE, "no UDP socket could be opened");
    return ERR_IO;
}

/* Receiving. */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct udp_socket *s = handle->data;
    (void)suggested;
    *out = uv_buf_init((char *)s->udp->receive, RECEIVE_SLOTS * RECEIVE_SLOT);
}

static void on_receive(uv_udp_t *handle, ssize_t size, const uv_buf_t *buffer,
                       const struct sockaddr *name, unsigned flags)
{
    struct udp_socket *s = handle->data;
    struct udp *udp = s->udp;
    struct addr from;
    if (name == NULL) { /* the end of a batch, nothing to read, or an error of the network */
        if ((flags & UV_UDP_MMSG_FREE) != 0)
            udp->handler.batch(udp->handler.context);
        return;
    }
    if (size < 0 || (flags & UV_UDP_PARTIAL) != 0 || !udp_addr_from_sockaddr(name, &from))
        return;
    udp->handler.packet(udp->handler.context, &from, (const uint8_t *)buffer->base, (size_t)size);
}

enum err udp_start(struct udp *udp)
{
    for (size_t i = 0; i < UDP_SOCKETS_MAX; i++) {
        struct udp_socket *s = &udp->sockets[i];
        if (s->is_open && uv_udp_recv_start(&s->handle, give_buffer, on_receive) != 0)
            return ERR_IO;
    }
    return ERR_OK;
}

/* Sending. */

static void fill_message(struct udp *udp, size_t index, const struct addr *to, struct bytes data)
{
    union {
        const uint8_t *in;
        void *out; /* struct iovec has no const; sendmmsg does not write */
    } base = {.in = data.data};
    struct sockaddr_storage *name = (struct sockaddr_storage *)(void *)&udp->names[index];
    udp->parts[index].iov_base = base.out;
    udp->parts[index].iov_len = data.size;
    udp->messages[index].msg_hdr.msg_namelen = udp_addr_to_sockaddr(to, name);
}

/* Sends the first `count` messages; returns how many are dealt with. Fewer: the kernel is full. */
static size_t send_batch(struct udp *udp, const struct udp_socket *s, size_t count)
{
    size_t done = 0;
    while (done < count) {
        int sent = sendmmsg(s->fd, udp->messages + done, (unsigned)(count - done), MSG_DONTWAIT);
        if (sent > 0) {
            done += (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            break;
        udp->lost++; /* this one cannot be sent from here; the next may */
        done++;
    }
    return done;
}

static void on_writable(uv_poll_t *poll, int status, int events);

static void wait_writable(struct udp_socket *s)
{
    uv_poll_start(&s->writable, UV_WRITABLE, on_writable);
}

static void enqueue(struct udp *udp, struct udp_socket *s, const struct out_packet *packet)
{
    if (udp->waiting == NULL)
        udp->waiting = malloc(UDP_QUEUE_MAX * sizeof(*udp->waiting));
    if (udp->waiting == NULL || udp->waiting_count == UDP_QUEUE_MAX ||
        packet->data.size > KRPC_PACKET_MAX) {
        udp->lost++;
        return;
    }
    size_t index = (udp->waiting_first + udp->waiting_count++) % UDP_QUEUE_MAX;
    struct waiting *w = &udp->waiting[index];
    w->to = packet->to;
    w->size = (uint16_t)packet->data.size;
    memcpy(w->data, packet->data.data, packet->data.size);
    wait_writable(s);
}

/* Sends what waits, in order, until the kernel is full again. */
static void send_waiting(struct udp *udp)
{
    while (udp->waiting_count > 0) {
        const struct waiting *w = &udp->waiting[udp->waiting_first];
        struct udp_socket *s = socket_of(udp, w->to.family);
        fill_message(udp, 0, &w->to, bytes_of(w->data, w->size));
        if (send_batch(udp, s, 1) == 0) {
            wait_writable(s);
            return;
        }
        udp->waiting_first = (udp->waiting_first + 1) % UDP_QUEUE_MAX;
        udp->waiting_count--;
    }
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    struct udp_socket *s = poll->data;
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    send_waiting(s->udp);
}

/* Sends a run of packets that all leave by one socket. */
static void send_run(struct udp *udp, struct udp_socket *s, const struct out_packet *packets,
                     size_t count)
{
    size_t sent = 0;
    if (udp->waiting_count == 0) {
        for (size_t i = 0; i < count; i++)
            fill_message(udp, i, &packets[i].to, packets[i].data);
        sent = send_batch(udp, s, count);
    }
    for (; sent < count; sent++)
        enqueue(udp, s, &packets[sent]);
}

void udp_send(struct udp *udp, const struct out_packet *packets, size_t count)
{
    for (size_t at = 0; at < count;) {
        struct udp_socket *s = socket_of(udp, packets[at].to.family);
        size_t run = 1;
        while (run < UDP_SEND_BATCH && at + run < count &&
               packets[at + run].to.family == packets[at].to.family)
            run++;
        if (s != NULL && !udp->is_closing)
            send_run(udp, s, packets + at, run);
        else
            udp->lost += run;
        at += run;
    }
}

/* What others ask. */

bool udp_bound_at(const struct udp *udp, size_t index, struct addr *out)
{
    for (size_t i = 0; i < UDP_SOCKETS_MAX; i++) {
        if (udp->sockets[i].is_open && index-- == 0) {
            *out = udp->sockets[i].bound;
            return true;
        }
    }
    return false;
}

bool udp_has_family(const struct udp *udp, enum addr_family family)
{
    return udp->sockets[family == ADDR_V6 ? 1 : 0].is_open;
}

uint64_t udp_lost(const struct udp *udp)
{
    return udp->lost;
}

static void on_closed(uv_handle_t *handle)
{
    struct udp_socket *s = handle->data;
    s->udp->handles--;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct udp_socket *s = handle->data;
    close(s->writable_fd);
    s->udp->handles--;
}

void udp_close(struct udp *udp)
{
    if (udp->is_closing)
        return;
    udp->is_closing = true;
    for (size_t i = 0; i < UDP_SOCKETS_MAX; i++) {
        struct udp_socket *s = &udp->sockets[i];
        if (s->is_open)
            uv_close((uv_handle_t *)&s->handle, on_closed);
        if (s->has_poll)
            uv_close((uv_handle_t *)&s->writable, on_poll_closed);
    }
}

bool udp_is_closed(const struct udp *udp)
{
    return udp->handles == 0;
}

void udp_free(struct udp *udp)
{
    if (udp == NULL)
        return;
    assert(udp_is_closed(udp));
    free(udp->waiting);
    free(udp->receive);
    free(udp);
}
