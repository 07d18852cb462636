/* Reading and writing stay within their buffers, a failure sticks, integers are big-endian. */
#include "common/wire.h"
#include "tests/runner.h"

#include <check.h>

static const uint8_t counting[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

START_TEST(integers_read_big_endian)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(counting, sizeof counting));
    ck_assert_uint_eq(wire_read_u8(&r), 0x01);
    ck_assert_uint_eq(wire_read_u16(&r), 0x0203);
    ck_assert_uint_eq(wire_read_u32(&r), 0x04050607);
    ck_assert(!wire_reader_is_done(&r));
    ck_assert(wire_read_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
    ck_assert(wire_reader_is_done(&r));
}
END_TEST

START_TEST(bytes_are_views_of_the_input)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(counting, 4));
    struct bytes first = wire_read_bytes(&r, 3);
    ck_assert_ptr_eq(first.data, counting);
    ck_assert_uint_eq(first.size, 3);
    struct bytes empty = wire_read_bytes(&r, 0);
    ck_assert_ptr_nonnull(empty.data);
    ck_assert_uint_eq(empty.size, 0);
    ck_assert_uint_eq(wire_read_u8(&r), 4);
    ck_assert(wire_reader_is_done(&r));
}
END_TEST

START_TEST(a_failed_read_sticks)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(counting, 3));
    ck_assert_uint_eq(wire_read_u32(&r), 0);
    ck_assert(r.failed);
    ck_assert_uint_eq(wire_read_u8(&r), 0);
    ck_assert_uint_eq(wire_read_u16(&r), 0);
    ck_assert(wire_read_u64(&r) == 0);
    ck_assert_ptr_null(wire_read_bytes(&r, 0).data);
    ck_assert(!wire_reader_is_done(&r));
}
END_TEST

START_TEST(a_huge_size_fails)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(counting, 3));
    ck_assert_ptr_null(wire_read_bytes(&r, SIZE_MAX).data);
    ck_assert(r.failed);
}
END_TEST

START_TEST(absent_input_is_empty)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(NULL, 0));
    ck_assert(wire_reader_is_done(&r));
    ck_assert_uint_eq(wire_read_u8(&r), 0);
    ck_assert(r.failed);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    uint8_t buffer[18];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    ck_assert_ptr_nonnull(wire_written(&w).data);
    wire_write_u8(&w, 0xfe);
    wire_write_u16(&w, 0x0102);
    wire_write_u32(&w, 0xdeadbeef);
    wire_write_u64(&w, UINT64_MAX - 1);
    wire_write(&w, "a", 1);
    wire_write(&w, NULL, 0);
    wire_write_string(&w, "bc");
    struct bytes written = wire_written(&w);
    ck_assert_uint_eq(written.size, sizeof buffer);
    ck_assert_mem_eq(buffer, "\xfe\x01\x02\xde\xad\xbe\xef\xff", 8);
    struct wire_reader r;
    wire_reader_init(&r, written);
    ck_assert_uint_eq(wire_read_u8(&r), 0xfe);
    ck_assert_uint_eq(wire_read_u16(&r), 0x0102);
    ck_assert_uint_eq(wire_read_u32(&r), 0xdeadbeef);
    ck_assert(wire_read_u64(&r) == UINT64_MAX - 1);
    ck_assert(bytes_is_string(wire_read_bytes(&r, 3), "abc"));
    ck_assert(wire_reader_is_done(&r));
}
END_TEST

START_TEST(a_failed_write_sticks_and_touches_nothing)
{
    uint8_t buffer[4] = {9, 9, 9, 9};
    struct wire_writer w;
    wire_writer_init(&w, buffer, 3);
    wire_write_u16(&w, 1);
    wire_write_u16(&w, 2);
    ck_assert(w.failed);
    wire_write_u8(&w, 3);
    wire_write(&w, "", 0);
    ck_assert_ptr_null(wire_written(&w).data);
    ck_assert_uint_eq(wire_written(&w).size, 0);
    ck_assert_mem_eq(buffer, "\x00\x01\x09\x09", 4);
}
END_TEST

START_TEST(a_reservation_is_part_of_what_is_written)
{
    uint8_t buffer[4];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    uint8_t *at = wire_reserve(&w, 2);
    ck_assert_ptr_eq(at, buffer);
    memcpy(at, "ok", 2);
    ck_assert(bytes_is_string(wire_written(&w), "ok"));
    ck_assert_ptr_null(wire_reserve(&w, SIZE_MAX));
    ck_assert_ptr_null(wire_reserve(&w, 1));
    ck_assert(w.failed);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, integers_read_big_endian);
    tcase_add_test(tests, bytes_are_views_of_the_input);
    tcase_add_test(tests, a_failed_read_sticks);
    tcase_add_test(tests, a_huge_size_fails);
    tcase_add_test(tests, absent_input_is_empty);
    tcase_add_test(tests, what_is_written_reads_back);
    tcase_add_test(tests, a_failed_write_sticks_and_touches_nothing);
    tcase_add_test(tests, a_reservation_is_part_of_what_is_written);
}
