#include "tests/daemon/scratch.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char program_path[32];

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void scratch_begin(void)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(program_path, sizeof(program_path), "%s/xord_test.XXXXXX", parent);
    if (mkdtemp(program_path) == NULL) {
        perror(program_path);
        exit(EXIT_FAILURE);
    }
}

bool scratch_end(void)
{
    bool is_empty = rmdir(program_path) == 0;
    if (!is_empty)
        remove_tree(program_path);
    return is_empty;
}

const char *scratch_parent(void)
{
    return program_path;
}

void scratch_make(struct scratch *s)
{
    snprintf(s->path, sizeof(s->path), "%s/XXXXXX", program_path);
    ck_assert_ptr_nonnull(mkdtemp(s->path));
}

void scratch_remove(struct scratch *s)
{
    remove_tree(s->path);
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
