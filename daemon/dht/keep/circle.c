#include "daemon/dht/keep/circle.h"

#include "daemon/dht/node_state.h"

#define PUSHERS 2u /* nearest holders that see to a change: one may lack the record */

void circle_find(const struct node *node, enum record_kind kind, const struct id *target,
                 struct circle *out)
{
    enum krpc_method method = kind == RECORD_MULTI ? KRPC_XPUT : KRPC_PUT;
    bool has_v4 = node_neighbours(node, method, FAMILY_V4)->count > 0;
    *out = (struct circle){0};
    out->count =
        node_closest(node, method, has_v4 ? FAMILY_V4 : FAMILY_V6, target, out->nodes, CIRCLE_SIZE);
    while (out->rank < out->count &&
           id_compare_distance(target, &out->nodes[out->rank].id, &node->id) < 0)
        out->rank++;
}

bool circle_has(const struct circle *c, const struct contact *contact)
{
    for (size_t i = 0; i < c->count; i++)
        if (id_equal(&c->nodes[i].id, &contact->id) &&
            addr_equal(&c->nodes[i].addr, &contact->addr))
            return true;
    return false;
}

/* How many of the k closest are others: we count among them when fewer than k are nearer. */
static size_t count_others(const struct circle *c)
{
    size_t wanted = c->rank < CIRCLE_SIZE ? CIRCLE_SIZE - 1 : CIRCLE_SIZE;
    return c->count < wanted ? c->count : wanted;
}

void circle_mark_all(struct circle *c)
{
    for (size_t i = 0; i < count_others(c); i++)
        c->is_marked[i] = true;
}

static void mark_joined(struct circle *c, size_t others, const struct id *joined)
{
    for (size_t i = 0; i < others; i++)
        c->is_marked[i] = c->is_marked[i] || id_equal(&c->nodes[i].id, joined);
}

bool circle_mark_changed(struct circle *c, const struct id *target,
                         const struct circle_change *changes, size_t count)
{
    size_t others = count_others(c), moved_up = 0;
    bool has_any = false;
    for (size_t i = 0; i < count; i++) {
        const struct id *id = &changes[i].contact.id;
        if (!changes[i].is_lost)
            mark_joined(c, others, id);
        else if (others > 0 && id_compare_distance(target, id, &c->nodes[others - 1].id) < 0)
            moved_up++;
    }
    for (size_t i = others; i > 0 && moved_up > 0; i--, moved_up--)
        c->is_marked[i - 1] = true;
    for (size_t i = 0; i < others; i++)
        has_any = has_any || c->is_marked[i];
    return has_any;
}

bool circle_is_ours(const struct circle *c)
{
    unsigned nearer = 0;
    for (size_t i = 0; i < c->rank && i < c->count; i++)
        nearer += !c->is_marked[i];
    return nearer < PUSHERS;
}

bool circle_mark_successor(struct circle *c, bool is_few)
{
    if (is_few != (c->count < CIRCLE_SIZE))
        return false;
    if (is_few)
        circle_mark_all(c);
    else if (c->rank < CIRCLE_SIZE)
        c->is_marked[CIRCLE_SIZE - 1] = true;
    return true;
}
