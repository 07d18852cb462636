/* What is cut is joined again, byte for byte, at every size where the tree changes its shape; and
 * nothing is joined of chunks that are not exactly those of the manifest. */
#include "rpc/transfer/join.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "daemon/dht/records/record.h"
#include "rpc/transfer/cut.h"
#include "tests/runner.h"

#define EXPIRY 1702592000u

static uint8_t content[LARGE_SIZE_MAX];
static struct id targets[CHUNK_COUNT_MAX];
static struct cut cut;
static struct manifest manifest;

static void cut_up(size_t size)
{
    for (size_t i = 0; i < size; i++) {
        content[i] = (uint8_t)((i * 2654435761u) >> 13);
    }
    cut_init(&cut, bytes_of(content, size), EXPIRY, targets);
    cut_manifest(&cut, ENVELOPE_BYTES, &manifest);
}

/* Which chunk of the cut has this target, as a node would know it. */
static size_t find(const struct id *target)
{
    for (size_t i = 0; i < cut.list_count + cut.data_count; i++) {
        if (id_equal(&targets[i], target)) {
            return i;
        }
    }
    ck_abort_msg("a target that no chunk has");
    return 0;
}

static void take_all(struct join *join)
{
    uint8_t buffer[CHUNK_V_MAX];
    size_t index;
    while (join_next(join, &index)) {
        size_t found = find(join_target(join, index));
        ck_assert(join_take(join, index, cut_chunk(&cut, found, buffer)));
    }
}

struct shape {
    size_t size, data, lists;
};

static const struct shape shapes[] = {
    {1, 1, 0},
    {959, 1, 0},
    {960, 1, 0},
    {961, 2, 0},
    {996, 2, 0},
    {1000, 2, 0},
    {40 * 960, 40, 0},
    {40 * 960 + 1, 41, 1},
    {48 * 960, 48, 1},
    {48 * 960 + 1, 49, 2},
    {LARGE_SIZE_MAX - 1, 1093, 23},
    {LARGE_SIZE_MAX, 1093, 23},
};

START_TEST(joined_as_cut)
{
    const struct shape *shape = &shapes[_i];
    struct bytes whole;
    cut_up(shape->size);
    ck_assert_uint_eq(cut.data_count, shape->data);
    ck_assert_uint_eq(cut.list_count, shape->lists);
    ck_assert_uint_eq(cut_count(shape->size), shape->data + shape->lists);
    ck_assert_uint_eq(manifest.target_count, shape->lists > 0 ? shape->lists : shape->data);
    struct join *join = join_new(&manifest);
    take_all(join);
    ck_assert(join_is_full(join));
    ck_assert(join_whole(join, &whole));
    ck_assert_uint_eq(whole.size, shape->size);
    ck_assert_mem_eq(whole.data, content, shape->size);
    free(join);
}
END_TEST

START_TEST(a_chunk_is_an_item_of_any_node)
{
    uint8_t buffer[CHUNK_V_MAX];
    cut_up(LARGE_SIZE_MAX);
    for (size_t i = 0; i < cut_count(LARGE_SIZE_MAX); i++) {
        struct record record = {
            .kind = RECORD_IMMUTABLE, .target = targets[i], .v = cut_chunk(&cut, i, buffer)};
        uint64_t expiry_unix_s;
        ck_assert_int_eq(record_check(&record), ERR_OK);
        ck_assert_int_eq(record_expiry(&record, EXPIRY - 10, EXPIRY - 10, &expiry_unix_s), ERR_OK);
        ck_assert_uint_eq(expiry_unix_s, EXPIRY);
    }
}
END_TEST

START_TEST(data_waits_for_its_list)
{
    uint8_t buffer[CHUNK_V_MAX];
    size_t index;
    cut_up(49 * CHUNK_DATA_SIZE);
    struct join *join = join_new(&manifest);
    ck_assert(join_next(join, &index) && index == 0);
    ck_assert(join_next(join, &index) && index == 1);
    ck_assert(!join_next(join, &index));
    ck_assert(join_take(join, 1, cut_chunk(&cut, 1, buffer)));
    ck_assert(!join_next(join, &index)); /* the first list's data come first */
    ck_assert(join_take(join, 0, cut_chunk(&cut, 0, buffer)));
    ck_assert(join_next(join, &index) && index == 2);
    free(join);
}
END_TEST

/* A v like chunk `index`, but with one thing changed. */
static struct bytes damaged(size_t index, int what, uint8_t buffer[CHUNK_V_MAX])
{
    static uint8_t body[CHUNK_DATA_SIZE + 1];
    struct envelope envelope;
    struct wire_writer w;
    envelope_parse(cut_chunk(&cut, index, buffer), &envelope);
    memcpy(body, envelope.body.data, envelope.body.size);
    envelope.body.data = body;
    envelope.body.size += what == 0;
    envelope.body.size -= what == 1;
    envelope.expiry_unix_s += what == 2;
    envelope.has_time = what == 3;
    envelope.has_expiry = what != 4;
    envelope.content = what == 5 ? ENVELOPE_JSON : ENVELOPE_BYTES;
    wire_writer_init(&w, buffer, CHUNK_V_MAX);
    envelope_write(&w, &envelope);
    ck_assert(!w.failed);
    return wire_written(&w);
}

