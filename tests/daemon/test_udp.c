/* Packets go both ways over both families on one port, in batches; a taken port is an error; a
 * burst of full-size packets is not lost; what cannot be sent is counted. */
#include <check.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/dht/wire/krpc.h"
#include "daemon/udp.h"
#include "tests/runner.h"

#define BURST 128

struct end {
    struct udp *udp;
    unsigned packets, batches;
    size_t bytes, largest;
    struct addr from;
};

static uv_loop_t loop;
static bool is_full; /* the kernel takes no packets */

static void on_packet(void *context, const struct addr *from, const uint8_t *data, size_t size)
{
    struct end *end = context;
    ck_assert(size == 0 || data[0] == (uint8_t)size);
    end->packets++;
    end->bytes += size;
    end->largest = size > end->largest ? size : end->largest;
    end->from = *from;
}

static void on_batch(void *context)
{
    struct end *end = context;
    end->batches++;
}

static struct addr loopback(enum addr_family family, uint16_t port)
{
    static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
    return family == ADDR_V4 ? addr_v4(v4, port) : addr_v6(v6, port);
}

static void open_end(struct end *end)
{
    char detail[UDP_DETAIL_SIZE];
    struct udp_handler handler = {.context = end, .packet = on_packet, .batch = on_batch};
    struct udp_bind binds[] = {{.addr = loopback(ADDR_V4, 0)},
                               {.addr = loopback(ADDR_V6, 0), .is_optional = true}};
    memset(end, 0, sizeof(*end));
    end->udp = udp_new(&loop, &handler);
    ck_assert_ptr_nonnull(end->udp);
    ck_assert_int_eq(udp_open(end->udp, binds, 2, detail), ERR_OK);
    ck_assert_int_eq(udp_start(end->udp), ERR_OK);
}

static void close_end(struct end *end)
{
    udp_close(end->udp);
    while (!udp_is_closed(end->udp))
        uv_run(&loop, UV_RUN_ONCE);
    udp_free(end->udp);
}

static struct addr bound(const struct end *end, size_t index)
{
    struct addr addr;
    ck_assert(udp_bound_at(end->udp, index, &addr));
    return addr;
}

static void send_one(struct end *end, struct addr to, size_t size)
{
    uint8_t data[KRPC_PACKET_MAX];
    memset(data, (int)(uint8_t)size, sizeof(data));
    struct out_packet packet = {.to = to, .data = bytes_of(data, size)};
    udp_send(end->udp, &packet, 1);
}

static void wait_for(const struct end *end, unsigned packets)
{
    while (end->packets < packets)
        uv_run(&loop, UV_RUN_ONCE);
}

