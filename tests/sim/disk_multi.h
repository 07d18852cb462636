/* Private to disk*.c: the entries of multis on a disk, and the share that each signer has there. */
#ifndef XORD_TESTS_SIM_DISK_MULTI_H
#define XORD_TESTS_SIM_DISK_MULTI_H

#include "tests/sim/disk.h"

/* Where the entries of this space begin, and whether there is one at `at`. */
uint32_t disk_multis(const struct disk *d, enum store_space space);
bool disk_is_multi(const struct disk *d, uint32_t at, enum store_space space);
void disk_fill(const struct disk_entry *entry, struct stored *out);
void disk_take_out(struct disk *d, uint32_t at, struct disk_gone *gone);

/* Within its multi's caps, once `old` (NULL: none) has given it its place. False: it is the one
 * that would go. */
bool disk_make_room(struct disk *d, uint64_t now_unix_s, const struct disk_write *item,
                    const struct blob *old, struct disk_gone *gone);

#endif