START_TEST(a_chunk_of_another_form_is_refused)
{
    uint8_t buffer[CHUNK_V_MAX];
    size_t index;
    cut_up(49 * CHUNK_DATA_SIZE - 10);
    struct join *join = join_new(&manifest);
    ck_assert(join_next(join, &index));
    ck_assert(!join_take(join, index, damaged(index, _i, buffer)));
    ck_assert(!join_take(join, index, bytes_of_string("3:abc")));
    take_all(join);
    ck_assert(!join_is_full(join));
    ck_assert(join_take(join, index, cut_chunk(&cut, index, buffer)));
    take_all(join);
    ck_assert(join_is_full(join));
    free(join);
}
END_TEST

START_TEST(the_last_chunk_has_what_is_left)
{
    uint8_t buffer[CHUNK_V_MAX];
    cut_up(CHUNK_DATA_SIZE + 5);
    struct join *join = join_new(&manifest);
    ck_assert(!join_take(join, 1, cut_chunk(&cut, 0, buffer)));
    ck_assert(!join_take(join, 0, cut_chunk(&cut, 1, buffer)));
    free(join);
}
END_TEST

START_TEST(a_wrong_hash_gives_nothing)
{
    struct bytes whole;
    cut_up(5000);
    manifest.hash[31] ^= 1;
    struct join *join = join_new(&manifest);
    take_all(join);
    ck_assert(join_is_full(join));
    ck_assert(!join_whole(join, &whole));
    free(join);
}
END_TEST

START_TEST(equal_chunks_are_one)
{
    memset(content, 0, sizeof content);
    cut_init(&cut, bytes_of(content, 3 * CHUNK_DATA_SIZE), EXPIRY, targets);
    ck_assert(!cut_is_repeated(&cut, 0));
    ck_assert(cut_is_repeated(&cut, 1));
    ck_assert(cut_is_repeated(&cut, 2));
}
END_TEST

START_TEST(equal_content_until_the_same_second_is_equal)
{
    struct manifest first;
    cut_up(5000);
    first = manifest;
    cut_up(5000);
    ck_assert_mem_eq(&first, &manifest, sizeof first);
    cut_init(&cut, bytes_of(content, 5000), EXPIRY + 1, targets);
    ck_assert(!id_equal(&targets[0], &first.targets[0]));
}
END_TEST

/* As docs/PROTOCOL.md has it, whose long hex is broken over lines. */
static void assert_documented(struct bytes value)
{
    static char page[1 << 17];
    char text[2 * CHUNK_V_MAX + 1];
    size_t size = 0;
    FILE *file = fopen("docs/PROTOCOL.md", "r");
    ck_assert_msg(file != NULL, "run from the top of the source tree");
    for (int c; (c = fgetc(file)) != EOF && size < sizeof page - 1;) {
        page[size] = (char)c;
        size += !isspace(c);
    }
    fclose(file);
    page[size] = '\0';
    ck_assert_msg(strstr(page, hex_encode(value, text)) != NULL, "missing: %s", text);
}

START_TEST(the_page_has_it)
{
    uint8_t buffer[CHUNK_V_MAX], v[CHUNK_V_MAX];
    struct wire_writer w;
    memset(content, 'x', 1000);
    cut_init(&cut, bytes_of(content, 1000), EXPIRY, targets);
    cut_manifest(&cut, ENVELOPE_BYTES, &manifest);
    assert_documented(cut_chunk(&cut, 1, buffer));
    assert_documented(id_bytes(&targets[0]));
    assert_documented(id_bytes(&targets[1]));
    wire_writer_init(&w, buffer, sizeof buffer);
    manifest_write(&w, &manifest);
    struct envelope envelope = {.content = ENVELOPE_MANIFEST,
                                .body = wire_written(&w),
                                .has_time = true,
                                .time_unix_s = 1700000000,
                                .has_expiry = true,
                                .expiry_unix_s = 1701209600};
    wire_writer_init(&w, v, sizeof v);
    envelope_write(&w, &envelope);
    assert_documented(wire_written(&w));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_page_has_it);
    tcase_add_loop_test(tests, joined_as_cut, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_test(tests, a_chunk_is_an_item_of_any_node);
    tcase_add_test(tests, data_waits_for_its_list);
    tcase_add_loop_test(tests, a_chunk_of_another_form_is_refused, 0, 6);
    tcase_add_test(tests, the_last_chunk_has_what_is_left);
    tcase_add_test(tests, a_wrong_hash_gives_nothing);
    tcase_add_test(tests, equal_chunks_are_one);
    tcase_add_test(tests, equal_content_until_the_same_second_is_equal);
}
