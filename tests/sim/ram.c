#include "tests/sim/ram.h"

void ram_init(struct ram *ram, const struct now *now)
{
    *ram = (struct ram){.now = now};
}

void ram_clear(struct ram *ram)
{
    disk_clear(&ram->disk, &ram->blobs);
    blobs_clear(&ram->blobs);
}

static enum err get(void *context, enum store_space space, enum record_kind kind,
                    const struct id *key, struct stored *out)
{
    const struct ram *ram = context;
    return disk_get(&ram->disk, ram->now->unix_s, space, kind, key, out);
}

static enum err next(void *context, enum store_space space, enum record_kind kind,
                     const struct id *key, struct stored *out)
{
    const struct ram *ram = context;
    return disk_next(&ram->disk, ram->now->unix_s, space, kind, key, out);
}

static enum err summary(void *context, enum store_space space, const struct id *target,
                        struct store_summary *out)
{
    const struct ram *ram = context;
    return disk_summary(&ram->disk, space, target, out);
}

static enum err entry(void *context, enum store_space space, const struct id *target,
                      const struct store_position *after, struct stored *out)
{
    const struct ram *ram = context;
    return disk_entry(&ram->disk, ram->now->unix_s, space, target, after, out);
}

static enum err next_multi(void *context, enum store_space space, const struct id *target,
                           struct id *out)
{
    const struct ram *ram = context;
    return disk_next_multi(&ram->disk, space, target, out);
}

struct store_reader ram_reader(struct ram *ram)
{
    return (struct store_reader){.context = ram,
                                 .get = get,
                                 .next = next,
                                 .summary = summary,
                                 .entry = entry,
                                 .next_multi = next_multi};
}

enum err ram_write(struct ram *ram, const struct store_write *write, int64_t *seq)
{
    struct disk_write item = {.write = *write};
    struct disk_gone gone;
    if (write->action == STORE_PUT) {
        item.blob = blobs_take(&ram->blobs, &write->record);
        item.write.record = item.blob->record;
    }
    enum err err = disk_apply(&ram->disk, ram->now->unix_s, &item, seq, &gone);
    for (unsigned i = 0; i < gone.count; i++)
        blobs_drop(&ram->blobs, gone.blobs[i]);
    if (item.blob != NULL)
        blobs_drop(&ram->blobs, item.blob);
    return err;
}
