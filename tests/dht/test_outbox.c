/* Effects must come out as they went in, their bytes must never move, and a reset must forget the
 * effects and keep the memory. */
#include <check.h>

#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/runner.h"

static struct outbox outbox;
static struct addr to;

static void set_up(void)
{
    outbox_init(&outbox);
    to = addr_v4((const uint8_t[]){127, 0, 0, 1}, 4001);
}

static void tear_down(void)
{
    outbox_clear(&outbox);
}

static void send_number(uint32_t number, size_t size)
{
    struct wire_writer w = outbox_packet_begin(&outbox);

    for (size_t i = 0; i < size / 4; i++)
        wire_write_u32(&w, number);
    ck_assert(outbox_packet_end(&outbox, &w, &to));
}

START_TEST(test_packets_stay_as_written)
{
    for (uint32_t i = 0; i < 500; i++)
        send_number(i, 4 + i % 300 * 4);
    ck_assert_uint_eq(outbox.packet_count, 500);
    for (uint32_t i = 0; i < 500; i++) {
        const struct out_packet *packet = &outbox.packets[i];
        struct wire_reader r;
        ck_assert(addr_equal(&packet->to, &to));
        ck_assert_uint_eq(packet->data.size, 4 + i % 300 * 4);
        wire_reader_init(&r, packet->data);
        for (size_t j = 0; j < packet->data.size / 4; j++)
            ck_assert_uint_eq(wire_read_u32(&r), i);
    }
}
END_TEST

START_TEST(test_packet_too_large_is_not_queued)
{
    static const uint8_t zeros[KRPC_PACKET_MAX + 1];
    struct wire_writer w = outbox_packet_begin(&outbox);

    wire_write(&w, zeros, sizeof zeros);
    ck_assert(!outbox_packet_end(&outbox, &w, &to));
    ck_assert(outbox_is_empty(&outbox));
    ck_assert_uint_eq(outbox.lost, 0);
    send_number(1, KRPC_PACKET_MAX);
    ck_assert_uint_eq(outbox.packet_count, 1);
}
END_TEST

START_TEST(test_memory_is_zeroed_and_aligned)
{
    static const uint8_t zeros[3000];

    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < sizeof zeros; size += 7) {
            uint8_t *memory = outbox_alloc(&outbox, size);
            ck_assert_ptr_nonnull(memory);
            ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
            ck_assert_mem_eq(memory, zeros, size);
            memset(memory, 0xff, size);
        }
        outbox_reset(&outbox);
    }
}
END_TEST

START_TEST(test_largest_allocation)
{
    ck_assert_ptr_nonnull(outbox_alloc(&outbox, 1));
    ck_assert_ptr_nonnull(outbox_alloc(&outbox, OUTBOX_CHUNK_SIZE));
    ck_assert_ptr_null(outbox_alloc(&outbox, OUTBOX_CHUNK_SIZE + 1));
}
END_TEST

START_TEST(test_copies)
{
    struct bytes text = outbox_copy(&outbox, bytes_of_string("record"));
    struct bytes empty = outbox_copy(&outbox, bytes_of("", 0));

    ck_assert(bytes_is_string(text, "record"));
    ck_assert_ptr_null(outbox_copy(&outbox, bytes_of(NULL, 0)).data);
    ck_assert_ptr_nonnull(empty.data);
    ck_assert_uint_eq(empty.size, 0);
}
END_TEST

START_TEST(test_reset_reuses_the_memory)
{
    send_number(1, 8);
    const uint8_t *first = outbox.packets[0].data.data;
    outbox_reset(&outbox);
    ck_assert(outbox_is_empty(&outbox));
    send_number(2, 8);
    ck_assert_ptr_eq(outbox.packets[0].data.data, first);
}
END_TEST

START_TEST(test_reset_returns_a_flood)
{
    size_t kept = 0;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++)
            ck_assert_ptr_nonnull(outbox_alloc(&outbox, OUTBOX_CHUNK_SIZE));
        outbox_reset(&outbox);
    }
    for (int i = 0; i < 3; i++) /* a small turn must not drop what an earlier one left */
        outbox_reset(&outbox);
    const void *chunk = outbox.spare;
    while (chunk != NULL) {
        kept++;
        memcpy(&chunk, chunk, sizeof chunk); /* `next` comes first */
    }
    ck_assert_uint_eq(kept, OUTBOX_CHUNKS_KEPT);
}
END_TEST

START_TEST(test_write_copies_the_record)
{
    uint8_t k[KEYS_PUBLIC_SIZE], sig[KEYS_SIGNATURE_SIZE];
    char salt[] = "salt", v[] = "5:value";
    struct store_write write = {.write = 7, .record.kind = RECORD_SINGLE, .record.seq = 3};

    memset(k, 1, sizeof k);
    memset(sig, 2, sizeof sig);
    write.record.k = k;
    write.record.sig = sig;
    write.record.salt = bytes_of_string(salt);
    write.record.v = bytes_of_string(v);
    ck_assert(outbox_write(&outbox, &write));
    memset(k, 0, sizeof k);
    memset(sig, 0, sizeof sig);
    memset(salt, 0, sizeof salt);
    memset(v, 0, sizeof v);
    ck_assert(!outbox_is_empty(&outbox));
    const struct store_write *queued = &outbox.writes[0];
    ck_assert_uint_eq(queued->write, 7);
    ck_assert_int_eq(queued->record.seq, 3);
    ck_assert_uint_eq(queued->record.k[KEYS_PUBLIC_SIZE - 1], 1);
    ck_assert_uint_eq(queued->record.sig[KEYS_SIGNATURE_SIZE - 1], 2);
    ck_assert(bytes_is_string(queued->record.salt, "salt"));
    ck_assert(bytes_is_string(queued->record.v, "5:value"));
}
END_TEST

START_TEST(test_write_without_record)
{
    struct store_write write = {.action = STORE_DROP};

    ck_assert(outbox_write(&outbox, &write));
    ck_assert_ptr_null(outbox.writes[0].record.k);
    ck_assert_ptr_null(outbox.writes[0].record.v.data);
}
END_TEST

START_TEST(test_events_are_zeroed)
{
    for (uint64_t round = 0; round < 100; round++) {
        struct event *event = outbox_event(&outbox);
        ck_assert_uint_eq(event->op, 0);
        ck_assert_uint_eq(event->put.rejected_count, 0);
        memset(event, 0xff, sizeof *event);
        event->op = round;
    }
    for (uint64_t round = 0; round < 100; round++)
        ck_assert_uint_eq(outbox.events[round].op, round);
    outbox_reset(&outbox);
    ck_assert_uint_eq(outbox_event(&outbox)->op, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_packets_stay_as_written);
    tcase_add_test(tests, test_packet_too_large_is_not_queued);
    tcase_add_test(tests, test_memory_is_zeroed_and_aligned);
    tcase_add_test(tests, test_largest_allocation);
    tcase_add_test(tests, test_copies);
    tcase_add_test(tests, test_reset_reuses_the_memory);
    tcase_add_test(tests, test_reset_returns_a_flood);
    tcase_add_test(tests, test_write_copies_the_record);
    tcase_add_test(tests, test_write_without_record);
    tcase_add_test(tests, test_events_are_zeroed);
}
