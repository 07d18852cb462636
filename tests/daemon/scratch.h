/* Directories of a test's own, each removed with all that is in it. They lie below one of the
 * program's, which is removed at its end also when tests have failed. */
#ifndef XORD_TESTS_DAEMON_SCRATCH_H
#define XORD_TESTS_DAEMON_SCRATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct scratch {
    char path[64];
};

/* The runner's: makes the program's directory, in memory where that is possible. A busy disk makes
 * thousands of syncs long and proves nothing; the end-to-end tests are on the disk. */
void scratch_begin(void);
/* Removes it; false when a test had left something in it. */
bool scratch_end(void);
/* The program's directory, in which tests make what they need. */
const char *scratch_parent(void);
void scratch_make(struct scratch *s);
void scratch_remove(struct scratch *s);
/* The path of a name in it; `out` of PATH_MAX bytes is returned. */
char *scratch_path(const struct scratch *s, const char *name, char *out);
void scratch_write(const struct scratch *s, const char *name, const void *data, size_t size);
/* How many bytes the file has; -1 when there is none. */
long scratch_size(const struct scratch *s, const char *name);
/* Its permission bits; -1 when there is none. */
int scratch_mode(const struct scratch *s, const char *name);

#endif
