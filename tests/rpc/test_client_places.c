/* What was shown of a place is not shown again; what is newer is, whatever its slot looks like. */
#include <stdio.h>

#include "rpc/client/client_places.h"
#include "tests/runner.h"

static bool is_new(struct client_places *places, const char *event, const char *slot, int seq)
{
    char text[256];
    json_t *value = json_pack("{s:s, s:{s:i}}", "k", "aa", "p", "seq", seq);
    json_t *params = json_pack("{s:s, s:o}", "event", event, "value", value);
    json_t *part = json_object_get(value, "p");
    snprintf(text, sizeof text, "%s", slot);
    if (slot[0] == 'x')
        json_object_set_new(part, "slot_hex", json_string(slot + 1));
    else if (slot[0] != '\0')
        json_object_set_new(part, "slot", json_string(text));
    bool is_shown = client_places_is_new(places, params);
    json_decref(params);
    return is_shown;
}

START_TEST(only_a_higher_seq_is_new)
{
    struct client_places places = {0};
    ck_assert(is_new(&places, "value", "", 2));
    ck_assert(!is_new(&places, "value", "", 2));
    ck_assert(!is_new(&places, "value", "", 1));
    ck_assert(is_new(&places, "deleted", "", 3));
    ck_assert(!is_new(&places, "deleted", "", 3));
    ck_assert(is_new(&places, "value", "", 4));
    ck_assert(is_new(&places, "expired", "", 4));
    ck_assert(!is_new(&places, "expired", "", 3));
    client_places_clear(&places);
}
END_TEST

START_TEST(places_are_apart)
{
    struct client_places places = {0};
    ck_assert(is_new(&places, "value", "61", 1));
    ck_assert(is_new(&places, "value", "x61", 1)); /* the slot "a", were it shown in hex */
    ck_assert(is_new(&places, "value", "", 1));
    ck_assert(!is_new(&places, "value", "61", 1));
    json_t *synced = json_pack("{s:s}", "event", "synced");
    ck_assert(client_places_is_new(&places, synced));
    ck_assert(client_places_is_new(&places, synced));
    json_decref(synced);
    client_places_clear(&places);
}
END_TEST

START_TEST(the_first_shown_is_forgotten_first)
{
    struct client_places places = {0};
    char slot[24];
    for (unsigned i = 0; i <= CLIENT_PLACES_MAX; i++) {
        snprintf(slot, sizeof slot, "%u", i);
        ck_assert(is_new(&places, "value", slot, 1));
    }
    ck_assert_uint_eq(json_object_size(places.seqs), CLIENT_PLACES_MAX);
    ck_assert(!is_new(&places, "value", "1", 1));
    ck_assert(is_new(&places, "value", "0", 1));
    client_places_clear(&places);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, only_a_higher_seq_is_new);
    tcase_add_test(tests, places_are_apart);
    tcase_add_test(tests, the_first_shown_is_forgotten_first);
}
