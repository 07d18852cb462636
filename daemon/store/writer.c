#include "daemon/store/writer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/store/writer_batch.h"

#define BATCHES 4u /* one collected, one checked, one applied, one reported */
/* Workers that check signatures; the pool has two more, for the apply and for files. */
#define CHUNKS_MAX 2u
/* Signatures worth a worker of their own; fewer are checked by the worker that applies, which saves
 * a lone put two changes of thread. */
#define CHUNK_MIN 8u

struct chunk {
    uv_work_t work;
    struct writer *writer;
    struct batch *batch;
    size_t first, end;
};

struct writer {
    uv_loop_t *loop;
    struct store *store;
    writer_done *done;
    void *context;
    writer_drained *drained; /* NULL: nobody waits for the end */
    struct batch batches[BATCHES];
    struct batch *collected; /* never NULL */
    struct batch *checked;   /* its signatures are being checked, or it waits for the apply */
    struct batch *applied;   /* a worker has it in a transaction */
    struct batch *reported;  /* its writes are being told of */
    bool is_flush_wanted;
    bool is_expiry_wanted;
    bool is_expiring; /* the batch under `applied` does it too */
    size_t chunks_running, chunks_max;
    struct chunk chunks[CHUNKS_MAX];
    uv_work_t apply_work;
    struct store_work work;
    atomic_uint_fast64_t steps; /* done by workers */
    uint64_t evicted_now;       /* by the batch under `applied` */
    uint64_t evicted;
    writer_removed *removed;    /* NULL: nobody watches */
    struct store_removals gone; /* by the batch under `applied` */
};

static struct batch *take_free(struct writer *w)
{
    for (size_t i = 0; i < BATCHES; i++) {
        if (!w->batches[i].is_busy) {
            w->batches[i].is_busy = true;
            return &w->batches[i];
        }
    }
    assert(!"each stage holds one batch at most");
    return NULL;
}

enum err writer_new(uv_loop_t *loop, struct store *store, writer_done *done, void *context,
                    struct writer **out)
{
    struct writer *w = calloc(1, sizeof(*w));
    *out = w;
    if (w == NULL)
        return ERR_NO_MEMORY;
    w->loop = loop;
    w->store = store;
    w->done = done;
    w->context = context;
    w->chunks_max = uv_available_parallelism() > 1 ? CHUNKS_MAX : 1;
    w->collected = take_free(w);
    return ERR_OK;
}

void writer_free(struct writer *w)
{
    assert(w->checked == NULL && w->applied == NULL && w->collected->count == 0);
    for (size_t i = 0; i < BATCHES; i++)
        batch_clear(&w->batches[i]);
    free(w);
}

bool writer_is_idle(const struct writer *w)
{
    return w->checked == NULL && w->applied == NULL && w->reported == NULL &&
           w->collected->count == 0;
}

static void advance(struct writer *w);

static void on_check(uv_work_t *work)
{
    struct chunk *chunk = work->data;
    batch_verify(chunk->batch, chunk->first, chunk->end);
    atomic_fetch_add(&chunk->writer->steps, 1);
}

static void after_check(uv_work_t *work, int status)
{
    struct chunk *chunk = work->data;
    (void)status; /* nobody cancels it */
    chunk->writer->chunks_running--;
    advance(chunk->writer);
}

static void start_check(struct writer *w)
{
    struct batch *b = w->checked;
    size_t wanted = b->unverified / CHUNK_MIN;
    size_t count = wanted < w->chunks_max ? wanted : w->chunks_max;
    b->is_checked = true;
    w->chunks_running = count;
    for (size_t i = 0; i < count; i++) {
        struct chunk *chunk = &w->chunks[i];
        *chunk = (struct chunk){.work.data = chunk,
                                .writer = w,
                                .batch = b,
                                .first = b->count * i / count,
                                .end = b->count * (i + 1) / count};
        int rc = uv_queue_work(w->loop, &chunk->work, on_check, after_check);
        assert(rc == 0);
    }
}

/* In transactions of at most STORE_BATCH_MAX, in order. Each item has its outcome. */
static void apply(struct writer *w)
{
    size_t first = 0, count = w->applied->count;
    do {
        w->work.items = w->applied->items + first;
        w->work.count = count - first < STORE_BATCH_MAX ? count - first : STORE_BATCH_MAX;
        first += w->work.count;
        w->work.is_expiring = w->is_expiring && first == count;
        store_apply(w->store, &w->work);
        w->evicted_now += w->work.evicted;
        atomic_fetch_add(&w->steps, 1);
    } while (first < count);
}

