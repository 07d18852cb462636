/* The id that a node has taken while it ran is the one that it starts with the next time. */
#include <check.h>

#include "daemon/saved_id.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static struct datadir datadir;
static char path[PATH_MAX], detail[DATADIR_DETAIL_SIZE];
static const uint8_t seed[RNG_SEED_SIZE] = {1};
static const struct id taken = {{7, 7, 7}};
static struct id first;
static struct saved_id saved;
static uv_loop_t loop;

static void setup(void)
{
    scratch_make(&scratch);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(datadir_open(&datadir, scratch_path(&scratch, "d", path), detail), ERR_OK);
    ck_assert_int_eq(datadir_id(&datadir, seed, &first, detail), ERR_OK);
    saved_id_init(&saved, &loop, &datadir, &first);
}

static void teardown(void)
{
    datadir_close(&datadir);
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

/* The node has this id now. */
static void update(const struct id *id)
{
    const struct node_config config = {.id = *id, .role = NODE_SERVER, .has_v4 = true};
    struct node *node = node_new(&config, (struct now){.ms = 1, .unix_s = 1});
    ck_assert_ptr_nonnull(node);
    saved_id_update(&saved, node);
    node_free(node);
}

static void assert_saved(const struct id *id)
{
    struct id read;
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(saved_id_is_idle(&saved));
    ck_assert_int_eq(datadir_id(&datadir, seed, &read, detail), ERR_OK);
    ck_assert(id_equal(&read, id));
}

START_TEST(another_id_comes_back)
{
    update(&taken);
    ck_assert(!saved_id_is_idle(&saved));
    assert_saved(&taken);
}
END_TEST

START_TEST(the_same_id_is_not_written_again)
{
    update(&first);
    ck_assert(saved_id_is_idle(&saved));
    update(&taken);
    assert_saved(&taken);
    update(&taken);
    ck_assert(saved_id_is_idle(&saved));
    update(&first);
    assert_saved(&first);
}
END_TEST

START_TEST(one_that_comes_meanwhile_waits_for_the_next_time)
{
    const struct id later = {{8, 8, 8}};
    update(&taken);
    update(&later);
    assert_saved(&taken);
    update(&later);
    assert_saved(&later);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, another_id_comes_back);
    tcase_add_test(tests, the_same_id_is_not_written_again);
    tcase_add_test(tests, one_that_comes_meanwhile_waits_for_the_next_time);
}
