/* The write pipeline: writes of a loop turn become a batch; workers check its signatures; one
 * worker applies it to the store in one transaction, on disk; the loop hears of each. While one
 * batch commits the next is checked and a third collected. Answers come in the order of submission.
 * Owns the batches; never touches the network or the node. All calls on the loop's thread. */
#ifndef XORD_WRITER_H
#define XORD_WRITER_H

#include <uv.h>

#include "daemon/store/store_lmdb.h"

/* Writes a batch: what may wait while one is checked and one is applied. 1024 signatures are 40 ms
 * of one core. The apply cuts it into transactions of STORE_BATCH_MAX. */
#define WRITER_BATCH_MAX 1024u

struct writer;

/* One write finished, on the loop. ERR_OK: verified and on disk. `seq` is what is stored, or what
 * it met. `write` is borrowed for the call. It may submit and flush. */
typedef void writer_done(void *context, const struct store_write *write, enum err err, int64_t seq);
/* A record was let go, on the loop; told before the writes of its batch. */
typedef void writer_removed(void *context, const struct store_removed *removed);
/* All that was submitted before and meanwhile has finished. It may free the writer. */
typedef void writer_drained(void *context);

/* Borrows all three until writer_free. ERR_NO_MEMORY. */
enum err writer_new(uv_loop_t *loop, struct store *store, writer_done *done, void *context,
                    struct writer **out);
/* Only when nothing is under way: before the first submit, or after the drained call. */
void writer_free(struct writer *w);

/* Copies the write. ERR_OK: `done` follows exactly once, never from inside this call. ERR_BUSY when
 * WRITER_BATCH_MAX are waiting behind those under way, ERR_NO_MEMORY: `done` does not follow. */
enum err writer_submit(struct writer *w, const struct store_write *write);
/* At the end of a loop turn: what was submitted goes to the workers, now or as soon as the batch
 * before it allows. */
void writer_flush(struct writer *w);
/* Deletes records that have ended, STORE_EXPIRE_MAX a transaction until none is left; between
 * them, writes go on. */
void writer_expire(struct writer *w);
/* How many records have made room for others since writer_new. */
uint64_t writer_evicted(const struct writer *w);
/* Whom to tell of each record that the store lets go, beginning with the next batch; NULL: nobody.
 * Beyond STORE_REMOVALS_MAX a batch their number alone is told. */
void writer_watch(struct writer *w, writer_removed *removed);
/* True when nothing is collected or under way. */
bool writer_is_idle(const struct writer *w);
/* Steps that workers have done since writer_new: while it is not idle, this stands still only when
 * a worker is stuck. */
uint64_t writer_progress(const struct writer *w);
/* Flushes, and calls once when nothing is under way; never from inside this call. */
void writer_drain(struct writer *w, writer_drained *drained);

#endif
