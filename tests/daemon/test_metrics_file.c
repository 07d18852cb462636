/* The metrics file is replaced as a whole; where it cannot be, the next write is as good as the
 * first, and what was handed over is freed. */
#include "daemon/metrics_file.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static struct metrics_file file;
static uv_loop_t loop;
static char path[PATH_MAX];

static void setup(void)
{
    scratch_make(&scratch);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    metrics_file_init(&file, &loop);
    scratch_path(&scratch, "xord.prom", path);
}

static void teardown(void)
{
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

static void write_text(const char *where, const char *text)
{
    metrics_file_write(&file, where, strdup(text), strlen(text));
    ck_assert(!metrics_file_is_idle(&file));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(metrics_file_is_idle(&file));
}

START_TEST(each_write_replaces_the_file)
{
    write_text(path, "a 1\nb 2\n");
    ck_assert_int_eq(scratch_size(&scratch, "xord.prom"), 8);
    ck_assert_int_eq(scratch_mode(&scratch, "xord.prom"), 0644);
    write_text(path, "a 2\n");
    ck_assert_int_eq(scratch_size(&scratch, "xord.prom"), 4);
    ck_assert_int_eq(scratch_size(&scratch, "xord.prom.tmp"), -1);
    ck_assert_int_eq(file.failure, 0);
}
END_TEST

START_TEST(while_one_is_under_way_no_other_begins)
{
    metrics_file_write(&file, path, strdup("first"), 5);
    metrics_file_write(&file, path, strdup("the second"), 10);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(scratch_size(&scratch, "xord.prom"), 5);
}
END_TEST

/* How many lines were logged into the file. */
static unsigned count_lines(const char *log_path)
{
    FILE *log = fopen(log_path, "r");
    unsigned lines = 0;

    ck_assert_ptr_nonnull(log);
    for (int c; (c = fgetc(log)) != EOF;)
        lines += c == '\n';
    fclose(log);
    return lines;
}

START_TEST(a_failure_is_told_once)
{
    char missing[PATH_MAX], other[PATH_MAX], log_path[PATH_MAX];

    scratch_path(&scratch, "missing/xord.prom", missing);
    scratch_path(&scratch, "missing/other.prom", other);
    ck_assert_ptr_nonnull(freopen(scratch_path(&scratch, "log", log_path), "w", stderr));
    for (int i = 0; i < 3; i++)
        write_text(missing, "a 1\n");
    ck_assert_uint_eq(count_lines(log_path), 1);
    write_text(other, "a 1\n");
    ck_assert_uint_eq(count_lines(log_path), 2);
}
END_TEST

START_TEST(a_missing_directory_is_tried_again)
{
    char missing[PATH_MAX], folder[PATH_MAX];

    write_text(scratch_path(&scratch, "missing/xord.prom", missing), "a 1\n");
    ck_assert_int_eq(file.failure, ENOENT);
    ck_assert_int_eq(mkdir(scratch_path(&scratch, "missing", folder), 0700), 0);
    write_text(missing, "a 1\n");
    ck_assert_int_eq(file.failure, 0);
    ck_assert_int_eq(scratch_size(&scratch, "missing/xord.prom"), 4);
    ck_assert_int_eq(remove(missing), 0);
    ck_assert_int_eq(remove(folder), 0);
}
END_TEST

START_TEST(what_is_no_file_is_left_as_it_is)
{
    struct stat after;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    write_text(path, "a 1\n");
    ck_assert_int_eq(file.failure, ENOTSUP);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert(S_ISFIFO(after.st_mode));
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_text(path, "a 1\n");
    ck_assert_int_eq(file.failure, EISDIR);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_write_replaces_the_file);
    tcase_add_test(tests, while_one_is_under_way_no_other_begins);
    tcase_add_test(tests, a_failure_is_told_once);
    tcase_add_test(tests, a_missing_directory_is_tried_again);
    tcase_add_test(tests, what_is_no_file_is_left_as_it_is);
}
