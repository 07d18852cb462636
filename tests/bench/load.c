#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define BATCH        64
#define GROUP_BYTES  60000             /* the kernel takes 64 KiB as one */
#define BUFFER_BYTES (4 * 1024 * 1024) /* a full window of the largest packets both ways */
#define RESEND_NS    250000000u
#define LOOK_NS      50000000u /* how often it looks for queries to send again */
#define DRAIN_NS     500000000u

struct slot {
    bool is_waiting;
    uint16_t round; /* in `t`, so that a late answer to an earlier query is not counted */
    size_t size;
    uint64_t sent_ns;
    uint8_t packet[LOAD_PACKET_MAX];
};

struct load {
    int fd;
    bool is_node;
    struct slot slots[LOAD_WINDOW_MAX];
    size_t waiting;
    size_t queued[LOAD_WINDOW_MAX]; /* slots whose packet is to be sent */
    size_t queued_count;
    uint64_t now_ns; /* read once a turn */
    struct mmsghdr receives[BATCH];
    struct iovec receive_parts[BATCH];
    uint8_t received[BATCH][LOAD_PACKET_MAX];
};

struct load *load_new(uint16_t server_port, bool is_node)
{
    struct load *load = calloc(1, sizeof(*load));
    if (load == NULL)
        report_fail("no memory");
    load->is_node = is_node;
    load->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bytes = BUFFER_BYTES;
    if (setsockopt(load->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(load->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons(server_port)};
    if (connect(load->fd, (struct sockaddr *)&name, sizeof(name)) != 0)
        report_fail("no UDP socket");
    for (size_t i = 0; i < BATCH; i++) {
        load->receive_parts[i] =
            (struct iovec){.iov_base = load->received[i], .iov_len = LOAD_PACKET_MAX};
        load->receives[i].msg_hdr.msg_iov = &load->receive_parts[i];
        load->receives[i].msg_hdr.msg_iovlen = 1;
    }
    return load;
}

void load_free(struct load *load)
{
    close(load->fd);
    free(load);
}

/* How many of the queued packets from `first` go as one: they have the same size. */
static size_t group_size(const struct load *load, size_t first)
{
    size_t size = load->slots[load->queued[first]].size, count = 1;
    while (first + count < load->queued_count && count < BATCH &&
           load->slots[load->queued[first + count]].size == size &&
           (count + 1) * size <= GROUP_BYTES)
        count++;
    return count;
}

/* Sends a group in one call that the kernel cuts into datagrams (UDP_SEGMENT): a query must cost
 * the generator less than its answer costs the server, or the generator would be measured. */
static void send_group(struct load *load, size_t first, size_t count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(uint16_t))];
    } control = {0};
    struct iovec parts[BATCH];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &load->slots[load->queued[first + i]];
        slot->sent_ns = load->now_ns;
        parts[i] = (struct iovec){.iov_base = slot->packet, .iov_len = slot->size};
    }
    if (count > 1) {
        uint16_t size = (uint16_t)parts[0].iov_len;
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        control.header.cmsg_level = SOL_UDP;
        control.header.cmsg_type = UDP_SEGMENT;
        control.header.cmsg_len = CMSG_LEN(sizeof(size));
        memcpy(CMSG_DATA(&control.header), &size, sizeof(size));
    }
    sendmsg(load->fd, &message, 0); /* what the kernel does not take is sent again later */
}

static void flush(struct load *load)
{
    size_t first = 0;
    while (first < load->queued_count) {
        size_t count = group_size(load, first);
        send_group(load, first, count);
        first += count;
    }
    load->queued_count = 0;
}

static void ask(struct load *load, const struct load_plan *plan, size_t index)
{
    struct slot *slot = &load->slots[index];
    size_t size = plan->query(plan->context, index, slot->packet);
    if (size == 0)
        return;
    slot->round++;
    uint8_t t[4] = {(uint8_t)(index >> 8), (uint8_t)index, (uint8_t)(slot->round >> 8),
                    (uint8_t)slot->round};
    uint8_t *tail = slot->packet + size;
    memcpy(tail, "1:t4:", 5);
    memcpy(tail + 5, t, 4);
    memcpy(tail + 9, "1:y1:qe", 7);
    slot->size = size + 16;
    slot->is_waiting = true;
    slot->sent_ns = load->now_ns;
    load->waiting++;
    load->queued[load->queued_count++] = index;
}

