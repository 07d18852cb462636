/* Help lists every method of the table on a line of its own, and each has a page that names all of
 * its parameters. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/help.h"
#include "rpc/method.h"
#include "tests/runner.h"

START_TEST(every_method_has_one_line)
{
    char *text = help_text(NULL);
    size_t count, lines = 1;
    const struct method *rows = method_table(&count);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    ck_assert_uint_eq(lines, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(strstr(text, rows[i].name) != NULL, "%s is missing", rows[i].name);
    }
    free(text);
}
END_TEST

START_TEST(every_page_names_its_parameters)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        char *text = help_text(rows[i].name);
        ck_assert_ptr_nonnull(text);
        ck_assert_int_eq(strncmp(text, rows[i].name, strlen(rows[i].name)), 0);
        for (const struct param *p = rows[i].params; p->name != NULL; p++) {
            ck_assert_msg(strstr(text, p->name) != NULL, "%s: no %s", rows[i].name, p->name);
        }
        free(text);
    }
}
END_TEST

START_TEST(an_alias_says_what_it_stands_for)
{
    char *text = help_text("createwalletuser");
    ck_assert_ptr_nonnull(strstr(text, "The same as createkey."));
    free(text);
}
END_TEST

START_TEST(no_method_no_page)
{
    ck_assert_ptr_null(help_text("nosuchmethod"));
    ck_assert_ptr_null(help_text(""));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, every_method_has_one_line);
    tcase_add_test(tests, every_page_names_its_parameters);
    tcase_add_test(tests, an_alias_says_what_it_stands_for);
    tcase_add_test(tests, no_method_no_page);
}
