/* Pinned names of other people's keys: a file each under contacts/ in the data directory. A contact
 * counts once its file is on disk. */
#ifndef XORD_DAEMON_CONTACTS_H
#define XORD_DAEMON_CONTACTS_H

#include "daemon/identities.h"
#include "daemon/name_dir.h"

/* A change is done; `detail` may be NULL. On the loop, exactly once for each accepted change. */
typedef void contacts_done(void *context, uint64_t ticket, enum err err, const char *detail);

struct contacts {
    struct name_dir dir;
    struct identities list;
    contacts_done *done;
    void *context;
};

/* Reads all contacts. On failure `detail` (NAME_DIR_DETAIL_SIZE) says what; clear it nevertheless.
 */
enum err contacts_init(struct contacts *c, uv_loop_t *loop, const char *path, contacts_done *done,
                       void *context, char *detail);
void contacts_clear(struct contacts *c); /* when idle */
bool contacts_is_idle(const struct contacts *c);

/* Replaces a contact of that name. ERR_BUSY. */
enum err contacts_add(struct contacts *c, const char *name, const uint8_t *public_key,
                      uint64_t ticket);
enum err contacts_drop(struct contacts *c, const char *name,
                       uint64_t ticket); /* ERR_UNKNOWN_NAME */

#endif
