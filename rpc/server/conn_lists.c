#include "rpc/server/conn_lists.h"

#include "rpc/server/conn.h"

static bool is_reader(const struct conn *conn)
{
    return conn->client.access == RPC_ACCESS_READ;
}

void conn_lists_add(struct conn_lists *lists, struct conn *conn)
{
    conn->links.next = lists->all;
    if (lists->all != NULL)
        lists->all->links.previous = conn;
    lists->all = conn;
    lists->read_count += is_reader(conn);
}

static void unmark(struct conn_lists *lists, struct conn *conn)
{
    if (!conn->links.is_dirty)
        return;
    struct conn **at = &lists->dirty;
    while (*at != conn)
        at = &(*at)->links.next_dirty;
    *at = conn->links.next_dirty;
    conn->links.is_dirty = false;
}

void conn_lists_remove(struct conn_lists *lists, struct conn *conn)
{
    const struct conn_links *links = &conn->links;

    unmark(lists, conn);
    conn_lists_wake(lists, conn);
    if (links->next != NULL)
        links->next->links.previous = links->previous;
    if (links->previous != NULL)
        links->previous->links.next = links->next;
    else
        lists->all = links->next;
    lists->read_count -= is_reader(conn);
}

void conn_lists_mark(struct conn_lists *lists, struct conn *conn)
{
    if (conn->links.is_dirty)
        return;
    conn->links.is_dirty = true;
    conn->links.next_dirty = lists->dirty;
    lists->dirty = conn;
}

struct conn *conn_lists_take(struct conn_lists *lists)
{
    struct conn *conn = lists->dirty;

    if (conn != NULL)
        unmark(lists, conn);
    return conn;
}

void conn_lists_rest(struct conn_lists *lists, struct conn *conn)
{
    if (conn->links.is_resting)
        return;
    conn->links.is_resting = true;
    conn->links.next_resting = NULL;
    *(lists->resting_last != NULL ? &lists->resting_last->links.next_resting
                                  : &lists->resting_first) = conn;
    lists->resting_last = conn;
}

void conn_lists_wake(struct conn_lists *lists, struct conn *conn)
{
    struct conn *before = NULL;

    if (!conn->links.is_resting)
        return;
    for (struct conn *at = lists->resting_first; at != conn; at = at->links.next_resting)
        before = at;
    *(before != NULL ? &before->links.next_resting : &lists->resting_first) =
        conn->links.next_resting;
    if (lists->resting_last == conn)
        lists->resting_last = before;
    conn->links.is_resting = false;
}
