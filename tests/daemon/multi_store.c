#include "tests/daemon/multi_store.h"

#include <check.h>

void multi_store_expire(struct disk_store *m, uint64_t now_unix_s)
{
    struct store_work work = {.now_unix_s = now_unix_s, .is_expiring = true, .has_more = true};
    while (work.has_more)
        ck_assert_int_eq(store_apply(m->store, &work), ERR_OK);
    store_pause(m->store);
}

struct store_summary multi_store_summary(struct disk_store *m, enum store_space space,
                                         const struct id *target)
{
    struct store_reader reader = store_reader(m->store);
    struct store_summary summary = {0};
    enum err err = reader.summary(reader.context, space, target, &summary);
    ck_assert(err == (summary.count > 0 ? ERR_OK : ERR_NOT_FOUND));
    return summary;
}

bool multi_store_has(struct disk_store *m, const struct store_write *write)
{
    struct store_reader reader = store_reader(m->store);
    struct stored out;
    struct id key;
    record_key(&write->record, &key);
    return reader.get(reader.context, write->space, RECORD_MULTI, &key, &out) == ERR_OK &&
           record_equal(&out.record, &write->record);
}

uint32_t multi_store_walk(struct disk_store *m, enum store_space space, const struct id *target,
                          uint64_t *digest)
{
    struct store_reader reader = store_reader(m->store);
    struct store_position at, last;
    struct stored out, again;
    uint64_t combined = 0;
    uint32_t count = 0;
    while (reader.entry(reader.context, space, target, count > 0 ? &last : NULL, &out) == ERR_OK) {
        ck_assert(id_equal(&out.record.target, target));
        multi_position_of(&out.record, &at);
        ck_assert(count == 0 || multi_position_compare(&at, &last) > 0);
        ck_assert_int_eq(reader.get(reader.context, space, RECORD_MULTI, &at.key, &again), ERR_OK);
        ck_assert(record_equal(&again.record, &out.record));
        combined ^= multi_digest(&out.record);
        last = at;
        count++;
    }
    if (digest != NULL)
        *digest = combined;
    return count;
}

void multi_store_check(struct disk_store *m)
{
    struct store_reader reader = store_reader(m->store);
    for (int space = 0; space < STORE_SPACE_COUNT; space++) {
        struct id target, *after = NULL;
        struct store_usage usage;
        uint64_t digest, records = 0;
        while (reader.next_multi(reader.context, (enum store_space)space, after, &target) ==
               ERR_OK) {
            struct store_summary summary = multi_store_summary(m, (enum store_space)space, &target);
            uint32_t count = multi_store_walk(m, (enum store_space)space, &target, &digest);
            ck_assert_uint_gt(count, 0);
            ck_assert_uint_eq(summary.count, count);
            ck_assert_uint_eq(summary.digest, digest);
            records += count;
            after = &target;
        }
        store_usage(m->store, (enum store_space)space, &usage);
        ck_assert_uint_eq(usage.records, records);
    }
    store_pause(m->store);
}
