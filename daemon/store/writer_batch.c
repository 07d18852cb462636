#include "daemon/store/writer_batch.h"

#include <assert.h>
#include <stdlib.h>

#define BLOCK_SIZE  65536u /* some fifty of the largest records */
#define ITEMS_FIRST 32u    /* writes of a quiet loop turn; doubled when they do not fit */

struct batch_block {
    struct batch_block *next;
    uint8_t data[BLOCK_SIZE - sizeof(struct batch_block *)];
};

static bool reserve_item(struct batch *b)
{
    if (b->count < b->capacity)
        return true;
    size_t capacity = b->capacity == 0 ? ITEMS_FIRST : b->capacity * 2;
    struct store_item *items = realloc(b->items, capacity * sizeof(*items));
    if (items == NULL)
        return false;
    b->items = items;
    b->capacity = capacity;
    return true;
}

static bool reserve_bytes(struct batch *b)
{
    if (b->blocks != NULL && sizeof(b->blocks->data) - b->block_used >= STORE_ITEM_BYTES)
        return true;
    struct batch_block *block = malloc(sizeof(*block));
    if (block == NULL)
        return false;
    block->next = b->blocks;
    b->blocks = block;
    b->block_used = 0;
    return true;
}

enum err batch_add(struct batch *b, const struct store_write *write)
{
    assert(b->count < WRITER_BATCH_MAX);
    if (!reserve_item(b) || !reserve_bytes(b))
        return ERR_NO_MEMORY;
    struct store_item *item = &b->items[b->count++];
    store_item_pack(item, write, b->blocks->data + b->block_used);
    b->block_used += (item->size + 7u) & ~(size_t)7u;
    b->unverified += write->action == STORE_PUT && !write->is_verified;
    return ERR_OK;
}

void batch_verify(struct batch *b, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct store_item *item = &b->items[i];
        if (item->write.action != STORE_PUT || item->write.is_verified)
            continue;
        item->is_refused = !record_verify(&item->write.record);
        if (item->is_refused)
            item->err = ERR_BAD_SIGNATURE;
    }
}

void batch_reset(struct batch *b)
{
    b->is_busy = false;
    b->is_checked = false;
    b->count = 0;
    b->unverified = 0;
    b->block_used = 0;
    /* Blocks behind the first are given back here: a batch that fills them again is a busy one,
     * and then the allocator has them at hand. */
    while (b->blocks != NULL && b->blocks->next != NULL) {
        struct batch_block *block = b->blocks;
        b->blocks = block->next;
        free(block);
    }
}

void batch_trim(struct batch *b)
{
    if (b->capacity <= ITEMS_FIRST)
        return;
    free(b->items);
    b->items = NULL;
    b->capacity = 0;
}

void batch_clear(struct batch *b)
{
    batch_reset(b);
    free(b->blocks);
    free(b->items);
    *b = (struct batch){0};
}
