#include "rpc/streams/backlog.h"

#include <stdlib.h>

struct backlog *backlog_new(struct budget *budget, enum rpc_access access, size_t count)
{
    struct backlog *backlog = malloc(sizeof *backlog + count * sizeof(struct backlog_item));
    if (backlog != NULL)
        *backlog = (struct backlog){.holders = 1, .budget = budget, .access = access};
    return backlog;
}

void backlog_add(struct backlog *backlog, struct notice *notice, uint64_t time_unix_s)
{
    size_t size = notice != NULL ? sizeof *notice + notice->size : 0;
    if (!budget_take(backlog->budget, backlog->access, size)) {
        notice_drop(notice);
        notice = NULL;
        size = 0;
    }
    backlog->size += size;
    backlog->items[backlog->count++] =
        (struct backlog_item){.notice = notice, .time_unix_s = time_unix_s};
}

struct backlog *backlog_hold(struct backlog *backlog)
{
    backlog->holders++;
    return backlog;
}

void backlog_drop(struct backlog *backlog)
{
    if (backlog == NULL || --backlog->holders > 0)
        return;
    for (size_t i = 0; i < backlog->count; i++)
        notice_drop(backlog->items[i].notice);
    budget_give(backlog->budget, backlog->access, backlog->size);
    free(backlog);
}

const struct notice *backlog_next(const struct backlog *backlog, uint64_t since_unix_s, size_t *at)
{
    while (*at < backlog->count) {
        const struct backlog_item *item = &backlog->items[(*at)++];
        if (item->notice != NULL && item->time_unix_s >= since_unix_s)
            return item->notice;
    }
    return NULL;
}

size_t backlog_missing(const struct backlog *backlog, uint64_t since_unix_s)
{
    size_t missing = 0;
    for (size_t i = 0; i < backlog->count; i++)
        missing +=
            backlog->items[i].notice == NULL && backlog->items[i].time_unix_s >= since_unix_s;
    return missing;
}
