/* The contacts of the routing tables on disk, for a warm start: saved on a worker while the daemon
 * runs, when they have changed, and at a graceful stop. A damaged file costs a warning and nothing
 * else: the bootstrap nodes are there. */
#ifndef XORD_DAEMON_TABLES_H
#define XORD_DAEMON_TABLES_H

#include <limits.h>
#include <uv.h>

#include "daemon/dht/node.h"

#define TABLES_CONTACTS_MAX 1024 /* both families; a warm start needs far fewer */
#define TABLES_ENTRY_SIZE   (ID_SIZE + 1 + 16 + 2)
#define TABLES_FILE_MAX     (16 + TABLES_CONTACTS_MAX * TABLES_ENTRY_SIZE)

struct tables {
    uv_loop_t *loop;
    char path[PATH_MAX];
    uint8_t *data; /* what is being saved; NULL when idle */
    size_t size;
    uint32_t saved_sum; /* of what is on disk */
};

void tables_init(struct tables *t, uv_loop_t *loop, const char *path);
/* Hands each saved contact to the node; returns how many. */
size_t tables_restore(struct tables *t, struct node *node, struct now now);
/* Starts saving; nothing when a save is under way, or nothing changed. */
void tables_save(struct tables *t, const struct node *node);
bool tables_is_idle(const struct tables *t);

/* The file's content, for `count` contacts; returns its size, at most TABLES_FILE_MAX. */
size_t tables_pack(const struct contact *contacts, size_t count, uint8_t out[TABLES_FILE_MAX]);
/* Fills at most TABLES_CONTACTS_MAX contacts; false when the file is damaged. */
bool tables_unpack(struct bytes file, struct contact *contacts, size_t *count);

#endif
