#include "common/sorted.h"

size_t sorted_place(const struct sorted *sorted, const void *key, sorted_compare_fn *compare,
                    bool *is_there)
{
    size_t low = 0, high = sorted->count;
    *is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(key, (const char *)sorted->items + middle * sorted->item_size);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
