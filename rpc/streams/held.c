#include "rpc/streams/held.h"

#include <stdlib.h>

void held_init(struct held *list, struct budget *budget, enum rpc_access access)
{
    *list = (struct held){.budget = budget, .access = access};
}

static uint8_t *copy(uint8_t **at, const void *data, size_t size)
{
    uint8_t *to = *at;
    if (size > 0)
        memcpy(to, data, size);
    *at += size;
    return to;
}

static void copy_record(struct held_change *change, const struct record *record)
{
    uint8_t *at = change->bytes;
    change->record = *record;
    change->record.k = copy(&at, record->k, KEYS_PUBLIC_SIZE);
    if (record->sig != NULL)
        change->record.sig = copy(&at, record->sig, KEYS_SIGNATURE_SIZE);
    change->record.salt.data = copy(&at, record->salt.data, record->salt.size);
    change->record.v.data = copy(&at, record->v.data, record->v.size);
}

static size_t size_of(const struct record *record)
{
    return sizeof(struct held_change) + KEYS_PUBLIC_SIZE + KEYS_SIGNATURE_SIZE + record->salt.size +
           record->v.size;
}

static bool append(struct held *list, enum listen_what what, bool is_replay,
                   const struct record *record, size_t paid)
{
    struct held_change *change = malloc(size_of(record));
    if (change == NULL)
        return false;
    *change = (struct held_change){.what = what, .is_replay = is_replay, .paid = paid};
    copy_record(change, record);
    if (list->last != NULL)
        list->last->next = change;
    else
        list->first = change;
    list->last = change;
    list->count++;
    return true;
}

bool held_add(struct held *list, enum listen_what what, bool is_replay, const struct record *record)
{
    size_t size = size_of(record);
    if (!budget_take(list->budget, list->access, size))
        return false;
    if (append(list, what, is_replay, record, size))
        return true;
    budget_give(list->budget, list->access, size);
    return false;
}

bool held_replace(struct held *list, enum listen_what what, bool is_replay,
                  const struct record *record)
{
    held_clear(list);
    return append(list, what, is_replay, record, 0);
}

void held_own(struct held *list)
{
    for (struct held_change *change = list->first; change != NULL; change = change->next) {
        budget_give(list->budget, list->access, change->paid);
        budget_take(list->budget, RPC_ACCESS_FULL, change->paid); /* what has just been given */
    }
    list->access = RPC_ACCESS_FULL;
}

struct held_change *held_take(struct held *list)
{
    struct held_change *change = list->first;
    if (change == NULL)
        return NULL;
    budget_give(list->budget, list->access, change->paid);
    list->first = change->next;
    if (list->first == NULL)
        list->last = NULL;
    list->count--;
    list->taken++;
    change->next = NULL;
    return change;
}

void held_lose(struct held *list)
{
    held_clear(list);
    list->taken++;
}

void held_clear(struct held *list)
{
    while (list->first != NULL)
        held_change_free(held_take(list));
}

void held_change_free(struct held_change *change)
{
    free(change);
}
