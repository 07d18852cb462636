#include "daemon/name_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/hex.h"
#include "daemon/background.h"
#include "daemon/datadir.h"
#include "daemon/file.h"
#include "rpc/name.h"

#define LINE_SIZE (2 * NAME_DIR_VALUE_SIZE + 1) /* the digits and a line feed */

/* In guarded memory: the value may be a secret. */
struct name_dir_job {
    struct name_dir *dir;
    struct name_dir_job *next;
    char path[PATH_MAX];
    char name[RPC_NAME_MAX + 1];
    bool has_value;
    uint8_t value[NAME_DIR_VALUE_SIZE];
    uint64_t ticket;
};

static bool path_of(const struct name_dir *d, const char *name, char out[PATH_MAX])
{
    int written = snprintf(out, PATH_MAX, "%s/%s", d->path, name);
    return written > 0 && written < PATH_MAX;
}

/* Opening. */

static enum err read_one(const struct name_dir *d, const char *name, uint8_t *value, char *detail)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t size = 0;
    if (!path_of(d, name, path))
        return ERR_TOO_BIG;
    enum err err = file_read(path, LINE_SIZE, &text, &size);
    if (err != ERR_OK && err != ERR_TOO_BIG) {
        snprintf(detail, NAME_DIR_DETAIL_SIZE, "cannot read %.300s: %s", path, strerror(errno));
        return err;
    }
    if (err == ERR_TOO_BIG || size != LINE_SIZE || text[LINE_SIZE - 1] != '\n' ||
        !hex_decode((const char *)text, LINE_SIZE - 1, value, NAME_DIR_VALUE_SIZE)) {
        snprintf(detail, NAME_DIR_DETAIL_SIZE, "%.300s is damaged; restore it or move it away",
                 path);
        err = ERR_CORRUPT;
    }
    if (text != NULL)
        sodium_memzero(text, size);
    free(text);
    return err;
}

/* Reads the files with a name's form; others, as an unfinished save, are not ours to judge. */
static enum err read_all(const struct name_dir *d, DIR *directory, name_dir_visit *visit,
                         char *detail)
{
    uint8_t value[NAME_DIR_VALUE_SIZE];
    enum err err = ERR_OK;
    const struct dirent *entry;
    while (err == ERR_OK && (entry = readdir(directory)) != NULL) {
        if (!name_is_valid(entry->d_name))
            continue;
        err = read_one(d, entry->d_name, value, detail);
        if (err == ERR_OK && !visit(d->context, entry->d_name, value)) {
            snprintf(detail, NAME_DIR_DETAIL_SIZE, "%.300s holds more files than fit", d->path);
            err = ERR_BUSY;
        }
    }
    sodium_memzero(value, sizeof(value));
    return err;
}

enum err name_dir_open(struct name_dir *d, uv_loop_t *loop, const char *path, name_dir_done *done,
                       name_dir_visit *visit, void *context, char *detail)
{
    *d = (struct name_dir){.loop = loop, .done = done, .context = context};
    if (snprintf(d->path, sizeof(d->path), "%s", path) >= (int)sizeof(d->path))
        return ERR_TOO_BIG;
    DIR *directory = datadir_make(path, 0700) ? opendir(path) : NULL;
    if (directory == NULL) {
        snprintf(detail, NAME_DIR_DETAIL_SIZE, "cannot open %.300s: %s", path, strerror(errno));
        return ERR_IO;
    }
    enum err err = read_all(d, directory, visit, detail);
    closedir(directory);
    return err;
}

/* Changing. */

static enum err remove_file(const char *path)
{
    char parent[PATH_MAX];
    if (unlink(path) != 0 && errno != ENOENT)
        return ERR_IO;
    if (!datadir_parent(path, parent, sizeof(parent)))
        return ERR_IO;
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd >= 0 && fsync(fd) == 0 ? ERR_OK : ERR_IO;
    if (fd >= 0)
        close(fd);
    return err;
}

static enum err run_job(void *argument)
{
    struct name_dir_job *job = argument;
    char line[LINE_SIZE + 1];
    if (!job->has_value)
        return remove_file(job->path);
    hex_encode(bytes_of(job->value, sizeof(job->value)), line);
    line[LINE_SIZE - 1] = '\n';
    enum err err = file_save_atomically(job->path, line, LINE_SIZE, 0600);
    sodium_memzero(line, sizeof(line));
    return err;
}

static void finish_job(void *argument, enum err err)
{
    struct name_dir_job *job = argument;
    struct name_dir *d = job->dir;
    struct name_dir_job **at = &d->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    d->job_count--;
    struct name_change change = {
        .name = job->name, .value = job->has_value ? job->value : NULL, .ticket = job->ticket};
    d->done(d->context, &change, err);
    sodium_free(job);
}

static bool is_changing(const struct name_dir *d, const char *name)
{
    for (const struct name_dir_job *job = d->jobs; job != NULL; job = job->next) {
        if (strcmp(job->name, name) == 0)
            return true;
    }
    return false;
}

static enum err start(struct name_dir *d, const char *name, const uint8_t *value, uint64_t ticket)
{
    if (!name_is_valid(name))
        return ERR_INVALID_PARAMS;
    if (d->job_count == NAME_DIR_CHANGES_MAX || is_changing(d, name))
        return ERR_BUSY;
    /* Guarded memory ends with the last byte asked for, so the size must keep the struct aligned;
     * sizeof does. */
    struct name_dir_job *job = sodium_malloc(sizeof(*job));
    if (job == NULL)
        return ERR_NO_MEMORY;
    memset(job, 0, sizeof(*job));
    job->dir = d;
    job->ticket = ticket;
    snprintf(job->name, sizeof(job->name), "%s", name);
    job->has_value = value != NULL;
    if (value != NULL)
        memcpy(job->value, value, sizeof(job->value));
    if (!path_of(d, name, job->path) ||
        background_start(d->loop, run_job, finish_job, job) != ERR_OK) {
        sodium_free(job);
        return ERR_NO_MEMORY;
    }
    job->next = d->jobs;
    d->jobs = job;
    d->job_count++;
    return ERR_OK;
}

enum err name_dir_save(struct name_dir *d, const char *name, const uint8_t *value, uint64_t ticket)
{
    return start(d, name, value, ticket);
}

enum err name_dir_remove(struct name_dir *d, const char *name, uint64_t ticket)
{
    return start(d, name, NULL, ticket);
}

bool name_dir_is_idle(const struct name_dir *d)
{
    return d->job_count == 0;
}