/* `t` stands before `y` at the end of a canonical message, with `v` between them or without. */
static const uint8_t *find_t(struct bytes packet, char *y)
{
    if (packet.size < 32)
        return NULL;
    const uint8_t *at = packet.data + packet.size - 7;
    if (memcmp(at, "1:y1:", 5) != 0)
        return NULL;
    *y = (char)at[5];
    if (memcmp(at - 9, "1:t4:", 5) == 0)
        return at - 4;
    if (memcmp(at - 9, "1:v4:", 5) == 0 && memcmp(at - 18, "1:t4:", 5) == 0)
        return at - 13;
    return NULL;
}

/* The daemon asks back who we are: any answer with an id makes us a node as others are. */
static void answer_query(const struct load *load, const uint8_t t[4])
{
    uint8_t reply[] = "d1:rd2:id20:benchbenchbenchbench5:nodes0:e1:t4:....1:y1:re";
    memcpy(reply + sizeof(reply) - 1 - 11, t, 4);
    send(load->fd, reply, sizeof(reply) - 1, MSG_DONTWAIT);
}

static void take(struct load *load, const struct load_plan *plan, struct bytes packet,
                 struct load_result *out)
{
    char y = 0;
    const uint8_t *t = find_t(packet, &y);
    size_t index = t != NULL ? (size_t)(t[0] << 8 | t[1]) : LOAD_WINDOW_MAX;
    struct slot *slot = index < LOAD_WINDOW_MAX ? &load->slots[index] : NULL;
    bool is_ours = slot != NULL && slot->is_waiting && slot->round == (t[2] << 8 | t[3]);
    if (!is_ours) {
        if (load->is_node && t != NULL && y == 'q')
            answer_query(load, t);
        return;
    }
    slot->is_waiting = false;
    load->waiting--;
    if (plan->accept(plan->context, index, packet, y))
        out->answered++;
    else
        out->refused++;
    if (plan->duration_ns > 0)
        ask(load, plan, index);
}

static void receive(struct load *load, const struct load_plan *plan, struct load_result *out)
{
    if (!plan->is_spinning) {
        struct pollfd readable = {.fd = load->fd, .events = POLLIN};
        poll(&readable, 1, 10);
    }
    int count = recvmmsg(load->fd, load->receives, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        take(load, plan, bytes_of(load->received[i], load->receives[i].msg_len), out);
}

static void resend(struct load *load, struct load_result *out)
{
    for (size_t i = 0; i < LOAD_WINDOW_MAX; i++) {
        struct slot *slot = &load->slots[i];
        if (slot->is_waiting && load->now_ns - slot->sent_ns > RESEND_NS) {
            load->queued[load->queued_count++] = i;
            out->resent++;
        }
    }
}

/* Answers to what is in flight at the end are waited for and not counted. */
static void drain(struct load *load, const struct load_plan *plan)
{
    struct load_result ignored = {0};
    struct load_plan rest = *plan;
    rest.duration_ns = 0;
    uint64_t end_ns = report_now_ns() + DRAIN_NS;
    while (load->waiting > 0 && report_now_ns() < end_ns)
        receive(load, &rest, &ignored);
    for (size_t i = 0; i < LOAD_WINDOW_MAX; i++)
        load->slots[i].is_waiting = false;
    load->waiting = 0;
    load->queued_count = 0;
}

void load_run(struct load *load, const struct load_plan *plan, struct load_result *out)
{
    *out = (struct load_result){0};
    load->now_ns = report_now_ns();
    uint64_t start_ns = load->now_ns, looked_ns = load->now_ns;
    uint64_t cpu_ns = plan->server > 0 ? process_cpu_ns(plan->server) : 0;
    for (size_t i = 0; i < plan->window; i++)
        ask(load, plan, i);
    flush(load);
    while (load->now_ns - start_ns < plan->duration_ns && load->waiting > 0 &&
           (plan->count == 0 || out->answered < plan->count)) {
        receive(load, plan, out);
        load->now_ns = report_now_ns();
        if (load->now_ns - looked_ns > LOOK_NS) {
            looked_ns = load->now_ns;
            resend(load, out);
        }
        flush(load);
    }
    out->seconds = (double)(load->now_ns - start_ns) / 1e9;
    out->rate = (double)out->answered / out->seconds;
    if (plan->server > 0)
        out->busy = (double)(process_cpu_ns(plan->server) - cpu_ns) / 1e9 / out->seconds;
    drain(load, plan);
}
