/* Which connections of a server there are, which of them have something to do before the loop
 * sleeps, and which wait for their turn. Links connections, owns none; touches no socket. */
#ifndef XORD_RPC_CONN_LISTS_H
#define XORD_RPC_CONN_LISTS_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

struct conn_links { /* of one connection */
    struct conn *previous, *next, *next_dirty, *next_resting;
    bool is_dirty;
    bool is_resting; /* not read from until the next turn */
};

struct conn_lists { /* zeroed they are empty */
    struct conn *all;
    struct conn *dirty;
    struct conn *resting_first, *resting_last; /* the longest waiting first */
    size_t read_count;                         /* of all, on the read-only socket */
};

void conn_lists_add(struct conn_lists *lists, struct conn *conn);
/* Out of all of them. */
void conn_lists_remove(struct conn_lists *lists, struct conn *conn);
/* It has something to do. */
void conn_lists_mark(struct conn_lists *lists, struct conn *conn);
/* One that has, and is marked no more; NULL: none. */
struct conn *conn_lists_take(struct conn_lists *lists);
/* It has lines that wait for the next turn, behind those that wait already; or it waits no more. */
void conn_lists_rest(struct conn_lists *lists, struct conn *conn);
void conn_lists_wake(struct conn_lists *lists, struct conn *conn);

#endif
