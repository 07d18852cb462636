#include "rpc/streams/notice.h"

#include <stdlib.h>

struct notice *notice_new(const struct json_text *text)
{
    struct notice *notice = text->failed ? NULL : malloc(sizeof *notice + text->size);
    if (notice == NULL)
        return NULL;
    notice->holders = 1;
    notice->size = text->size;
    if (text->size > 0)
        memcpy(notice->text, text->data, text->size);
    return notice;
}

struct notice *notice_hold(struct notice *notice)
{
    notice->holders++;
    return notice;
}

void notice_drop(struct notice *notice)
{
    if (notice != NULL && --notice->holders == 0)
        free(notice);
}
