/* A store whose files are damaged, newer or not its own is refused and left alone; one that a crash
 * or a full disk left behind opens with all that was acknowledged. */
#include "daemon/store/store_lmdb.h"

#include <check.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/rng.h"
#include "tests/daemon/disk_store.h"
#include "tests/runner.h"

#define QUOTA (1u << 20)

static struct disk_store disk;

static void set_up(void)
{
    disk_store_init(&disk, QUOTA);
}

static void tear_down(void)
{
    disk_store_clear(&disk);
}

static bool has(const struct sample *s)
{
    struct stored out;
    struct store_reader reader = store_reader(disk.store);
    const struct record *r = &s->write.record;
    return reader.get(reader.context, STORE_HELD, r->kind, &r->target, &out) == ERR_OK;
}

static void fill(uint32_t count)
{
    struct sample s;
    for (uint32_t i = 0; i < count; i++) {
        sample_immutable(&s, i, 900);
        ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    }
}

static enum err open_damaged(char detail[STORE_DETAIL_SIZE])
{
    struct store *damaged = (struct store *)1;
    const struct store_limits limits = sample_limits(QUOTA);
    enum err err = store_open(disk.directory, &limits, &disk.self, &damaged, detail);
    ck_assert_ptr_null(damaged);
    ck_assert_ptr_null(strchr(detail, '\n'));
    ck_assert_ptr_nonnull(strstr(detail, disk.directory));
    return err;
}

START_TEST(a_commit_that_fails_stores_nothing)
{
    struct sample s;
    struct rlimit limit = {.rlim_cur = 1u << 16, .rlim_max = RLIM_INFINITY};
    uint8_t data[200][STORE_ITEM_BYTES];
    struct store_item items[200];
    struct store_work work = {.items = items, .count = 200, .now_unix_s = SAMPLE_NOW_UNIX_S};
    for (uint32_t i = 0; i < 200; i++) {
        sample_immutable(&s, i, 900);
        store_item_pack(&items[i], &s.write, data[i]);
    }
    items[7].is_refused = true;
    items[7].err = ERR_BAD_SIGNATURE;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(store_apply(disk.store, &work), ERR_IO);
    for (uint32_t i = 0; i < 200; i++)
        ck_assert_int_eq(items[i].err, i == 7 ? ERR_BAD_SIGNATURE : ERR_IO);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 0);
    store_pause(disk.store);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(store_apply(disk.store, &work), ERR_OK); /* the disk has room again */
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 199);
    disk_store_reopen(&disk);
    ck_assert(has(&s));
}
END_TEST

static void path_of_data(char path[128])
{
    snprintf(path, 128, "%s/data.mdb", disk.directory);
}

START_TEST(a_truncated_file_is_refused_and_left_alone)
{
    char path[128], detail[STORE_DETAIL_SIZE];
    struct stat before, after;
    fill(800);
    store_close(disk.store);
    path_of_data(path);
    ck_assert_int_eq(stat(path, &before), 0);
    for (int part = 9; part > 0; part -= 2) {
        off_t size = before.st_size / 10 * part;
        ck_assert_int_eq(truncate(path, size), 0);
        ck_assert_int_eq(open_damaged(detail), ERR_CORRUPT);
        ck_assert_int_eq(stat(path, &after), 0);
        ck_assert_int_eq(after.st_size, size);
    }
    for (off_t size = 8192; size > 0; size -= 1024) {
        ck_assert_int_eq(truncate(path, size), 0);
        ck_assert_int_eq(open_damaged(detail), ERR_CORRUPT);
    }
    disk.store = NULL;
}
END_TEST

/* How many pages the closed store's file lacks of those that it counts. */
static size_t missing_pages(void)
{
    char path[128];
    struct stat st;
    MDB_env *env;
    MDB_envinfo info;
    MDB_stat stat_out;
    path_of_data(path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_open(env, disk.directory, MDB_RDONLY, 0600), 0);
    mdb_env_info(env, &info);
    mdb_env_stat(env, &stat_out);
    mdb_env_close(env);
    size_t pages = (size_t)st.st_size / stat_out.ms_psize, end = info.me_last_pgno + 1;
    return end > pages ? end - pages : 0;
}

/* Puts and drops chosen by the generator, in a few transactions, with expiry. */
static void churn(struct rng *rng)
{
    static uint8_t data[STORE_BATCH_MAX][STORE_ITEM_BYTES];
    static struct store_item items[STORE_BATCH_MAX];
    struct sample s;
    uint32_t rounds = 1 + rng_below(rng, 5);
    for (uint32_t round = 0; round < rounds; round++) {
        struct store_work work = {.items = items, .count = rng_below(rng, STORE_BATCH_MAX)};
        work.now_unix_s = SAMPLE_NOW_UNIX_S + rng_below(rng, 300);
        work.is_expiring = rng_below(rng, 2) == 0;
        for (size_t i = 0; i < work.count; i++) {
            sample_immutable(&s, rng_below(rng, 2000), 16 + rng_below(rng, 900));
            s.write.action = rng_below(rng, 2) == 0 ? STORE_PUT : STORE_DROP;
            s.write.putter.ip[2] = (uint8_t)rng_below(rng, 256);
            s.write.expiry_unix_s = SAMPLE_NOW_UNIX_S + rng_below(rng, 200);
            store_item_pack(&items[i], &s.write, data[i]);
        }
        ck_assert_int_eq(store_apply(disk.store, &work), ERR_OK);
    }
}

