/* The store of a node that a test runs alone: a disk that is read and written at once, with records
 * of its own. */
#ifndef XORD_TESTS_SIM_RAM_H
#define XORD_TESTS_SIM_RAM_H

#include "daemon/dht/node.h"
#include "tests/sim/disk.h"

struct ram {
    struct disk disk;
    struct blobs blobs;
    const struct now *now; /* borrowed */
};

/* Empty; `now` says what has ended. ram_clear frees what it holds. */
void ram_init(struct ram *ram, const struct now *now);
void ram_clear(struct ram *ram);
/* Its context is `ram`, which must not move. */
struct store_reader ram_reader(struct ram *ram);
/* Carries it out, signature and all. *seq: what is stored when that refuses it. */
enum err ram_write(struct ram *ram, const struct store_write *write, int64_t *seq);

#endif
