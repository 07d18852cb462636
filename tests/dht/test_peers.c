/* Announced addresses must be listed by family while they live, in random choice, within the room
 * that is given, and both torrents and addresses must stay bounded, the newest kept. */
#include <check.h>

#include "common/bencode.h"
#include "daemon/dht/serve/peers.h"
#include "tests/runner.h"

static struct peers *peers;
static struct rng rng;
static uint8_t buffer[4096];
static struct wire_writer writer;

static void set_up(void)
{
    peers = peers_new();
    ck_assert_ptr_nonnull(peers);
    rng_init_number(&rng, 1);
    wire_writer_init(&writer, buffer, sizeof buffer);
}

static void tear_down(void)
{
    peers_free(peers);
}

static struct id hash(uint32_t number)
{
    struct id id = {{0}};

    memcpy(id.b, &number, sizeof number);
    return id;
}

static struct addr v4(uint16_t port)
{
    return addr_v4((const uint8_t[]){10, 0, 0, 1}, port);
}

/* Each port on a host of its own. */
static struct addr v6(uint16_t port)
{
    const uint8_t ip[16] = {0x20, 1, 0x0d, 0xb8, (uint8_t)(port >> 8), (uint8_t)port};

    return addr_v6(ip, port);
}

static void announce(uint32_t number, struct addr addr, uint64_t now_ms)
{
    struct id info_hash = hash(number);

    ck_assert(peers_announce(peers, &info_hash, &addr, now_ms));
}

static size_t write_values(uint32_t number, enum addr_family family, uint64_t now_ms, size_t room)
{
    struct id info_hash = hash(number);

    writer.used = 0;
    return peers_write_values(peers, &info_hash, family, now_ms, &rng, room, &writer);
}

/* Reads what was written: checks that the addresses differ, and gives their ports. */
static size_t read_ports(uint16_t ports[PEERS_REPLY_MAX])
{
    struct bencode_reader r;
    struct addr addr;
    size_t count = 0;

    bencode_reader_init(&r, wire_written(&writer));
    bencode_read_list(&r);
    while (bencode_more(&r)) {
        ck_assert(addr_from_compact(bencode_read_bytes(&r), &addr));
        for (size_t i = 0; i < count; i++)
            ck_assert_uint_ne(ports[i], addr.port);
        ports[count++] = addr.port;
    }
    ck_assert(bencode_is_done(&r));
    return count;
}

START_TEST(test_lists_by_family)
{
    uint16_t ports[PEERS_REPLY_MAX];

    announce(1, v4(100), 0);
    announce(1, v6(200), 0);
    announce(2, v4(300), 0);
    ck_assert_uint_eq(peers_count(peers), 2);
    ck_assert_uint_eq(write_values(1, ADDR_V4, 0, 1000), 1);
    ck_assert_uint_eq(read_ports(ports), 1);
    ck_assert_uint_eq(ports[0], 100);
    ck_assert_uint_eq(write_values(1, ADDR_V6, 0, 1000), 1);
    ck_assert_uint_eq(read_ports(ports), 1);
    ck_assert_uint_eq(ports[0], 200);
}
END_TEST

START_TEST(test_nothing_is_written_when_there_is_none)
{
    announce(1, v4(100), 0);
    ck_assert_uint_eq(write_values(2, ADDR_V4, 0, 1000), 0);
    ck_assert_uint_eq(write_values(1, ADDR_V6, 0, 1000), 0);
    ck_assert_uint_eq(write_values(1, ADDR_V4, PEERS_TTL_MS, 1000), 0);
    ck_assert_uint_eq(writer.used, 0);
    peers_free(NULL);
}
END_TEST

