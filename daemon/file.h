/* Small files, replaced as a whole. Synchronous: run on a worker, never on the loop. */
#ifndef XORD_FILE_H
#define XORD_FILE_H

#include <sys/types.h>

#include "common/bytes.h"
#include "common/err.h"

/* Writes PATH.tmp with `mode`, syncs it, renames it to `path`, syncs the directory: after a crash
 * there is the old file or the new one, whole. A failure leaves the old one: ERR_STORAGE_FULL (no
 * disk space) or ERR_IO, with errno set. Not for two callers at once with one path. */
enum err file_save_atomically(const char *path, const void *data, size_t size, mode_t mode);
/* As file_save_atomically, but for the directory: a crash of the machine may bring the old one
 * back, whole. */
enum err file_save_whole(const char *path, const void *data, size_t size, mode_t mode);
/* As file_save_atomically, without waiting for the disk: readers see the old file or the new one,
 * whole, but a crash of the machine may cost both. A device, pipe or socket is
 * never replaced: ERR_IO with ENOTSUP. */
enum err file_replace(const char *path, const void *data, size_t size, mode_t mode);
/* Reads the whole file into a new buffer (free), with a zero byte after it. ERR_NOT_FOUND,
 * ERR_TOO_BIG (over size_max), ERR_NO_MEMORY, ERR_IO. */
enum err file_read(const char *path, size_t size_max, uint8_t **data, size_t *size);

#endif
