/* One batch of the write pipeline: its writes and the memory that their records lie in, which does
 * not move while it grows. Private to writer.c. */
#ifndef XORD_WRITER_BATCH_H
#define XORD_WRITER_BATCH_H

#include "daemon/store/writer.h"

struct batch_block;

struct batch { /* zeroed it is empty */
    bool is_busy;
    bool is_checked; /* its signatures have been */
    struct store_item *items;
    size_t count, capacity;
    size_t unverified;          /* signatures to check */
    struct batch_block *blocks; /* the one being filled first */
    size_t block_used;
};

/* Copies the write; there must be room (count < WRITER_BATCH_MAX). ERR_NO_MEMORY changes nothing.
 */
enum err batch_add(struct batch *b, const struct store_write *write);
/* Checks the signatures of items [first, end); what fails is refused. Runs on a worker. */
void batch_verify(struct batch *b, size_t first, size_t end);
/* Empties it; keeps one block, and the array, which batch_trim returns when it has grown. */
void batch_reset(struct batch *b);
void batch_trim(struct batch *b);
void batch_clear(struct batch *b);

#endif
