/* Where things lie in sorted arrays. The arrays and their order are their owners'. */
#ifndef XORD_COMMON_SORTED_H
#define XORD_COMMON_SORTED_H

#include <stdbool.h>
#include <stddef.h>

/* Like bsearch's: below 0 when the key lies before the item, 0 when this is it. */
typedef int sorted_compare_fn(const void *key, const void *item);

struct sorted {
    const void *items;
    size_t count, item_size; /* in bytes */
};

/* The index of the item with this key, or the one at which it belongs; *is_there tells which. Of
 * several with the same key it is any. */
size_t sorted_place(const struct sorted *sorted, const void *key, sorted_compare_fn *compare,
                    bool *is_there);

#endif
