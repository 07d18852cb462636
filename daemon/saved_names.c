#include "daemon/saved_names.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/background.h"
#include "daemon/file.h"

void saved_names_init(struct saved_names *s, uv_loop_t *loop, const char *path)
{
    uint8_t *file = NULL;
    size_t size = 0;
    *s = (struct saved_names){.loop = loop};
    snprintf(s->path, sizeof(s->path), "%s", path);
    enum err err = file_read(path, NAME_CACHE_PACKED, &file, &size);
    if (err == ERR_NOT_FOUND)
        return;
    if (err != ERR_OK || !name_cache_unpack(&s->cache, bytes_of(file, size)))
        log_warn(LOG_RPC, "the saved names %s cannot be used; starting without them", path);
    free(file);
}

static enum err run_save(void *argument)
{
    const struct saved_names *s = argument;
    return file_save_atomically(s->path, s->data, s->size, 0600);
}

static void on_saved(void *argument, enum err err)
{
    struct saved_names *s = argument;
    s->has_failed = err != ERR_OK;
    if (err == ERR_OK)
        s->saved = s->saving;
    else
        log_warn(LOG_RPC, "names could not be saved to %s: %s", s->path, err_text(err));
    free(s->data);
    s->data = NULL;
}

void saved_names_save(struct saved_names *s)
{
    if (s->data != NULL || !saved_names_is_changed(s))
        return;
    s->data = name_cache_pack(&s->cache, &s->size);
    s->saving = s->cache.changes;
    if (s->data == NULL || background_start(s->loop, run_save, on_saved, s) == ERR_OK)
        return;
    free(s->data);
    s->data = NULL;
}

bool saved_names_is_changed(const struct saved_names *s)
{
    return s->cache.changes != s->saved;
}

bool saved_names_is_idle(const struct saved_names *s)
{
    return s->data == NULL;
}

void saved_names_clear(struct saved_names *s)
{
    name_cache_clear(&s->cache);
}
