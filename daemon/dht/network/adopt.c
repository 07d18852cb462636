#include "daemon/dht/network/adopt.h"

#include <stdlib.h>

#include "daemon/dht/node_state.h"

/* Whoever can make enough voters lie must not be able to move us at will. */
#define ADOPT_PAUSE_MS (60u * 60u * 1000u)

/* Moves the members of one table to a table around the new id. Those that find no room there are
 * met again when lookups come across them; the new neighbours too. */
static void move_members(struct node *node, struct now now, struct routing *table,
                         struct neighbours *neighbours)
{
    struct routing old = *table;
    const struct routing_node *member;
    size_t bucket = 0, index = 0;
    routing_init(table, &node->id, old.family);
    while ((member = routing_each(&old, &bucket, &index)) != NULL)
        if (member->fails == 0)
            routing_answered(table, &member->contact, member->is_xord, member->rtt.srtt_x8_ms / 8u,
                             now.ms);
    routing_clear(&old);
    table->changes = old.changes; /* the move itself is none */
    neighbours_clear(neighbours);
}

void adopt_secure_id(struct node *node, struct now now)
{
    const struct external *external =
        &node->external[node->has_family[FAMILY_V4] ? FAMILY_V4 : FAMILY_V6];
    if (node->has_network || external->agreed.family == ADDR_NONE ||
        id_is_secure(&node->id, &external->agreed) || now.ms < node->adopt_after_ms)
        return;
    node->adopt_after_ms = now.ms + ADOPT_PAUSE_MS;
    id_make_secure(&node->id, &external->agreed, &node->rng);
    struct overlay *overlay = node->overlay;
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        move_members(node, now, &node->tables[i], &node->neighbours[i]);
        move_members(node, now, &overlay->tables[i], &overlay->neighbours[i]);
    }
    /* A search of the old id that is under way is followed by one of the new. */
    if (!node->maintain.is_joining)
        node->maintain.join_at_ms = now.ms;
    if (overlay->join_at_ms != UINT64_MAX)
        overlay->join_at_ms = now.ms;
    node->maintain.fill_prefix = 0;
}
