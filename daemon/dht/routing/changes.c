#include "daemon/dht/routing/changes.h"

static void add(struct changes *changes, bool is_neighbour, const struct contact *gone,
                const struct contact *came)
{
    if (changes == NULL || changes->count == CHANGES_MAX)
        return;
    struct change *change = &changes->list[changes->count++];
    *change = (struct change){
        .is_neighbour = is_neighbour, .has_come = came != NULL, .has_gone = gone != NULL};
    if (came != NULL)
        change->came = *came;
    if (gone != NULL)
        change->gone = *gone;
}

void changes_add(struct changes *changes, const struct contact *gone, const struct contact *came)
{
    add(changes, false, gone, came);
}

void changes_add_neighbour(struct changes *changes, const struct contact *gone,
                           const struct contact *came)
{
    add(changes, true, gone, came);
}
