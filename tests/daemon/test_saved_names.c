/* What authorities said of names is there again after a restart; a damaged file costs what it held,
 * and no more. */
#include "daemon/saved_names.h"

#include <stdlib.h>

#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static struct saved_names names;
static uv_loop_t loop;
static char path[PATH_MAX];
static const struct now now = {.ms = 1000, .unix_s = 1700000000};
static const uint8_t wabi[KEYS_PUBLIC_SIZE] = {1};

static void setup(void)
{
    scratch_make(&scratch);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    scratch_path(&scratch, "names", path);
    saved_names_init(&names, &loop, path);
}

static void teardown(void)
{
    saved_names_clear(&names);
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

static void note(const char *name, int64_t seq)
{
    const struct registration found = {
        .key = {(uint8_t)seq}, .seq = seq, .expiry_unix_s = now.unix_s + 1000};
    ck_assert_ptr_nonnull(name_cache_note(&names.cache, now, wabi, name, &found));
}

static void restart(void)
{
    ck_assert(saved_names_is_idle(&names));
    saved_names_clear(&names);
    saved_names_init(&names, &loop, path);
}

START_TEST(what_was_saved_is_there_after_a_restart)
{
    ck_assert(!saved_names_is_changed(&names));
    note("bob", 1);
    ck_assert(saved_names_is_changed(&names));
    saved_names_save(&names);
    ck_assert(!saved_names_is_idle(&names));
    note("bob", 2); /* while it is being saved */
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(saved_names_is_changed(&names));
    saved_names_save(&names);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(!saved_names_is_changed(&names));
    restart();
    const struct name_entry *entry = name_cache_find(&names.cache, wabi, "bob");
    ck_assert_ptr_nonnull(entry);
    ck_assert_uint_eq(entry->key[0], 2);
    ck_assert_uint_eq(entry->previous[0], 1);
    ck_assert(!saved_names_is_changed(&names));
}
END_TEST

START_TEST(a_damaged_file_is_a_start_without_it)
{
    scratch_write(&scratch, "names", "rubbish", 7);
    restart();
    ck_assert_uint_eq(names.cache.count, 0);
    note("bob", 1);
    saved_names_save(&names);
    uv_run(&loop, UV_RUN_DEFAULT);
    restart();
    ck_assert_uint_eq(names.cache.count, 1);
}
END_TEST

START_TEST(what_cannot_be_saved_is_still_to_be_saved)
{
    scratch_path(&scratch, "missing/names", names.path);
    note("bob", 1);
    saved_names_save(&names);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(names.has_failed);
    ck_assert(saved_names_is_changed(&names) && saved_names_is_idle(&names));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_saved_is_there_after_a_restart);
    tcase_add_test(tests, a_damaged_file_is_a_start_without_it);
    tcase_add_test(tests, what_cannot_be_saved_is_still_to_be_saved);
}
