/* A bar is one line, drawn over itself, and leaves nothing behind. */
#include "rpc/client/client_bar.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

static char *text;
static size_t size;
static struct client_bar bar;

static void setup(void)
{
    bar = (struct client_bar){.out = open_memstream(&text, &size)};
}

static void teardown(void)
{
    fclose(bar.out);
    free(text);
}

static void draw(const char *method, int done, int of)
{
    json_t *notification = json_pack("{s:s, s:{s:i, s:i, s:i}}", "method", method, "params", "done",
                                     done, "of", of, "bytes", done * 1024);
    client_bar_draw(&bar, notification);
    json_decref(notification);
}

START_TEST(drawn_over_itself_and_gone)
{
    draw("progress", 25, 100);
    ck_assert_str_eq(text, "\r[##########                              ]  25 %    25 KiB");
    draw("progress", 99, 100);
    ck_assert_ptr_nonnull(strstr(text, "\r[####################################### ]  99 %"));
    client_bar_erase(&bar);
    ck_assert_str_eq(text + size - 4, "\r\033[K");
    ck_assert_ptr_null(strchr(text, '\n'));
    size_t before = size;
    client_bar_erase(&bar);
    ck_assert_uint_eq(size, before);
}
END_TEST

START_TEST(nothing_is_drawn_of_anything_else)
{
    draw("progress", 100, 100);
    draw("progress", 0, 0);
    draw("progress", -1, 100);
    draw("listen", 1, 2);
    client_bar_erase(&bar);
    fflush(bar.out);
    ck_assert_uint_eq(size, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, drawn_over_itself_and_gone);
    tcase_add_test(tests, nothing_is_drawn_of_anything_else);
}