START_TEST(a_file_without_its_last_free_pages_is_whole)
{
    struct rng rng;
    size_t short_files = 0;
    rng_init_number(&rng, 1);
    /* LMDB does not write a page that is free again by the end of its transaction. Some of these
     * leave such pages at the end of the file; all must open. */
    for (int round = 0; round < 100; round++) {
        churn(&rng);
        store_close(disk.store);
        short_files += missing_pages() > 0;
        disk_store_open(&disk);
        tear_down();
        set_up();
    }
    ck_assert_uint_gt(short_files, 0);
}
END_TEST

START_TEST(what_is_no_database_is_refused_and_left_alone)
{
    char path[128], detail[STORE_DETAIL_SIZE], text[10000], back[10000];
    store_close(disk.store);
    disk.store = NULL;
    path_of_data(path);
    memset(text, 'x', sizeof(text));
    int fd = open(path, O_RDWR | O_TRUNC);
    ck_assert_int_eq(write(fd, text, sizeof(text)), sizeof(text));
    ck_assert_int_eq(open_damaged(detail), ERR_CORRUPT);
    ck_assert_int_eq(pread(fd, back, sizeof(back), 0), sizeof(back));
    ck_assert_mem_eq(text, back, sizeof(text));
    close(fd);
}
END_TEST

static void delete_table(MDB_txn *txn, const char *name)
{
    MDB_dbi table;
    ck_assert_int_eq(mdb_dbi_open(txn, name, 0, &table), 0);
    ck_assert_int_eq(mdb_drop(txn, table, 1), 0);
}

/* Writes another format into the closed store; the one it had. Format 1 had no tables of
 * multis. */
static uint32_t change_format(uint32_t format)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta;
    uint32_t before;
    char name[] = "format";
    MDB_val key = {6, name}, value = {sizeof(format), &format}, old;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 8);
    ck_assert_int_eq(mdb_env_open(env, disk.directory, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    ck_assert_int_eq(mdb_get(txn, meta, &key, &old), 0);
    memcpy(&before, old.mv_data, sizeof(before));
    ck_assert_int_eq(mdb_put(txn, meta, &key, &value, 0), 0);
    if (format == 1) {
        delete_table(txn, "places");
        delete_table(txn, "multis");
    }
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    return before;
}

START_TEST(a_newer_format_is_refused_and_left_alone)
{
    struct sample s;
    char detail[STORE_DETAIL_SIZE];
    sample_single(&s, 1, 1, 100);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    store_close(disk.store);
    change_format(STORE_FORMAT + 1);
    ck_assert_int_eq(open_damaged(detail), ERR_NEWER);
    ck_assert_ptr_nonnull(strstr(detail, "newer"));
    change_format(0);
    ck_assert_int_eq(open_damaged(detail), ERR_CORRUPT);
    change_format(STORE_FORMAT);
    disk_store_open(&disk);
    ck_assert(has(&s));
}
END_TEST

START_TEST(format_1_is_made_into_the_present_one)
{
    struct sample s, entry;
    char detail[STORE_DETAIL_SIZE];
    fill(300);
    sample_single(&s, 1, 1, 100);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    store_close(disk.store);
    change_format(1);
    for (int i = 0; i < 2; i++) {
        disk_store_open(&disk);
        ck_assert(has(&s));
        ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 301u + (unsigned)i);
        sample_entry(&entry, &(struct sample_place){1, "readings", 1}, 1, SAMPLE_NOW_UNIX_S, 9);
        ck_assert_int_eq(disk_store_apply(&disk, &entry.write), ERR_OK);
        store_close(disk.store);
    }
    ck_assert_uint_eq(change_format(1), 2);
    change_format(2); /* without the tables that it should have: nothing is made up */
    ck_assert_int_eq(open_damaged(detail), ERR_CORRUPT);
    disk.store = NULL;
}
END_TEST

START_TEST(only_the_owner_may_read_the_files)
{
    char path[128];
    struct stat st;
    path_of_data(path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    store_close(disk.store);
    snprintf(path, sizeof(path), "%s/inner", disk.directory);
    char detail[STORE_DETAIL_SIZE];
    const struct store_limits limits = sample_limits(QUOTA);
    ck_assert_int_eq(store_open(path, &limits, &disk.self, &disk.store, detail), ERR_OK);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    store_close(disk.store);
    snprintf(path, sizeof(path), "%s/no/such", disk.directory);
    ck_assert_int_eq(store_open(path, &limits, &disk.self, &disk.store, detail), ERR_IO);
    ck_assert_ptr_null(disk.store);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_commit_that_fails_stores_nothing);
    tcase_add_test(tests, a_truncated_file_is_refused_and_left_alone);
    tcase_add_test(tests, a_file_without_its_last_free_pages_is_whole);
    tcase_add_test(tests, what_is_no_database_is_refused_and_left_alone);
    tcase_add_test(tests, a_newer_format_is_refused_and_left_alone);
    tcase_add_test(tests, format_1_is_made_into_the_present_one);
    tcase_add_test(tests, only_the_owner_may_read_the_files);
}
