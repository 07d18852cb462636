/* A trace must be shown so that a person sees the lookup come closer: farthest first, shrinking
 * bars, who was silent, who is among the closest. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/client/client_lookup.h"
#include "rpc/json/json.h"
#include "tests/runner.h"

#define TARGET "0000000000000000000000000000000000000000"
#define STEP(id, hop, distance, rest)                                                              \
    "{\"id\":\"" id "\",\"addr\":\"127.0.0.1:1\",\"hop\":" hop ",\"distance\":" distance "," rest  \
    "}"
#define NEAR   "000100000000000000000000000000000000000b"
#define MIDDLE "000800000000000000000000000000000000000c"
#define FAR    "400000000000000000000000000000000000000d"

static char *shown;

static void show(const char *result_text)
{
    size_t size;
    json_t *result = json_read(bytes_of_string(result_text), 8, NULL, 0);
    ck_assert_ptr_nonnull(result);
    FILE *out = open_memstream(&shown, &size);
    client_lookup_print(out, result);
    fclose(out);
    json_decref(result);
}

/* The line that begins so far down, without its line feed; the next call ends it. */
static const char *line(size_t number)
{
    static char copy[256];
    const char *at = shown;
    while (number-- > 0)
        at = strchr(at, '\n') + 1;
    snprintf(copy, sizeof copy, "%.*s", (int)strcspn(at, "\n"), at);
    return copy;
}

static size_t bar(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '#';
    return count;
}

START_TEST(the_distance_shrinks_from_line_to_line)
{
    show("{\"target\":\"" TARGET "\",\"hops\":2,\"ms\":9,\"closest\":[{\"id\":\"" NEAR "\"}],"
         "\"trace\":[" STEP(NEAR, "2", "145", "\"rtt_ms\":3,\"answered\":true") "," STEP(
             MIDDLE, "1", "148", "\"rtt_ms\":null,\"answered\":false") "," //
         STEP(FAR, "0", "159", "\"rtt_ms\":12,\"answered\":true") "]}");
    ck_assert_str_eq(line(0), "target " TARGET);
    ck_assert_str_eq(line(3), "    0  159 ####################  4000000000000000  127.0.0.1:1    "
                              "         12 ms");
    size_t first = bar(line(3)), second = bar(line(4)), third = bar(line(5));
    ck_assert_uint_gt(first, second);
    ck_assert_uint_gt(second, third);
    ck_assert_uint_eq(third, 1);
    ck_assert_ptr_nonnull(strstr(line(4), "silent"));
    ck_assert_int_eq(line(4)[0], ' ');
    ck_assert_int_eq(line(5)[0], '*');
    ck_assert_str_eq(line(7), "3 asked, 2 answered, 2 hops, 9 ms; * the 1 closest");
    for (size_t i = 0; i < 8; i++)
        ck_assert_uint_le(strlen(line(i)), 80);
    free(shown);
}
END_TEST

START_TEST(one_step_and_none_are_shown_too)
{
    show("{\"target\":\"" TARGET "\",\"hops\":0,\"ms\":0,\"closest\":[],\"trace\":[" STEP(
        FAR, "0", "159", "\"answered\":false") "]}");
    ck_assert_uint_eq(bar(line(3)), 20);
    free(shown);
    show("{\"target\":\"" TARGET "\",\"hops\":0,\"ms\":0,\"closest\":[],\"trace\":[]}");
    ck_assert_str_eq(line(4), "0 asked, 0 answered, 0 hops, 0 ms; * the 0 closest");
    free(shown);
}
END_TEST

START_TEST(a_long_address_widens_its_column)
{
    show("{\"target\":\"" TARGET "\",\"hops\":1,\"ms\":9,\"closest\":[],\"trace\":["
         "{\"id\":\"" NEAR
         "\",\"addr\":\"[2001:db8:1:2:3:4:5:6]:50823\",\"hop\":1,\"distance\":145,"
         "\"rtt_ms\":3,\"answered\":true}," STEP(FAR, "0", "159", "\"answered\":false") "]}");
    size_t column = strlen(line(2)) - strlen("answer");
    ck_assert_str_eq(line(3) + column, "silent");
    ck_assert_str_eq(line(4) + column, "  3 ms");
    ck_assert_str_eq(line(6), "2 asked, 1 answered, 1 hop, 9 ms; * the 0 closest");
    free(shown);
}
END_TEST

START_TEST(what_is_no_lookup_does_no_harm)
{
    show("{\"target\":7,\"trace\":[{\"id\":\"zz\"},{},[]],\"closest\":{}}");
    ck_assert_uint_gt(strlen(shown), 0);
    free(shown);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_distance_shrinks_from_line_to_line);
    tcase_add_test(tests, one_step_and_none_are_shown_too);
    tcase_add_test(tests, a_long_address_widens_its_column);
    tcase_add_test(tests, what_is_no_lookup_does_no_harm);
}
