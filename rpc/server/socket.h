/* A listening Unix socket at a path: made so that nobody connects before its mode is right, and
 * removed only while it is still ours. */
#ifndef XORD_RPC_SOCKET_H
#define XORD_RPC_SOCKET_H

#include <sys/types.h>

#include "common/err.h"
#include "rpc/limits.h"

struct socket_file {
    char path[108]; /* sun_path's size, terminator included */
    dev_t device;
    ino_t inode;
};

/* Binds, and leaves listen(2) to the caller: until then connections are refused. A live socket is
 * ERR_IN_USE, a dead one replaced, a path too long ERR_TOO_BIG, else ERR_IO; one line in `detail`.
 */
enum err socket_bind(const char *path, mode_t mode, int *fd, struct socket_file *file,
                     char detail[RPC_DETAIL_SIZE]);
/* Removes the file, unless another socket has taken its place. Zeroed, there is none. */
void socket_remove(const struct socket_file *file);

#endif
