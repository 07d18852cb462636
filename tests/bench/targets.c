#include "tests/bench/targets.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tests/bench/report.h"

#define GROW 4096

static void add(struct targets *targets, const char *text)
{
    if (targets->count == targets->capacity) {
        targets->capacity += GROW;
        targets->all = realloc(targets->all, targets->capacity * sizeof(*targets->all));
        if (targets->all == NULL)
            report_fail("no memory");
    }
    if (text == NULL || !hex_decode(text, strlen(text), targets->all[targets->count].b, ID_SIZE))
        report_fail("liststored shows no target");
    targets->count++;
    targets->is_sorted = false;
}

void targets_read(struct targets *targets, struct call_connection *connection)
{
    json_t *next = NULL;
    do {
        json_t *params = next != NULL ? json_pack("{s:o}", "after", next) : NULL;
        json_t *page = call(connection, "liststored", params);
        size_t index;
        json_t *item;
        json_array_foreach(json_object_get(page, "items"), index, item)
        {
            add(targets, json_string_value(json_object_get(item, "target")));
        }
        next = json_object_get(page, "next");
        next = json_is_string(next) ? json_incref(next) : NULL;
        json_decref(page);
    } while (next != NULL);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

bool targets_has(struct targets *targets, const struct id *target)
{
    if (!targets->is_sorted && targets->count > 0)
        qsort(targets->all, targets->count, sizeof(*targets->all), compare);
    targets->is_sorted = true;
    return targets->count > 0 &&
           bsearch(target, targets->all, targets->count, sizeof(*targets->all), compare) != NULL;
}

void targets_clear(struct targets *targets)
{
    free(targets->all);
    *targets = (struct targets){0};
}
