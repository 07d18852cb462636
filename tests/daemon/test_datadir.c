/* One daemon owns a data directory at a time, and its id comes back; a damaged id file is refused
 * and left as it is. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/datadir.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static char path[PATH_MAX], detail[DATADIR_DETAIL_SIZE];

static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "some/data", path);
}

static void teardown(void)
{
    scratch_remove(&scratch);
}

START_TEST(a_missing_directory_is_made_for_its_owner_alone)
{
    struct datadir d;
    ck_assert_int_eq(datadir_open(&d, path, detail), ERR_OK);
    ck_assert_int_eq(scratch_mode(&scratch, "some/data"), 0700);
    datadir_close(&d);
}
END_TEST

START_TEST(a_directory_in_use_is_refused_until_it_is_free)
{
    struct datadir first, second;
    char pid[32];
    ck_assert_int_eq(datadir_open(&first, path, detail), ERR_OK);
    ck_assert_int_eq(datadir_open(&second, path, detail), ERR_IN_USE);
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    ck_assert_ptr_nonnull(strstr(detail, pid));
    datadir_close(&second);
    datadir_close(&first);
    ck_assert_int_eq(datadir_open(&second, path, detail), ERR_OK);
    datadir_close(&second);
}
END_TEST

START_TEST(a_full_disk_is_no_reason_not_to_start)
{
    struct datadir d;
    struct rlimit limit, none = {.rlim_cur = 0};
    ck_assert_int_eq(datadir_open(&d, path, detail), ERR_OK);
    datadir_close(&d);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none.rlim_max = limit.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum err err = datadir_open(&d, path, detail);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(err, ERR_OK);
    datadir_close(&d);
}
END_TEST

START_TEST(it_is_told_when_others_can_write_into_it)
{
    static const char *const parts[] = {"some/data", "some/data/keys", "some/data/contacts"};
    struct datadir d;
    char part[PATH_MAX];
    ck_assert_int_eq(datadir_open(&d, path, detail), ERR_OK);
    ck_assert(datadir_is_ours_alone(&d));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        scratch_path(&scratch, parts[i], part);
        ck_assert(datadir_make(part, 0700));
        ck_assert_int_eq(chmod(part, 0755), 0);
        ck_assert(datadir_is_ours_alone(&d));
        ck_assert_int_eq(chmod(part, 0720), 0);
        ck_assert(!datadir_is_ours_alone(&d));
        ck_assert_int_eq(chmod(part, 0702), 0);
        ck_assert(!datadir_is_ours_alone(&d));
        ck_assert_int_eq(chmod(part, 0700), 0);
    }
    datadir_close(&d);
}
END_TEST

START_TEST(a_relative_path_is_made_absolute)
{
    struct datadir d;
    char here[PATH_MAX], expected[PATH_MAX];
    ck_assert_int_eq(chdir(scratch_path(&scratch, ".", path)), 0);
    ck_assert_ptr_nonnull(realpath(".", here));
    ck_assert_int_lt(snprintf(expected, sizeof(expected), "%.4000s/a/b", here), PATH_MAX);
    ck_assert_int_eq(datadir_open(&d, "./a//b", detail), ERR_OK);
    ck_assert_str_eq(d.path, expected);
    datadir_close(&d);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(what_is_no_directory_is_refused)
{
    struct datadir d;
    char file[PATH_MAX], long_path[PATH_MAX + 8];
    scratch_write(&scratch, "file", "x", 1);
    ck_assert_int_eq(datadir_open(&d, scratch_path(&scratch, "file", file), detail), ERR_IO);
    ck_assert_ptr_nonnull(strstr(detail, file));
    memset(long_path, 'x', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    ck_assert_int_eq(datadir_open(&d, long_path, detail), ERR_TOO_BIG);
}
END_TEST

START_TEST(the_id_comes_back)
{
    struct datadir d;
    uint8_t seed[RNG_SEED_SIZE] = {1}, other[RNG_SEED_SIZE] = {2};
    struct datadir elsewhere;
    struct id made = {0}, again;
    ck_assert_int_eq(datadir_open(&d, path, detail), ERR_OK);
    ck_assert_int_eq(datadir_id(&d, seed, &made, detail), ERR_OK);
    ck_assert(!id_is_zero(&made));
    ck_assert_int_eq(scratch_mode(&scratch, "some/data/node"), 0600);
    ck_assert_int_eq(datadir_id(&d, other, &again, detail), ERR_OK);
    ck_assert(id_equal(&made, &again));
    scratch_path(&scratch, "other/data", path);
    ck_assert_int_eq(datadir_open(&elsewhere, path, detail), ERR_OK);
    again = (struct id){0};
    ck_assert_int_eq(datadir_id(&elsewhere, other, &again, detail), ERR_OK);
    ck_assert(!id_is_zero(&again) && !id_equal(&made, &again));
    datadir_close(&elsewhere);
    datadir_close(&d);
}
END_TEST

START_TEST(a_damaged_id_is_refused_and_left)
{
    struct datadir d;
    uint8_t seed[RNG_SEED_SIZE] = {1};
    struct id id;
    ck_assert_int_eq(datadir_open(&d, path, detail), ERR_OK);
    scratch_write(&scratch, "some/data/node", "xord node 1 zz\n", 15);
    ck_assert_int_eq(datadir_id(&d, seed, &id, detail), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(detail, "damaged"));
    ck_assert_int_eq(scratch_size(&scratch, "some/data/node"), 15);
    datadir_close(&d);
}
END_TEST

START_TEST(parents_are_found)
{
    char parent[16];
    ck_assert(datadir_parent("a/b/c", parent, sizeof(parent)));
    ck_assert_str_eq(parent, "a/b");
    ck_assert(datadir_parent("/a", parent, sizeof(parent)));
    ck_assert_str_eq(parent, "/");
    ck_assert(datadir_parent("a", parent, sizeof(parent)));
    ck_assert_str_eq(parent, ".");
    ck_assert(!datadir_parent("0123456789abcdef/a", parent, sizeof(parent)));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_missing_directory_is_made_for_its_owner_alone);
    tcase_add_test(tests, a_directory_in_use_is_refused_until_it_is_free);
    tcase_add_test(tests, a_full_disk_is_no_reason_not_to_start);
    tcase_add_test(tests, it_is_told_when_others_can_write_into_it);
    tcase_add_test(tests, a_relative_path_is_made_absolute);
    tcase_add_test(tests, what_is_no_directory_is_refused);
    tcase_add_test(tests, the_id_comes_back);
    tcase_add_test(tests, a_damaged_id_is_refused_and_left);
    tcase_add_test(tests, parents_are_found);
}
