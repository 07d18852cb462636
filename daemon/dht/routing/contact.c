#include "daemon/dht/routing/contact.h"

size_t contact_insert(struct contact *out, size_t count, size_t max, const struct id *target,
                      const struct contact *contact)
{
    size_t at = count;
    while (at > 0 && id_compare_distance(target, &contact->id, &out[at - 1].id) < 0)
        at--;
    if (at == max || (at > 0 && id_equal(&out[at - 1].id, &contact->id)))
        return count;
    if (count == max)
        count--;
    memmove(&out[at + 1], &out[at], (count - at) * sizeof *out);
    out[at] = *contact;
    return count + 1;
}
