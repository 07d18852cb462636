#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/report.h"

#define BATCH        64
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
    struct slot slots[LOAD_WINDOW_MAX];
    size_t waiting;
    size_t queued[LOAD_WINDOW_MAX]; /* slots whose packet is to be sent */
    size_t queued_count;
    uint64_t now_ns; /* read once a turn */
    struct mmsghdr sends[BATCH], receives[BATCH];
    struct iovec send_parts[BATCH], receive_parts[BATCH];
    uint8_t received[BATCH][LOAD_PACKET_MAX];
};

struct load *load_new(uint16_t server_port)
{
    struct load *load = calloc(1, sizeof(*load));
    if (load == NULL)
        report_fail("no memory");
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
        load->sends[i].msg_hdr.msg_iov = &load->send_parts[i];
        load->sends[i].msg_hdr.msg_iovlen = 1;
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

static void flush(struct load *load)
{
    for (size_t first = 0; first < load->queued_count;) {
        size_t count = load->queued_count - first;
        count = count < BATCH ? count : BATCH;
        for (size_t i = 0; i < count; i++) {
            struct slot *slot = &load->slots[load->queued[first + i]];
            slot->sent_ns = load->now_ns;
            load->send_parts[i] = (struct iovec){.iov_base = slot->packet, .iov_len = slot->size};
        }
        int sent = sendmmsg(load->fd, load->sends, (unsigned)count, 0);
        first += sent > 0 ? (size_t)sent : count; /* what is refused is sent again later */
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
static void answer_query(struct load *load, struct bytes packet, const uint8_t t[4])
{
    uint8_t reply[] = "d1:rd2:id20:benchbenchbenchbench5:nodes0:e1:t4:....1:y1:re";
    (void)packet;
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
        if (t != NULL && y == 'q')
            answer_query(load, packet, t);
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
    drain(load, plan);
}
