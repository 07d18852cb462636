/* A stop must leave on disk what was known when it ended: also a name that changed while others
 * were on their way there; and must not hang on a disk that takes nothing. */
#include <stdlib.h>

#include "daemon/daemon_parts.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define TURNS 10

static struct scratch scratch;
static struct daemon d;
static char path[PATH_MAX];
static const struct now now = {.ms = 1000, .unix_s = 1700000000};
static const uint8_t wabi[KEYS_PUBLIC_SIZE] = {1};

/* It waits for the writer, and has nothing else to do. */
static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "names", path);
    d = (struct daemon){.stage = DAEMON_DRAINING, .stop_by_ms = UINT64_MAX};
    ck_assert_int_eq(uv_loop_init(&d.loop), 0);
    saved_names_init(&d.names, &d.loop, path);
}

static void teardown(void)
{
    saved_names_clear(&d.names);
    uv_loop_close(&d.loop);
    scratch_remove(&scratch);
}

static void note(const char *name)
{
    const struct registration found = {.seq = 1, .expiry_unix_s = now.unix_s + 1000};
    ck_assert_ptr_nonnull(name_cache_note(&d.names.cache, now, wabi, name, &found));
}

static void stop_for_some_turns(void)
{
    for (int i = 0; i < TURNS; i++) {
        daemon_stop_step(&d);
        uv_run(&d.loop, UV_RUN_DEFAULT);
    }
}

START_TEST(a_name_that_changed_during_a_save_is_saved)
{
    struct saved_names after;
    note("bob");
    saved_names_save(&d.names);
    ck_assert(!saved_names_is_idle(&d.names));
    note("carol");
    stop_for_some_turns();
    ck_assert(saved_names_is_idle(&d.names));
    saved_names_init(&after, &d.loop, path);
    ck_assert_ptr_nonnull(name_cache_find(&after.cache, wabi, "bob"));
    ck_assert_ptr_nonnull(name_cache_find(&after.cache, wabi, "carol"));
    saved_names_clear(&after);
}
END_TEST

START_TEST(a_disk_that_takes_nothing_is_tried_once)
{
    scratch_path(&scratch, "missing/names", d.names.path);
    note("bob");
    stop_for_some_turns();
    ck_assert(d.names.has_failed && saved_names_is_idle(&d.names));
    daemon_stop_step(&d);
    ck_assert(saved_names_is_idle(&d.names));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_name_that_changed_during_a_save_is_saved);
    tcase_add_test(tests, a_disk_that_takes_nothing_is_tried_once);
}
