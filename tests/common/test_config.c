/* Configuration text yields each pair with its line, and whatever libinih would misread is refused
 * with the line and the reason. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/config.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

struct seen {
    char text[1024];
    const char *refuse; /* the key whose callback says no */
};

static bool note(void *context, const char *key, const char *value, unsigned line,
                 struct config_error *error)
{
    struct seen *seen = context;
    if (seen->refuse != NULL && strcmp(seen->refuse, key) == 0) {
        snprintf(error->text, sizeof(error->text), "no");
        return false;
    }
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof(seen->text) - used, "%u:%s=%s|", line, key, value);
    return true;
}

static enum err parse(const char *text, struct seen *seen, struct config_error *error)
{
    memset(seen, 0, sizeof(*seen));
    return config_parse(bytes_of_string(text), note, seen, error);
}

START_TEST(pairs_come_with_their_lines)
{
    struct seen seen;
    struct config_error error;
    const char *text = "# a comment\n\nport = 4001\n ; indented comment\n\t\n"
                       "bootstrap=[::1]:4001\r\nnetwork =  town \nempty =\nlast = a=b;c";
    ck_assert_int_eq(parse(text, &seen, &error), ERR_OK);
    ck_assert_str_eq(seen.text,
                     "3:port=4001|6:bootstrap=[::1]:4001|7:network=town|8:empty=|9:last=a=b;c|");
}
END_TEST

START_TEST(a_repeated_key_comes_each_time)
{
    struct seen seen;
    struct config_error error;
    ck_assert_int_eq(parse("bind = ::1\nbind = 127.0.0.1\n", &seen, &error), ERR_OK);
    ck_assert_str_eq(seen.text, "1:bind=::1|2:bind=127.0.0.1|");
}
END_TEST

START_TEST(an_empty_text_has_no_pairs)
{
    struct seen seen;
    struct config_error error;
    ck_assert_int_eq(parse("", &seen, &error), ERR_OK);
    ck_assert_int_eq(parse("\xef\xbb\xbf# mark first\n", &seen, &error), ERR_OK);
    ck_assert_str_eq(seen.text, "");
}
END_TEST

static void refused(const char *text, unsigned line, const char *word)
{
    struct seen seen;
    struct config_error error;
    ck_assert_int_eq(parse(text, &seen, &error), ERR_MALFORMED);
    ck_assert_uint_eq(error.line, line);
    ck_assert_msg(strstr(error.text, word) != NULL, "\"%s\" lacks \"%s\"", error.text, word);
}

START_TEST(what_would_be_misread_is_refused)
{
    refused("port = 1\n  4001\n", 2, "indented");
    refused("a = 1\n\nport = 4001 ; mine\n", 3, "comment");
    refused("[daemon]\nport = 1\n", 1, "sections");
    refused("port 4001\n", 1, "key = value");
    refused("port: 4001\n", 1, "key = value");
    refused("= 4001\n", 1, "key = value");
}
END_TEST

START_TEST(a_line_that_would_be_cut_is_refused)
{
    struct seen seen;
    struct config_error error;
    char line[400];
    memset(line, 'x', sizeof(line));
    memcpy(line, "a = ", 4);
    line[CONFIG_LINE_MAX] = '\0';
    ck_assert_int_eq(parse(line, &seen, &error), ERR_OK);
    ck_assert_uint_eq(strlen(seen.text), CONFIG_LINE_MAX - 4 + strlen("1:a=|"));
    memset(line, 'x', sizeof(line));
    memcpy(line, "a = ", 4);
    line[CONFIG_LINE_MAX + 1] = '\0';
    refused(line, 1, "longer");
}
END_TEST

START_TEST(a_zero_byte_is_refused)
{
    struct seen seen = {.text = ""};
    struct config_error error;
    ck_assert_int_eq(config_parse(bytes_of("a = b\0c\n", 8), note, &seen, &error), ERR_MALFORMED);
    ck_assert_uint_eq(error.line, 1);
}
END_TEST

START_TEST(the_callers_refusal_ends_the_reading)
{
    struct seen seen = {.refuse = "b"};
    struct config_error error;
    struct bytes text = bytes_of_string("a = 1\nb = 2\nc = 3\n");
    ck_assert_int_eq(config_parse(text, note, &seen, &error), ERR_MALFORMED);
    ck_assert_str_eq(seen.text, "1:a=1|");
    ck_assert_str_eq(error.text, "no");
    ck_assert_uint_eq(error.line, 2);
}
END_TEST

START_TEST(files_are_read_and_missing_ones_told)
{
    struct seen seen = {.text = ""};
    struct config_error error;
    struct scratch scratch;
    char path[PATH_MAX];
    scratch_make(&scratch);
    scratch_write(&scratch, "conf", "port = 1\n", 9);
    scratch_path(&scratch, "conf", path);
    ck_assert_int_eq(config_read(path, note, &seen, &error), ERR_OK);
    ck_assert_str_eq(seen.text, "1:port=1|");
    unlink(path);
    ck_assert_int_eq(config_read(path, note, &seen, &error), ERR_NOT_FOUND);
    ck_assert_int_eq(config_read(scratch.path, note, &seen, &error), ERR_IO);
    scratch_remove(&scratch);
}
END_TEST

START_TEST(a_file_that_is_too_large_is_refused)
{
    static char text[CONFIG_FILE_MAX + 1];
    struct seen seen = {.text = ""};
    struct config_error error;
    struct scratch scratch;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 8 == 0 ? '#' : i % 8 == 7 ? '\n' : 'x';
    scratch_make(&scratch);
    scratch_path(&scratch, "conf", path);
    scratch_write(&scratch, "conf", text, CONFIG_FILE_MAX);
    ck_assert_int_eq(config_read(path, note, &seen, &error), ERR_OK);
    scratch_write(&scratch, "conf", text, CONFIG_FILE_MAX + 1);
    ck_assert_int_eq(config_read(path, note, &seen, &error), ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(error.text, "256 KiB"));
    scratch_remove(&scratch);
}
END_TEST

static const char *name_at(size_t index)
{
    static const char *const names[] = {"datadir", "port", "bind", "bootstrap", "rpc-socket"};
    return index < 5 ? names[index] : NULL;
}

START_TEST(the_nearest_name_is_suggested)
{
    ck_assert_str_eq(config_nearest("prot", name_at), "port");
    ck_assert_str_eq(config_nearest("bootsrap", name_at), "bootstrap");
    ck_assert_str_eq(config_nearest("rpc_socket", name_at), "rpc-socket");
    ck_assert_ptr_null(config_nearest("quantum", name_at));
    ck_assert_ptr_null(config_nearest("transport", name_at)); /* though it ends with one */
    ck_assert_ptr_null(config_nearest("", name_at));
    ck_assert_ptr_null(config_nearest(
        "a-word-so-long-that-it-cannot-be-a-typing-error-of-any-key-there-is", name_at));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, pairs_come_with_their_lines);
    tcase_add_test(tests, a_repeated_key_comes_each_time);
    tcase_add_test(tests, an_empty_text_has_no_pairs);
    tcase_add_test(tests, what_would_be_misread_is_refused);
    tcase_add_test(tests, a_line_that_would_be_cut_is_refused);
    tcase_add_test(tests, a_zero_byte_is_refused);
    tcase_add_test(tests, the_callers_refusal_ends_the_reading);
    tcase_add_test(tests, files_are_read_and_missing_ones_told);
    tcase_add_test(tests, a_file_that_is_too_large_is_refused);
    tcase_add_test(tests, the_nearest_name_is_suggested);
}
