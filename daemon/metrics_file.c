#include "daemon/metrics_file.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/background.h"
#include "daemon/file.h"

void metrics_file_init(struct metrics_file *m, uv_loop_t *loop)
{
    *m = (struct metrics_file){.loop = loop};
}

/* Readable by all, as collectors run as users of their own; it holds no secrets. */
static enum err run_write(void *argument)
{
    struct metrics_file *m = argument;
    enum err err = file_replace(m->path, m->text, m->size, 0644);
    m->error = err == ERR_OK ? 0 : errno;
    return err;
}

/* One line when it begins to fail, another way, or to work again; not one each time. */
static void on_written(void *argument, enum err err)
{
    struct metrics_file *m = argument;
    (void)err;
    if (m->error != 0 && m->error != m->failure)
        log_warn(LOG_DAEMON, "metrics cannot be written to %s: %s; the daemon runs on", m->path,
                 strerror(m->error));
    else if (m->error == 0 && m->failure != 0)
        log_info(LOG_DAEMON, "metrics are written to %s again", m->path);
    m->failure = m->error;
    free(m->text);
    m->text = NULL;
}

void metrics_file_write(struct metrics_file *m, const char *path, char *text, size_t size)
{
    if (m->text != NULL) {
        free(text);
        return;
    }
    if (strcmp(path, m->path) != 0)
        m->failure = 0; /* whatever happens there is news */
    snprintf(m->path, sizeof(m->path), "%s", path);
    m->text = text;
    m->size = size;
    if (background_start(m->loop, run_write, on_written, m) == ERR_OK)
        return;
    free(m->text);
    m->text = NULL;
}

bool metrics_file_is_idle(const struct metrics_file *m)
{
    return m->text == NULL;
}
