#include "daemon/dht/routing/neighbours.h"

#include <stdlib.h>

#define NEIGHBOURS_STEP 8u /* grown by; a small network needs no more */

_Static_assert(NEIGHBOURS_MAX % NEIGHBOURS_STEP == 0, "growth ends at the limit");

void neighbours_clear(struct neighbours *n)
{
    free(n->nodes);
    *n = (struct neighbours){0};
}

static bool make_room(struct neighbours *n)
{
    if (n->count < n->capacity)
        return true;
    if (n->capacity == NEIGHBOURS_MAX) { /* the farthest makes way */
        n->count--;
        return true;
    }
    size_t capacity = n->capacity + NEIGHBOURS_STEP;
    struct neighbour *nodes = realloc(n->nodes, capacity * sizeof *nodes);
    if (nodes == NULL)
        return false;
    n->nodes = nodes;
    n->capacity = (uint8_t)capacity;
    return true;
}

static struct neighbour *find(const struct neighbours *n, const struct contact *contact)
{
    for (unsigned i = 0; i < n->count; i++)
        if (id_equal(&n->nodes[i].contact.id, &contact->id) &&
            addr_equal(&n->nodes[i].contact.addr, &contact->addr))
            return &n->nodes[i];
    return NULL;
}

static void remove_at(struct neighbours *n, unsigned at)
{
    n->count--;
    memmove(&n->nodes[at], &n->nodes[at + 1], (n->count - at) * sizeof n->nodes[0]);
}

bool neighbours_wants(const struct neighbours *n, const struct id *self,
                      const struct contact *contact)
{
    if (n->count == NEIGHBOURS_MAX &&
        id_compare_distance(self, &contact->id, &n->nodes[n->count - 1].contact.id) >= 0)
        return false;
    for (unsigned i = 0; i < n->count; i++)
        if (id_equal(&n->nodes[i].contact.id, &contact->id))
            return false;
    return true;
}

bool neighbours_answered(struct neighbours *n, const struct id *self, const struct contact *contact)
{
    struct neighbour *known = find(n, contact);
    if (known != NULL) {
        known->fails = 0;
        known->is_checked = false;
        return false;
    }
    unsigned at = 0;
    while (at < n->count && id_compare_distance(self, &n->nodes[at].contact.id, &contact->id) < 0)
        at++;
    /* The same id elsewhere: whoever was there first keeps the place while it answers. */
    if (at == NEIGHBOURS_MAX || (at < n->count && id_equal(&n->nodes[at].contact.id, &contact->id)))
        return false;
    if (!make_room(n))
        return false;
    memmove(&n->nodes[at + 1], &n->nodes[at], (n->count - at) * sizeof n->nodes[0]);
    n->nodes[at] = (struct neighbour){.contact = *contact};
    n->count++;
    return true;
}

bool neighbours_has(const struct neighbours *n, const struct contact *contact)
{
    return find(n, contact) != NULL;
}

bool neighbours_failed(struct neighbours *n, const struct contact *contact)
{
    struct neighbour *known = find(n, contact);
    if (known == NULL)
        return false;
    known->is_checked = false;
    if (++known->fails < NEIGHBOURS_FAILS_MAX)
        return false;
    remove_at(n, (unsigned)(known - n->nodes));
    return true;
}

bool neighbours_remove(struct neighbours *n, const struct contact *contact)
{
    struct neighbour *known = find(n, contact);
    if (known == NULL)
        return false;
    remove_at(n, (unsigned)(known - n->nodes));
    return true;
}

bool neighbours_next_check(struct neighbours *n, struct contact *out)
{
    for (unsigned i = 0; i < n->count; i++) {
        if (n->nodes[i].fails == 0 || n->nodes[i].is_checked)
            continue;
        n->nodes[i].is_checked = true;
        *out = n->nodes[i].contact;
        return true;
    }
    return false;
}

size_t neighbours_merge(const struct neighbours *n, const struct id *self, const struct id *target,
                        struct contact *out, size_t count, size_t max)
{
    /* A target farther from us than all of them is no nearer to any of them than to the nodes of
     * the bucket that it falls into. */
    if (n->count == 0 ||
        (count == max && id_common_prefix(self, target) <
                             id_common_prefix(self, &n->nodes[n->count - 1].contact.id)))
        return count;
    for (unsigned i = 0; i < n->count; i++)
        if (n->nodes[i].fails == 0)
            count = contact_insert(out, count, max, target, &n->nodes[i].contact);
    return count;
}
