/* A list of contacts stays in order of distance, without an id twice, and within its limit. */
#include "daemon/dht/routing/contact.h"

#include <check.h>

#include "tests/runner.h"

#define MAX 3u

static struct contact list[MAX];
static const struct id target;

static size_t insert(size_t count, uint8_t distance)
{
    struct contact contact = {0};
    contact.id.b[ID_SIZE - 1] = distance;
    return contact_insert(list, count, MAX, &target, &contact);
}

static void assert_list(size_t count, const char *distances)
{
    ck_assert_uint_eq(count, strlen(distances));
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(list[i].id.b[ID_SIZE - 1], (uint8_t)distances[i]);
}

START_TEST(nearest_first_and_the_farthest_falls_out)
{
    size_t count = insert(0, 'c');
    count = insert(count, 'e');
    assert_list(count, "ce");
    count = insert(count, 'd');
    assert_list(count, "cde");
    count = insert(count, 'f');
    assert_list(count, "cde");
    count = insert(count, 'a');
    assert_list(count, "acd");
}
END_TEST

START_TEST(an_id_stands_there_once)
{
    size_t count = insert(insert(0, 'b'), 'a');
    count = insert(count, 'a');
    count = insert(count, 'b');
    assert_list(count, "ab");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, nearest_first_and_the_farthest_falls_out);
    tcase_add_test(tests, an_id_stands_there_once);
}
