/* The id that a node has taken while it ran is the one that it starts with the next time. */
#include <check.h>

#include "daemon/saved_id.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static struct datadir datadir;
static char path[PATH_MAX], detail[DATADIR_DETAIL_SIZE];
static const uint8_t seed[RNG_SEED_SIZE] = {1};
static struct id first;
static uv_loop_t loop;

static void setup(void)
{
    scratch_make(&scratch);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(datadir_open(&datadir, scratch_path(&scratch, "d", path), detail), ERR_OK);
    ck_assert_int_eq(datadir_id(&datadir, seed, &first, detail), ERR_OK);
}

static void teardown(void)
{
    datadir_close(&datadir);
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

/* What the directory has after a node with this id has run. */
static struct id id_after(const struct id *id)
{
    struct saved_id saved;
    struct id read;
    const struct node_config config = {.id = *id, .role = NODE_SERVER, .has_v4 = true};
    struct node *node = node_new(&config, (struct now){.ms = 1, .unix_s = 1});
    ck_assert_ptr_nonnull(node);
    saved_id_init(&saved, &loop, &datadir, &first);
    saved_id_update(&saved, node);
    saved_id_update(&saved, node);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(saved_id_is_idle(&saved));
    node_free(node);
    ck_assert_int_eq(datadir_id(&datadir, seed, &read, detail), ERR_OK);
    return read;
}

START_TEST(another_id_comes_back)
{
    const struct id taken = {{7, 7, 7}};
    const struct id read = id_after(&taken);
    ck_assert(id_equal(&read, &taken));
}
END_TEST

START_TEST(the_same_id_is_not_written_again)
{
    struct saved_id saved;
    const struct node_config config = {.id = first, .role = NODE_SERVER, .has_v4 = true};
    struct node *node = node_new(&config, (struct now){.ms = 1, .unix_s = 1});
    saved_id_init(&saved, &loop, &datadir, &first);
    saved_id_update(&saved, node);
    ck_assert(saved_id_is_idle(&saved));
    node_free(node);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, another_id_comes_back);
    tcase_add_test(tests, the_same_id_is_not_written_again);
}
