/* The picture must fit any size, show the numbers that there are, and nothing that could move the
 * cursor. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/client/client_top_draw.h"
#include "tests/runner.h"

#define INFO                                                                                       \
    "{\"version\":\"0.1.0\",\"network\":\"home\",\"id\":"                                          \
    "\"8c769cdb30405f147552b46f7a438eac0eec63d4\",\"role\":\"server\",\"role_why\":\"bound to "    \
    "loopback\",\"state\":\"online\",\"uptime\":93784,\"addresses\":{\"bound\":[\"127.0.0.1:9\"]}" \
    ",\"dht_nodes\":28,\"dht_global_nodes\":64,\"stored\":12,\"stored_bytes\":3174,"               \
    "\"max_bytes\":268435456,\"evicted\":1,\"kept_puts\":3,\"under_way\":2,\"clients\":4,"         \
    "\"subscriptions\":{\"listening\":5,\"serving\":6},\"traffic\":{}}"

static struct top_state state;
static struct json_text text;

static json_t *parse(const char *json)
{
    json_t *value = json_read(bytes_of_string(json), 16, NULL, 0);
    ck_assert_ptr_nonnull(value);
    return value;
}

static void event(const char *json)
{
    json_t *params = parse(json);
    top_state_event(&state, params, 1000);
    json_decref(params);
}

static void setup(void)
{
    json_t *info = parse(INFO);
    state = (struct top_state){0};
    text = (struct json_text){0};
    top_state_info(&state, info, 1000);
    json_decref(info);
}

static void teardown(void)
{
    top_state_clear(&state);
    json_text_clear(&text);
}

/* Buckets 0 to `count` - 1, each with eight nodes, one of which fails. */
static void fill_buckets(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        state.buckets[i] = (struct top_bucket){.live = 7, .failing = 1};
    state.bucket_count = count;
    state.families = 1;
}

/* The visible characters of a line: attributes do not count. SIZE_MAX: there is one among them that
 * moves the cursor. */
static size_t width_of(const char *line, size_t size)
{
    size_t width = 0;
    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\033') {
            while (line[i] != 'm')
                i++;
            continue;
        }
        if (line[i] < ' ' || line[i] > '~')
            return SIZE_MAX;
        width++;
    }
    return width;
}

static const char *draw(unsigned rows, unsigned columns)
{
    unsigned lines = 1;
    size_t widest = 0;
    text.size = 0;
    top_draw(&text, &state, rows, columns);
    json_text_append(&text, "", 1);
    for (const char *at = text.data;; lines++) {
        size_t size = strcspn(at, "\n"), width = width_of(at, size);
        widest = width > widest ? width : widest;
        if (at[size] == '\0')
            break;
        at += size + 1;
    }
    ck_assert_uint_le(widest, columns);
    ck_assert_uint_le(lines, rows);
    return text.data;
}

START_TEST(what_is_known_is_shown)
{
    fill_buckets(3);
    event("{\"class\":\"lookups\",\"event\":\"started\",\"lookup\":1,\"for\":\"get\","
          "\"target\":\"4a4b4c4d00\"}");
    event("{\"class\":\"lookups\",\"event\":\"step\",\"lookup\":1,\"step\":\"asked\"}");
    event("{\"class\":\"lookups\",\"event\":\"step\",\"lookup\":1,\"step\":\"answered\","
          "\"shared_bits\":3,\"hop\":1}");
    const char *const shown[] = {
        "xord 0.1.0  online  server  up 1 d 2 h  home",
        "id 8c769cdb30405f147552b46f7a438eac0eec63d4  127.0.0.1:9",
        "nodes 28 of about 64, clients 4, listening to 5, telling 6, under way 2",
        "store 12, 3.1 KiB of 256.0 MiB, kept 3, evicted 1",
        "   0  #######-  8",
        "   2  #######-  8",
        "get       4a4b4c4d ######......  3 bits  1/1  looking",
    };
    const char *page = draw(24, 80);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        ck_assert_msg(strstr(page, shown[i]) != NULL, "there is no \"%s\" in\n%s", shown[i], page);
}
END_TEST

START_TEST(silence_is_told)
{
    top_state_tidy(&state, 1000 + TOP_SILENT_MS - 1);
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "xord 0.1.0  online  server"));
    top_state_tidy(&state, 1000 + 130000);
    ck_assert_ptr_nonnull(strstr(draw(10, 40), "xord 0.1.0  no answer for 2 min  server"));
}
END_TEST

START_TEST(any_size_is_filled_and_none_passed)
{
    fill_buckets(TOP_BUCKETS_MAX);
    for (unsigned i = 0; i < TOP_LOOKUPS_MAX; i++) {
        char line[160];
        snprintf(line, sizeof line,
                 "{\"class\":\"lookups\",\"event\":\"started\",\"lookup\":%u,"
                 "\"for\":\"republish of all\",\"target\":\"4a4b4c4d00\"}",
                 i);
        event(line);
    }
    for (unsigned rows = 1; rows < 70; rows++)
        for (unsigned columns = 1; columns < 700; columns += 3)
            draw(rows, columns);
}
END_TEST

START_TEST(the_smallest_size_shows_all_parts)
{
    fill_buckets(5);
    event("{\"class\":\"lookups\",\"event\":\"started\",\"lookup\":1,\"for\":\"get\"}");
    const char *page = draw(TOP_ROWS_MIN, TOP_COLUMNS_MIN);
    ck_assert_ptr_nonnull(strstr(page, "nodes 28 of about 64, clients 4\n"));
    ck_assert_ptr_nonnull(strstr(page, "by bits: 8 8 8 8 8\n"));
    ck_assert_ptr_nonnull(strstr(page, "get "));
    ck_assert_ptr_nonnull(strstr(draw(TOP_ROWS_MIN - 1, TOP_COLUMNS_MIN), "needs 40 by 10"));
    ck_assert_ptr_nonnull(strstr(draw(TOP_ROWS_MIN, TOP_COLUMNS_MIN - 1), "needs 40 by 10"));
}
END_TEST

START_TEST(more_than_fits_is_counted)
{
    fill_buckets(30);
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "and 14 more"));
    ck_assert_ptr_nonnull(strstr(draw(20, 60), "and 25 more"));
}
END_TEST

START_TEST(what_could_move_the_cursor_is_not_shown)
{
    json_t *info = parse("{\"network\":\"\\u001b[2Jx\\u009b\",\"state\":\"a\\nb\"}");
    top_state_info(&state, info, 2000);
    json_decref(info);
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "?[2Jx??"));
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "a?b"));
}
END_TEST

START_TEST(what_is_not_known_is_said)
{
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "none yet"));
    state.is_blind = true;
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "full socket alone"));
    state.missed = 7;
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "7 events were missed"));
    top_state_clear(&state);
    ck_assert_ptr_nonnull(strstr(draw(24, 80), "asking the daemon"));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_known_is_shown);
    tcase_add_test(tests, silence_is_told);
    tcase_add_test(tests, any_size_is_filled_and_none_passed);
    tcase_add_test(tests, the_smallest_size_shows_all_parts);
    tcase_add_test(tests, more_than_fits_is_counted);
    tcase_add_test(tests, what_could_move_the_cursor_is_not_shown);
    tcase_add_test(tests, what_is_not_known_is_said);
}