START_TEST(test_stays_within_the_room)
{
    uint16_t ports[PEERS_REPLY_MAX];

    for (uint16_t port = 1; port <= 20; port++) {
        announce(1, v4(port), 0);
        announce(1, v6(port), 0);
    }
    for (size_t room = 0; room < 500; room++) {
        for (int family = ADDR_V4; family <= ADDR_V6; family += ADDR_V6 - ADDR_V4) {
            size_t count = write_values(1, (enum addr_family)family, 0, room);
            ck_assert_uint_le(writer.used, room);
            if (count > 0)
                ck_assert_uint_eq(read_ports(ports), count);
        }
    }
    ck_assert_uint_eq(write_values(1, ADDR_V4, 0, 2 + 20 * 8), 20);
    ck_assert_uint_eq(write_values(1, ADDR_V4, 0, 2 + 20 * 8 - 1), 19);
    ck_assert_uint_eq(write_values(1, ADDR_V6, 0, 2 + 20 * 21), 20);
}
END_TEST

START_TEST(test_choice_reaches_all)
{
    bool has_port[PEERS_PER_HASH + 1] = {false};
    uint16_t ports[PEERS_REPLY_MAX];

    for (uint16_t port = 1; port <= PEERS_PER_HASH; port++)
        announce(1, v4(port), 0);
    for (int round = 0; round < 40; round++) {
        ck_assert_uint_eq(write_values(1, ADDR_V4, 0, 4000), PEERS_REPLY_MAX);
        size_t count = read_ports(ports);
        for (size_t i = 0; i < count; i++)
            has_port[ports[i]] = true;
    }
    for (uint16_t port = 1; port <= PEERS_PER_HASH; port++)
        ck_assert(has_port[port]);
}
END_TEST

START_TEST(test_announcing_again_refreshes)
{
    announce(1, v4(100), 0);
    announce(1, v4(100), PEERS_TTL_MS - 1);
    ck_assert_uint_eq(write_values(1, ADDR_V4, PEERS_TTL_MS, 1000), 1);
    ck_assert_uint_eq(peers_count(peers), 1);
}
END_TEST

START_TEST(test_full_torrent_keeps_the_newest)
{
    uint16_t ports[PEERS_REPLY_MAX];

    for (uint16_t port = 1; port <= 2 * PEERS_PER_HASH; port++)
        announce(1, v4(port), port);
    for (int round = 0; round < 20; round++) {
        write_values(1, ADDR_V4, 1000, 4000);
        size_t count = read_ports(ports);
        for (size_t i = 0; i < count; i++)
            ck_assert_uint_gt(ports[i], PEERS_PER_HASH);
    }
}
END_TEST

START_TEST(test_ports_of_one_host_push_out_no_others)
{
    uint16_t ports[PEERS_REPLY_MAX];
    const struct addr other = addr_v4((const uint8_t[]){8, 8, 8, 8}, 7);

    announce(1, other, 0);
    for (uint16_t port = 1000; port < 1000 + 3 * PEERS_PER_HASH; port++)
        announce(1, addr_v4((const uint8_t[]){9, 9, 9, 9}, port), port);
    write_values(1, ADDR_V4, 2000, 1000);
    size_t count = read_ports(ports), newest = 0, others = 0;
    for (size_t i = 0; i < count; i++) {
        newest += ports[i] >= 1000 + 3 * PEERS_PER_HASH - PEERS_PER_HOST;
        others += ports[i] == 7;
    }
    ck_assert_uint_eq(newest, PEERS_PER_HOST);
    ck_assert_uint_eq(others, 1);
    ck_assert_uint_eq(count, PEERS_PER_HOST + 1);
    uint8_t ip[16] = {0x24, 1};
    for (uint8_t i = 0; i < 2 * PEERS_PER_HOST; i++) {
        ip[15] = i;
        announce(2, addr_v6(ip, 1), 0);
    }
    ck_assert_uint_eq(write_values(2, ADDR_V6, 1, 1000), PEERS_PER_HOST);
}
END_TEST

