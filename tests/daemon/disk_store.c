#include "tests/daemon/disk_store.h"

#include <check.h>

void disk_store_open(struct disk_store *d)
{
    char detail[STORE_DETAIL_SIZE];
    ck_assert_int_eq(store_open(d->directory, &d->limits, &d->self, &d->store, detail), ERR_OK);
    store_set_now(d->store, SAMPLE_NOW_UNIX_S);
}

void disk_store_init(struct disk_store *d, uint64_t quota_bytes)
{
    *d = (struct disk_store){.directory = sample_directory(), .limits = sample_limits(quota_bytes)};
    disk_store_open(d);
}

void disk_store_clear(struct disk_store *d)
{
    store_close(d->store);
    sample_remove(d->directory);
}

void disk_store_reopen(struct disk_store *d)
{
    store_close(d->store);
    disk_store_open(d);
}

enum err disk_store_apply_seq(struct disk_store *d, const struct store_write *write, int64_t *seq)
{
    uint8_t data[STORE_ITEM_BYTES];
    struct store_item item;
    struct store_work work = {.items = &item, .count = 1, .now_unix_s = store_now(d->store)};
    store_item_pack(&item, write, data);
    ck_assert_int_eq(store_apply(d->store, &work), ERR_OK);
    store_pause(d->store);
    *seq = item.seq;
    return item.err;
}

enum err disk_store_apply(struct disk_store *d, const struct store_write *write)
{
    int64_t seq;
    return disk_store_apply_seq(d, write, &seq);
}

struct store_usage disk_store_usage(const struct disk_store *d, enum store_space space)
{
    struct store_usage usage;
    store_usage(d->store, space, &usage);
    return usage;
}
