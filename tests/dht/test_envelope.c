/* An envelope is read only from its one canonical form and is written back byte for byte; every
 * other value, however near, is foreign and untouched. */
#include "daemon/dht/records/envelope.h"
#include "tests/runner.h"

#include <check.h>

struct sample {
    const char *v;
    enum envelope_content content;
    const char *body; /* NULL: none */
    bool has_time, has_expiry;
    uint64_t time_unix_s, expiry_unix_s;
};

static const struct sample samples[] = {
    {"d1:j2:{}1:ti1700000000e1:xi1701209600ee", ENVELOPE_JSON, "{}", true, true, 1700000000,
     1701209600},
    {"d1:j4:nulle", ENVELOPE_JSON, "null", false, false, 0, 0},
    {"d1:j0:e", ENVELOPE_JSON, "", false, false, 0, 0},
    {"d1:b3:abc1:ti0ee", ENVELOPE_BYTES, "abc", true, false, 0, 0},
    {"d1:c3:abc1:xi9223372036854775807ee", ENVELOPE_SEALED, "abc", false, true, 0, INT64_MAX},
    {"d1:m3:abc1:ti1e1:xi2ee", ENVELOPE_MANIFEST, "abc", true, true, 1, 2},
    {"d1:ti1e1:xi2ee", ENVELOPE_DELETED, NULL, true, true, 1, 2},
    {"d1:ti1ee", ENVELOPE_DELETED, NULL, true, false, 1, 0},
};

static const char *const foreign[] = {
    "",
    "12:Hello World!",
    "i5e",
    "le",
    "de",
    "d1:xi1ee",
    "d1:j2:{}e1:x",
    "d1:j2:{}",
    "d1:j2:{}1:ti1e",
    "d1:ji1ee",
    "d1:jlee",
    "d1:j2:{}1:t1:1e",
    "d1:j2:{}1:ti-1ee",
    "d1:j2:{}1:ti01ee",
    "d1:j2:{}1:ti9223372036854775808ee",
    "d1:j02:{}e",
    "d1:ti1e1:j2:{}e",
    "d1:j2:{}1:xi2e1:ti1ee",
    "d1:b1:a1:j2:{}1:ti1ee",
    "d1:j2:{}1:j2:{}e",
    "d1:j2:{}1:k1:ae",
    "d1:a1:a1:j2:{}e",
    "d1:j2:{}2:tti1ee",
    "d0:0:1:j2:{}e",
};

static void assert_written(const struct envelope *e, const char *v)
{
    uint8_t buffer[256];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    envelope_write(&w, e);
    ck_assert_msg(bytes_is_string(wire_written(&w), v), "%s", v);
    wire_writer_init(&w, buffer, strlen(v) > 0 ? strlen(v) - 1 : 0);
    envelope_write(&w, e);
    ck_assert_int_eq(w.failed, strlen(v) > 0);
}

START_TEST(envelopes)
{
    const struct sample *s = &samples[_i];
    struct envelope e;
    envelope_parse(bytes_of_string(s->v), &e);
    ck_assert_int_eq(e.content, s->content);
    ck_assert_int_eq(e.body.data != NULL, s->body != NULL);
    if (s->body != NULL)
        ck_assert(bytes_is_string(e.body, s->body));
    ck_assert_int_eq(e.has_time, s->has_time);
    ck_assert_int_eq(e.has_expiry, s->has_expiry);
    ck_assert_uint_eq(e.time_unix_s, s->time_unix_s);
    ck_assert_uint_eq(e.expiry_unix_s, s->expiry_unix_s);
    assert_written(&e, s->v);
}
END_TEST

START_TEST(foreign_values)
{
    struct envelope e;
    envelope_parse(bytes_of_string(foreign[_i]), &e);
    ck_assert_msg(e.content == ENVELOPE_FOREIGN, "%s", foreign[_i]);
    ck_assert(bytes_is_string(e.body, foreign[_i]));
    ck_assert(!e.has_time && !e.has_expiry);
    assert_written(&e, foreign[_i]);
}
END_TEST

START_TEST(a_time_that_no_reader_would_take)
{
    uint8_t buffer[64];
    struct wire_writer w;
    struct envelope e = {.content = ENVELOPE_JSON,
                         .body = bytes_of_string("1"),
                         .has_time = true,
                         .time_unix_s = (uint64_t)INT64_MAX + 1};
    wire_writer_init(&w, buffer, sizeof(buffer));
    envelope_write(&w, &e);
    ck_assert(w.failed);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, envelopes, 0, (int)(sizeof(samples) / sizeof(samples[0])));
    tcase_add_loop_test(tests, foreign_values, 0, (int)(sizeof(foreign) / sizeof(foreign[0])));
    tcase_add_test(tests, a_time_that_no_reader_would_take);
}