START_TEST(test_torrents_are_bounded)
{
    announce(0, v4(1), 0);
    for (uint32_t i = 1; i < PEERS_HASHES_MAX; i++)
        announce(i * 7919, v4(1), i);
    announce(0, v4(2), PEERS_HASHES_MAX); /* now the newest */
    for (uint32_t i = 0; i < 10; i++)
        announce(0xff000000u + i, v4(1), PEERS_HASHES_MAX + 1);
    ck_assert_uint_eq(peers_count(peers), PEERS_HASHES_MAX);
    ck_assert_uint_eq(write_values(0, ADDR_V4, 3000, 1000), 2);
    for (uint32_t i = 1; i <= 10; i++)
        ck_assert_uint_eq(write_values(i * 7919, ADDR_V4, 3000, 1000), 0);
    for (uint32_t i = 11; i < PEERS_HASHES_MAX; i++)
        ck_assert_uint_eq(write_values(i * 7919, ADDR_V4, 3000, 1000), 1);
}
END_TEST

START_TEST(test_expiry_forgets_the_ended)
{
    announce(1, v4(1), 0);
    announce(2, v4(1), 10);
    peers_expire(peers, PEERS_TTL_MS - 1);
    ck_assert_uint_eq(peers_count(peers), 2);
    peers_expire(peers, PEERS_TTL_MS);
    ck_assert_uint_eq(peers_count(peers), 1);
    ck_assert_uint_eq(write_values(2, ADDR_V4, PEERS_TTL_MS, 1000), 1);
    peers_expire(peers, PEERS_TTL_MS + 10);
    ck_assert_uint_eq(peers_count(peers), 0);
}
END_TEST

START_TEST(a_list_that_was_written_is_read)
{
    struct addr out[8];
    for (uint16_t port = 1; port <= 5; port++)
        announce(1, v4(port), 0);
    ck_assert_uint_eq(write_values(1, ADDR_V4, 0, 4096), 5);
    ck_assert_uint_eq(peers_read_values(wire_written(&writer), out, 8), 5);
    unsigned ports = 0;
    for (size_t i = 0; i < 5; i++) {
        const struct addr addr = v4(out[i].port);
        ck_assert(addr_equal(&out[i], &addr));
        ports |= 1u << out[i].port;
    }
    ck_assert_uint_eq(ports, 0x3e);
    ck_assert_uint_eq(peers_read_values(wire_written(&writer), out, 3), 3);
    ck_assert_uint_eq(peers_read_values((struct bytes){0}, out, 8), 0);
}
END_TEST

START_TEST(of_a_list_by_whomever_what_is_usable_is_read)
{
    static const char list[] = "l6:\x0a\0\0\1\0\1"                             /* 10.0.0.1:1 */
                               "6:\x0a\0\0\1\0\0"                              /* no port */
                               "5:\x0a\0\0\1\0"                                /* too short */
                               "18:\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\2" /* of IPv6 */
                               "6:\x0a\0\0\2\0\3"                              /* 10.0.0.2:3 */
                               "i5e6:\x0a\0\0\3\0\4e"; /* no address, and the end */
    struct addr out[8];
    ck_assert_uint_eq(peers_read_values(bytes_of(list, sizeof list - 1), out, 8), 3);
    ck_assert_uint_eq(out[0].port, 1);
    ck_assert_int_eq(out[1].family, ADDR_V6);
    ck_assert_uint_eq(out[1].port, 2);
    ck_assert_uint_eq(out[2].ip[3], 2);
    ck_assert_uint_eq(peers_read_values(bytes_of_string("6:abcdef"), out, 8), 0);
    ck_assert_uint_eq(peers_read_values(bytes_of_string(""), out, 8), 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_lists_by_family);
    tcase_add_test(tests, test_nothing_is_written_when_there_is_none);
    tcase_add_test(tests, test_stays_within_the_room);
    tcase_add_test(tests, test_choice_reaches_all);
    tcase_add_test(tests, test_announcing_again_refreshes);
    tcase_add_test(tests, test_full_torrent_keeps_the_newest);
    tcase_add_test(tests, test_ports_of_one_host_push_out_no_others);
    tcase_add_test(tests, test_torrents_are_bounded);
    tcase_add_test(tests, test_expiry_forgets_the_ended);
    tcase_add_test(tests, a_list_that_was_written_is_read);
    tcase_add_test(tests, of_a_list_by_whomever_what_is_usable_is_read);
}
