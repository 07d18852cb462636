/* The node's id on disk, once the node runs: a node may take another one (adopt.h), which must come
 * back after a restart like the first. */
#ifndef XORD_DAEMON_SAVED_ID_H
#define XORD_DAEMON_SAVED_ID_H

#include <uv.h>

#include "daemon/datadir.h"
#include "daemon/dht/node.h"

struct saved_id {
    uv_loop_t *loop;
    const struct datadir *datadir;
    struct id id;     /* as it is on disk */
    struct id saving; /* as it will be, while is_saving */
    bool is_saving;
};

void saved_id_init(struct saved_id *s, uv_loop_t *loop, const struct datadir *datadir,
                   const struct id *id);
/* Starts saving the node's id, on a worker; nothing when that is under way, or nothing changed. */
void saved_id_update(struct saved_id *s, const struct node *node);
bool saved_id_is_idle(const struct saved_id *s);

#endif
