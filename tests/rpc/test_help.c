/* Help lists every method of the table on a line of its own, and each has a page that names all of
 * its parameters. */
#include <check.h>
#include <stdio.h>
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
            char line[64];
            snprintf(line, sizeof line, "\n  %-17s %.20s", p->name, p->help);
            ck_assert_msg(strstr(text, line) != NULL, "%s: no line%s", rows[i].name, line);
        }
        free(text);
    }
}
END_TEST

START_TEST(a_page_says_which_socket_is_enough)
{
    static const char *const said = "Allowed on the read-only socket.";
    char *text = help_text("dhtget");
    ck_assert_ptr_nonnull(strstr(text, said));
    free(text);
    text = help_text("dhtput");
    ck_assert_ptr_null(strstr(text, said));
    free(text);
}
END_TEST

START_TEST(a_page_is_laid_out)
{
    char *text = help_text("resolvename");
    static const char *const begin = "resolvename <name> [timeout_ms=10000]\n";
    ck_assert_int_eq(strncmp(text, begin, strlen(begin)), 0);
    ck_assert_ptr_nonnull(strstr(text, "socket.\n\nAsks the network"));
    ck_assert_ptr_nonnull(strstr(text, "\n\n  name              "));
    ck_assert_ptr_nonnull(
        strstr(text, "\n  timeout_ms        how long to look (an integer from 1 to 600000)"));
    free(text);
    text = help_text("dhtget");
    ck_assert_ptr_nonnull(strstr(text, " * [verbose=false] "));
    free(text);
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
    tcase_add_test(tests, a_page_says_which_socket_is_enough);
    tcase_add_test(tests, a_page_is_laid_out);
    tcase_add_test(tests, an_alias_says_what_it_stands_for);
    tcase_add_test(tests, no_method_no_page);
}