static void on_apply(uv_work_t *work)
{
    struct writer *w = work->data;
    if (!w->applied->is_checked)
        batch_verify(w->applied, 0, w->applied->count);
    apply(w);
}

static void report(struct writer *w, struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct store_item *item = &b->items[i];
        w->done(w->context, &item->write, item->err, item->seq);
    }
    batch_reset(b);
}

static void tell_removed(struct writer *w)
{
    struct store_removals *gone = &w->gone;
    for (uint32_t i = 0; i < gone->count && w->removed != NULL; i++)
        w->removed(w->context, &gone->list[i]);
    const struct store_removed evicted = {.more = gone->more_evicted};
    const struct store_removed expired = {.is_expired = true, .more = gone->more_expired};
    if (gone->more_evicted > 0 && w->removed != NULL)
        w->removed(w->context, &evicted);
    if (gone->more_expired > 0 && w->removed != NULL)
        w->removed(w->context, &expired);
}

/* The next batch starts before this one is told of, so the disk does not wait for the loop. */
static void after_apply(uv_work_t *work, int status)
{
    struct writer *w = work->data;
    (void)status;
    w->reported = w->applied;
    w->applied = NULL;
    w->evicted += w->evicted_now;
    w->evicted_now = 0;
    tell_removed(w);
    if (w->work.has_more)
        w->is_expiry_wanted = w->drained == NULL;
    advance(w);
    store_pause(w->store); /* the next read sees what was committed */
    report(w, w->reported);
    w->reported = NULL;
    advance(w);
    if (!writer_is_idle(w))
        return;
    for (size_t i = 0; i < BATCHES; i++)
        batch_trim(&w->batches[i]);
    writer_drained *drained = w->drained;
    w->drained = NULL;
    if (drained != NULL)
        drained(w->context);
}

static void start_apply(struct writer *w, struct batch *b)
{
    w->applied = b;
    w->work = (struct store_work){.now_unix_s = store_now(w->store)};
    w->gone.count = w->gone.more_evicted = w->gone.more_expired = 0;
    w->work.removals = w->removed != NULL ? &w->gone : NULL;
    w->is_expiring = w->is_expiry_wanted;
    w->is_expiry_wanted = false;
    w->apply_work.data = w;
    int rc = uv_queue_work(w->loop, &w->apply_work, on_apply, after_apply);
    assert(rc == 0);
}

/* A few signatures wait for the apply, and more writes join them; many are checked meanwhile. */
static bool can_leave_collection(const struct writer *w)
{
    return w->is_flush_wanted && w->collected->count > 0 && w->checked == NULL &&
           (w->applied == NULL || w->collected->unverified >= CHUNK_MIN);
}

/* Moves each stage on whose next one is free. Calls nobody's callback. */
static void advance(struct writer *w)
{
    if (w->applied == NULL && w->checked != NULL && w->chunks_running == 0) {
        struct batch *b = w->checked;
        w->checked = NULL;
        start_apply(w, b);
    }
    if (can_leave_collection(w)) {
        struct batch *b = w->collected;
        w->collected = take_free(w);
        w->is_flush_wanted = false;
        if (b->unverified < CHUNK_MIN) {
            start_apply(w, b);
        } else {
            w->checked = b;
            start_check(w);
        }
    }
    if (w->applied == NULL && w->checked == NULL && w->is_expiry_wanted)
        start_apply(w, take_free(w));
}

enum err writer_submit(struct writer *w, const struct store_write *write)
{
    if (w->collected->count == WRITER_BATCH_MAX)
        writer_flush(w);
    if (w->collected->count == WRITER_BATCH_MAX)
        return ERR_BUSY;
    return batch_add(w->collected, write);
}

void writer_flush(struct writer *w)
{
    w->is_flush_wanted = w->collected->count > 0;
    advance(w);
}

void writer_expire(struct writer *w)
{
    w->is_expiry_wanted = true;
    advance(w);
}

void writer_drain(struct writer *w, writer_drained *drained)
{
    w->drained = drained;
    writer_flush(w);
    if (writer_is_idle(w))
        start_apply(w, take_free(w)); /* of nothing: its end is the answer */
}

void writer_watch(struct writer *w, writer_removed *removed)
{
    w->removed = removed;
}

uint64_t writer_evicted(const struct writer *w)
{
    return w->evicted;
}

uint64_t writer_progress(const struct writer *w)
{
    return atomic_load(&w->steps);
}
