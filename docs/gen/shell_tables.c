#include "docs/gen/table.h"

const struct table shell_tables[] = {
    {NULL, NULL},
};
