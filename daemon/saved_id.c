#include "daemon/saved_id.h"

#include "common/log.h"
#include "daemon/background.h"

void saved_id_init(struct saved_id *s, uv_loop_t *loop, const struct datadir *datadir,
                   const struct id *id)
{
    *s = (struct saved_id){.loop = loop, .datadir = datadir, .id = *id};
}

static enum err run_save(void *argument)
{
    const struct saved_id *s = argument;
    return datadir_save_id(s->datadir, &s->saving);
}

static void on_saved(void *argument, enum err err)
{
    struct saved_id *s = argument;
    s->is_saving = false;
    if (err == ERR_OK)
        s->id = s->saving;
    else
        log_warn(LOG_NODE, "the node's new id could not be saved: %s", err_text(err));
}

void saved_id_update(struct saved_id *s, const struct node *node)
{
    struct node_info info;
    node_get_info(node, &info);
    if (s->is_saving || id_equal(&info.id, &s->id))
        return;
    s->saving = info.id;
    s->is_saving = background_start(s->loop, run_save, on_saved, s) == ERR_OK;
}

bool saved_id_is_idle(const struct saved_id *s)
{
    return !s->is_saving;
}
