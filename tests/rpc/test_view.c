/* What many are told is formatted once, whoever of them wants it: each gets what was signed since
 * the time it named. */
#include <check.h>
#include <ctype.h>

#include "common/hex.h"
#include "rpc/streams/feed.h"
#include "tests/rpc/listeners.h"
#include "tests/runner.h"

static struct listeners *l;

START_TEST(each_is_told_what_was_signed_since_then)
{
    listeners_multi(&l->client, ",\"since\":20");
    listeners_multi(&l->client, "");
    listeners_multi(&l->client, ",\"since\":30");
    ck_assert_uint_eq(listeners_feed(l)->view_count, 1);
    listeners_value(l, true, 'a', 'x', 1, 19);
    listeners_value(l, true, 'b', 'x', 1, 20);
    listeners_value(l, true, 'c', 'x', 1, 30);
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "3:value 30; 3:synced; 2:value 19; 2:value 20; 2:value 30; 2:synced; "
                        "1:value 20; 1:value 30; 1:synced");
    listeners_value(l, false, 'd', 'x', 1, 25);
    listeners_expect(l, "2:value 25; 1:value 25");
    listeners_value(l, false, 'e', 'x', 1, 5);
    listeners_expect(l, "2:value 5");
    listeners_tell(l, LISTEN_EXPIRED, false, 'a', 'x', 1, 0);
    listeners_expect(l, "3:expired; 2:expired; 1:expired");
}
END_TEST

START_TEST(what_came_during_a_reading_is_told_since_then_too)
{
    listeners_join(l);
    listeners_multi(&l->client, ",\"since\":20");
    listeners_multi(&l->client, ",\"since\":40");
    listeners_value(l, false, 'a', 'x', 1, 10);
    listeners_value(l, false, 'b', 'x', 1, 30);
    listeners_expect(l, "1:value 10; 1:value 30");
    const struct listeners_entry entries[] = {{'c', 'x', 1, 35}, {'d', 'x', 1, 15}};
    listeners_read(l, entries, 2, ERR_OK);
    listeners_expect(l, "2:value 35; 2:synced; 2:value 30");
    listeners_value(l, false, 'e', 'x', 1, 50);
    listeners_expect(l, "2:value 50; 1:value 50");
    listeners_read(l, entries, 2, ERR_OK); /* for who joined while the other was read */
    listeners_expect(l, "3:synced; 3:value 50");
}
END_TEST

/* A part of the replay that found no room is a gap for those alone who wanted it. */
START_TEST(a_gap_counts_what_one_wanted)
{
    listeners_multi(&l->client, ",\"since\":20");
    listeners_multi(&l->client, "");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_value(l, true, 'b', 'x', 1, 30);
    size_t used = l->dispatch.feeds.budget.used;
    l->dispatch.feeds.budget.used = BUDGET_BYTES;
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "2:gap 2; 2:synced; 1:gap 1; 1:synced");
    l->dispatch.feeds.budget.used -= BUDGET_BYTES - used;
}
END_TEST

/* Each is a text of its own to be formatted. */
START_TEST(an_owner_has_so_many_names_at_most)
{
    char hex[2 * KEYS_PUBLIC_SIZE + 1], params[256];
    size_t made = 0, refused = 0;
    hex_encode(bytes_of(l->fake.keys[0].public_key, KEYS_PUBLIC_SIZE), hex);
    for (size_t i = 0; i < 2 * VIEWS_MAX; i++) {
        for (size_t at = 0, bit = 0; hex[at] != '\0'; at++) {
            if (isalpha((unsigned char)hex[at]))
                hex[at] = (char)((i >> bit++ & 1) != 0 ? toupper((unsigned char)hex[at])
                                                       : tolower((unsigned char)hex[at]));
        }
        snprintf(params, sizeof params, "[\"%s\",\"profile\",\"s\"]", hex);
        listeners_call(&l->reader, "listen", params);
        json_t *reply = listeners_line(&l->reader);
        json_t *code = json_object_get(json_object_get(reply, "error"), "code");
        made += code == NULL;
        refused += json_integer_value(code) == 429;
        json_decref(reply);
    }
    ck_assert_uint_eq(made, VIEWS_MAX);
    ck_assert_uint_eq(refused, VIEWS_MAX);
    dispatch_client_half_closed(&l->reader);
    ck_assert_uint_eq(l->dispatch.feeds.by_key.count, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    l = listeners_fixture(tests);
    tcase_add_test(tests, each_is_told_what_was_signed_since_then);
    tcase_add_test(tests, what_came_during_a_reading_is_told_since_then_too);
    tcase_add_test(tests, a_gap_counts_what_one_wanted);
    tcase_add_test(tests, an_owner_has_so_many_names_at_most);
}
