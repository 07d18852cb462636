#include "tests/daemon/scratch.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *scratch_parent(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

void scratch_make(struct scratch *s)
{
    snprintf(s->path, sizeof(s->path), "%s/xord_test.XXXXXX", scratch_parent());
    ck_assert_ptr_nonnull(mkdtemp(s->path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void scratch_remove(struct scratch *s)
{
    nftw(s->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *scratch_path(const struct scratch *s, const char *name, char *out)
{
    snprintf(out, PATH_MAX, "%s/%s", s->path, name);
    return out;
}

void scratch_write(const struct scratch *s, const char *name, const void *data, size_t size)
{
    char path[PATH_MAX];
    FILE *file = fopen(scratch_path(s, name, path), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

long scratch_size(const struct scratch *s, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    return stat(scratch_path(s, name, path), &status) == 0 ? (long)status.st_size : -1;
}

int scratch_mode(const struct scratch *s, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    return stat(scratch_path(s, name, path), &status) == 0 ? (int)(status.st_mode & 0777) : -1;
}
