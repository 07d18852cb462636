/* A manifest reads back as it was written, and any that could lead a reader astray is refused: it
 * names exactly the chunks that its length needs, and no length is over the limit. */
#include "rpc/values/manifest.h"

#include <check.h>

#include "tests/runner.h"

#define TARGETS 23

static void fill(struct manifest *m)
{
    *m = (struct manifest){.content = ENVELOPE_BYTES,
                           .size = LARGE_SIZE_MAX,
                           .expiry_unix_s = 1702592000,
                           .target_count = TARGETS};
    memset(m->hash, 7, sizeof m->hash);
    memset(m->targets, 9, TARGETS * ID_SIZE);
}

static struct bytes write(const struct manifest *m, uint8_t *buffer, size_t capacity)
{
    struct wire_writer w;
    wire_writer_init(&w, buffer, capacity);
    manifest_write(&w, m);
    ck_assert(!w.failed);
    return wire_written(&w);
}

static void assert_refused(const struct manifest *m, const char *says)
{
    uint8_t buffer[2000];
    struct manifest out;
    const char *fault = NULL;
    ck_assert(!manifest_parse(write(m, buffer, sizeof buffer), &out, &fault));
    ck_assert_msg(strstr(fault, says) != NULL, "says: %s", fault);
}

static const enum envelope_content contents[] = {ENVELOPE_JSON, ENVELOPE_BYTES, ENVELOPE_SEALED};

START_TEST(as_written)
{
    uint8_t buffer[1000];
    struct manifest m, out;
    const char *fault = "";
    fill(&m);
    m.content = contents[_i];
    ck_assert(manifest_parse(write(&m, buffer, sizeof buffer), &out, &fault));
    ck_assert_ptr_null(fault);
    ck_assert_int_eq(out.content, m.content);
    ck_assert_uint_eq(out.size, m.size);
    ck_assert_uint_eq(out.expiry_unix_s, m.expiry_unix_s);
    ck_assert_mem_eq(out.hash, m.hash, sizeof m.hash);
    ck_assert_uint_eq(out.target_count, TARGETS);
    ck_assert_mem_eq(out.targets, m.targets, TARGETS * ID_SIZE);
}
END_TEST

START_TEST(the_largest_fits_into_a_record)
{
    uint8_t body[1000], v[1000];
    struct manifest m;
    struct wire_writer w;
    fill(&m);
    m.size = MANIFEST_TARGETS_MAX * CHUNK_DATA_SIZE;
    m.target_count = MANIFEST_TARGETS_MAX;
    m.expiry_unix_s = 99999999999;
    struct envelope envelope = {.content = ENVELOPE_MANIFEST,
                                .body = write(&m, body, sizeof body),
                                .has_time = true,
                                .has_expiry = true,
                                .time_unix_s = 99999999999,
                                .expiry_unix_s = 99999999999};
    wire_writer_init(&w, v, sizeof v);
    envelope_write(&w, &envelope);
    ck_assert(!w.failed);
    ck_assert(manifest_of_v(wire_written(&w), &m));
    ck_assert_uint_eq(m.target_count, MANIFEST_TARGETS_MAX);
}
END_TEST

START_TEST(lengths_out_of_range)
{
    struct manifest m;
    fill(&m);
    m.size = LARGE_SIZE_MAX + 1;
    assert_refused(&m, "length");
    fill(&m);
    m.size = 0;
    m.target_count = 0;
    assert_refused(&m, "length");
}
END_TEST

START_TEST(more_or_fewer_chunks_than_the_length_needs)
{
    struct manifest m;
    fill(&m);
    m.target_count = TARGETS + 1;
    assert_refused(&m, "chunks");
    m.target_count = TARGETS - 1;
    assert_refused(&m, "chunks");
    m.target_count = 0;
    assert_refused(&m, "chunks");
    fill(&m);
    m.size = CHUNK_DATA_SIZE;
    assert_refused(&m, "chunks");
    fill(&m);
    m.size = MANIFEST_TARGETS_MAX * CHUNK_DATA_SIZE + 1;
    m.target_count = MANIFEST_TARGETS_MAX;
    assert_refused(&m, "chunks");
}
END_TEST

START_TEST(other_fields)
{
    struct manifest m;
    fill(&m);
    m.expiry_unix_s = (uint64_t)-5;
    assert_refused(&m, "end");
}
END_TEST

static const char *const malformed[] = {"",
                                        "de",
                                        "le",
                                        "4:abcd",
                                        "d1:c1:b1:h0:e",
                                        "d1:c1:b1:h0:1:li1e1:p0:1:xi1e",
                                        "d1:c1:b1:h0:1:li1e1:p0:1:xi1e1:z0:e",
                                        "d1:b1:b1:h0:1:li1e1:p0:1:xi1ee",
                                        "d1:c1:b1:l1:11:h0:1:p0:1:xi1ee",
                                        "d1:c1:b1:h0:1:li1e1:p0:1:xi1ee1:a"};

START_TEST(anything_else)
{
    struct manifest out;
    const char *fault = NULL;
    ck_assert(!manifest_parse(bytes_of_string(malformed[_i]), &out, &fault));
    ck_assert_msg(strstr(fault, "form") != NULL, "says: %s", fault);
}
END_TEST

START_TEST(unknown_content_and_a_short_hash)
{
    struct manifest out;
    const char *fault = NULL;
    ck_assert(!manifest_parse(bytes_of_string("d1:c1:m1:h0:1:li1e1:p0:1:xi1ee"), &out, &fault));
    ck_assert_msg(strstr(fault, "kind") != NULL, "says: %s", fault);
    ck_assert(!manifest_parse(bytes_of_string("d1:c1:b1:h2:aa1:li1e1:p0:1:xi1ee"), &out, &fault));
    ck_assert_msg(strstr(fault, "hash") != NULL, "says: %s", fault);
    ck_assert(!manifest_of_v(bytes_of_string("d1:m3:abc1:ti1e1:xi2ee"), &out));
    ck_assert(!manifest_of_v(bytes_of_string("d1:j2:{}1:ti1e1:xi2ee"), &out));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, as_written, 0, 3);
    tcase_add_test(tests, the_largest_fits_into_a_record);
    tcase_add_test(tests, lengths_out_of_range);
    tcase_add_test(tests, more_or_fewer_chunks_than_the_length_needs);
    tcase_add_test(tests, other_fields);
    tcase_add_loop_test(tests, anything_else, 0, (int)(sizeof malformed / sizeof *malformed));
    tcase_add_test(tests, unknown_content_and_a_short_hash);
}
