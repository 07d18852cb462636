/* A saved file is there whole with its mode or the old one stays, and reading tells why it failed.
 */
#include "daemon/file.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/store_sample.h"
#include "tests/runner.h"

static char *directory;
static char path[128], temporary[140];

static void set_up(void)
{
    directory = sample_directory();
    snprintf(path, sizeof(path), "%s/file", directory);
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
}

static void tear_down(void)
{
    sample_remove(directory);
}

static void expect(const char *text)
{
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(file_read(path, 100, &data, &size), ERR_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_str_eq((const char *)data, text);
    free(data);
}

START_TEST(a_save_replaces_the_whole_file_and_its_mode)
{
    struct stat st;
    ck_assert_int_eq(file_save_atomically(path, "a longer text", 13, 0644), ERR_OK);
    expect("a longer text");
    ck_assert_int_eq(file_save_atomically(path, "short", 5, 0600), ERR_OK);
    expect("short");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(temporary, &st), -1);
}
END_TEST

START_TEST(so_does_one_whose_directory_is_not_synced)
{
    struct stat st;
    ck_assert_int_eq(file_save_whole(path, "a longer text", 13, 0644), ERR_OK);
    ck_assert_int_eq(file_save_whole(path, "short", 5, 0600), ERR_OK);
    expect("short");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(file_save_whole("/nowhere/at/all", "x", 1, 0600), ERR_IO);
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_file_is_replaced_whole_without_waiting_for_the_disk)
{
    struct stat st;
    ck_assert_int_eq(file_replace(path, "a longer text", 13, 0600), ERR_OK);
    ck_assert_int_eq(file_replace(path, "short", 5, 0644), ERR_OK);
    expect("short");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0644);
    ck_assert_int_eq(stat(temporary, &st), -1);
    ck_assert_int_eq(file_replace("/nowhere/at/all", "x", 1, 0600), ERR_IO);
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(the_mode_is_what_was_asked_for_whatever_the_umask)
{
    struct stat st;
    umask(0077);
    ck_assert_int_eq(file_replace(path, "text", 4, 0644), ERR_OK);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0644);
}
END_TEST

START_TEST(what_a_crash_left_is_replaced)
{
    struct stat st;
    FILE *left = fopen(temporary, "w");
    fputs("a half-written file that is longer", left);
    fclose(left);
    ck_assert_int_eq(chmod(temporary, 0644), 0);
    ck_assert_int_eq(file_save_atomically(path, "new", 3, 0600), ERR_OK);
    expect("new");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_save_that_cannot_be_finished_leaves_nothing)
{
    struct stat st;
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(file_save_atomically(path, "new", 3, 0600), ERR_IO);
    ck_assert_int_eq(errno, EISDIR);
    ck_assert_int_eq(stat(temporary, &st), -1);
}
END_TEST

START_TEST(a_failed_save_leaves_the_old_file)
{
    ck_assert_int_eq(file_save_atomically(path, "old", 3, 0600), ERR_OK);
    ck_assert_int_eq(mkdir(temporary, 0700), 0);
    ck_assert_int_eq(file_save_atomically(path, "new", 3, 0600), ERR_IO);
    ck_assert_int_eq(errno, EISDIR);
    expect("old");
    ck_assert_int_eq(file_save_atomically("/nowhere/at/all", "x", 1, 0600), ERR_IO);
}
END_TEST

START_TEST(reading_tells_why_it_failed)
{
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(file_read(path, 100, &data, &size), ERR_NOT_FOUND);
    ck_assert_int_eq(file_save_atomically(path, "0123456789", 10, 0600), ERR_OK);
    ck_assert_int_eq(file_read(path, 9, &data, &size), ERR_TOO_BIG);
    ck_assert_int_eq(file_read(directory, 9, &data, &size), ERR_IO);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_save_replaces_the_whole_file_and_its_mode);
    tcase_add_test(tests, so_does_one_whose_directory_is_not_synced);
    tcase_add_test(tests, a_file_is_replaced_whole_without_waiting_for_the_disk);
    tcase_add_test(tests, the_mode_is_what_was_asked_for_whatever_the_umask);
    tcase_add_test(tests, what_a_crash_left_is_replaced);
    tcase_add_test(tests, a_save_that_cannot_be_finished_leaves_nothing);
    tcase_add_test(tests, a_failed_save_leaves_the_old_file);
    tcase_add_test(tests, reading_tells_why_it_failed);
}