static void setup(void)
{
    ck_assert_int_eq(uv_loop_init(&loop), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(packets_arrive_with_their_sender)
{
    struct end a, b;
    open_end(&a);
    open_end(&b);
    struct addr first = bound(&a, 0), to = bound(&b, 0);
    send_one(&a, to, 100);
    wait_for(&b, 1);
    ck_assert(addr_equal(&b.from, &first));
    ck_assert_uint_eq(b.largest, 100);
    send_one(&b, b.from, KRPC_PACKET_MAX);
    wait_for(&a, 1);
    ck_assert_uint_eq(a.largest, KRPC_PACKET_MAX);
    ck_assert_uint_ge(a.batches, 1);
    close_end(&a);
    close_end(&b);
}
END_TEST

START_TEST(both_families_have_one_port)
{
    struct end a, b;
    open_end(&a);
    open_end(&b);
    ck_assert_uint_ne(bound(&a, 0).port, 0);
    if (udp_has_family(a.udp, ADDR_V6)) {
        struct addr from = bound(&a, 1);
        ck_assert_uint_eq(bound(&a, 0).port, from.port);
        send_one(&a, bound(&b, 1), 7);
        wait_for(&b, 1);
        ck_assert(addr_equal(&b.from, &from));
    }
    close_end(&a);
    close_end(&b);
}
END_TEST

START_TEST(a_taken_port_is_an_error)
{
    struct end a;
    char detail[UDP_DETAIL_SIZE];
    open_end(&a);
    struct udp_bind taken = {.addr = bound(&a, 0)};
    struct udp_handler handler = {.context = &a, .packet = on_packet, .batch = on_batch};
    struct udp *second = udp_new(&loop, &handler);
    ck_assert_int_eq(udp_open(second, &taken, 1, detail), ERR_IN_USE);
    ck_assert_ptr_nonnull(strstr(detail, "in use"));
    ck_assert(udp_is_closed(second));
    udp_free(second);
    close_end(&a);
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_an_error)
{
    static const uint8_t foreign[4] = {192, 0, 2, 1};
    char detail[UDP_DETAIL_SIZE];
    struct udp_bind elsewhere = {.addr = addr_v4(foreign, 0)};
    struct udp_handler handler = {.packet = on_packet, .batch = on_batch};
    struct udp *udp = udp_new(&loop, &handler);
    ck_assert_int_eq(udp_open(udp, &elsewhere, 1, detail), ERR_IO);
    ck_assert_ptr_nonnull(strstr(detail, "192.0.2.1"));
    udp_free(udp);
}
END_TEST

START_TEST(a_burst_of_full_packets_is_kept)
{
    struct end a, b;
    uint8_t data[KRPC_PACKET_MAX];
    struct out_packet packets[BURST];
    open_end(&a);
    open_end(&b);
    memset(data, (int)(uint8_t)sizeof(data), sizeof(data));
    for (size_t i = 0; i < BURST; i++)
        packets[i] = (struct out_packet){.to = bound(&b, 0), .data = bytes_of(data, sizeof(data))};
    udp_send(a.udp, packets, BURST);
    wait_for(&b, BURST);
    ck_assert_uint_eq(b.bytes, BURST * sizeof(data));
    ck_assert_uint_lt(b.batches, BURST);
    ck_assert_uint_eq(udp_lost(a.udp), 0);
    close_end(&a);
    close_end(&b);
}
END_TEST

/* In the place of the C library's. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (!is_full)
        return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
    errno = EAGAIN;
    return -1;
}

static void limit_files(rlim_t count)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count < limit.rlim_max ? count : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Even where there were no descriptors left when it began. */
START_TEST(what_the_kernel_does_not_take_waits_until_it_does)
{
    struct end a, b;
    struct addr to;
    uint8_t data = 1;
    struct out_packet packet = {.data = bytes_of(&data, 1)};
    open_end(&a);
    open_end(&b);
    ck_assert(udp_bound_at(b.udp, 0, &to));
    packet.to = to;
    is_full = true;
    limit_files(3);
    for (unsigned i = 0; i < UDP_QUEUE_MAX + 2; i++)
        udp_send(a.udp, &packet, 1);
    ck_assert_uint_eq(udp_lost(a.udp), 2);
    limit_files(1024);
    is_full = false;
    for (unsigned i = 0; i < 1000 && b.packets < UDP_QUEUE_MAX; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(b.packets, UDP_QUEUE_MAX);
    udp_send(a.udp, &packet, 1);
    for (unsigned i = 0; i < 1000 && b.packets == UDP_QUEUE_MAX; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(b.packets, UDP_QUEUE_MAX + 1);
    close_end(&a);
    close_end(&b);
}
END_TEST

START_TEST(what_cannot_be_sent_is_counted)
{
    struct end a, b;
    struct udp_bind one = {.addr = loopback(ADDR_V4, 0)};
    char detail[UDP_DETAIL_SIZE];
    struct udp_handler handler = {.context = &a, .packet = on_packet, .batch = on_batch};
    memset(&a, 0, sizeof(a));
    a.udp = udp_new(&loop, &handler);
    ck_assert_int_eq(udp_open(a.udp, &one, 1, detail), ERR_OK);
    open_end(&b);
    send_one(&a, loopback(ADDR_V6, 9), 10); /* no socket of that family */
    ck_assert_uint_eq(udp_lost(a.udp), 1);
    send_one(&a, loopback(ADDR_V4, 0), 10); /* port 0: the kernel refuses */
    ck_assert_uint_eq(udp_lost(a.udp), 2);
    send_one(&a, bound(&b, 0), 10); /* and the next one goes */
    wait_for(&b, 1);
    close_end(&a);
    close_end(&b);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, packets_arrive_with_their_sender);
    tcase_add_test(tests, both_families_have_one_port);
    tcase_add_test(tests, a_taken_port_is_an_error);
    tcase_add_test(tests, an_address_that_is_not_ours_is_an_error);
    tcase_add_test(tests, a_burst_of_full_packets_is_kept);
    tcase_add_test(tests, what_the_kernel_does_not_take_waits_until_it_does);
    tcase_add_test(tests, what_cannot_be_sent_is_counted);
}
