/* What the code's own tables say, printed for a page or a shell. A template names a table on a line
 * of its own, `@methods@`, and gets it there: so neither pages nor completions can say something
 * else than the program. */
#ifndef XORD_DOCS_GEN_TABLE_H
#define XORD_DOCS_GEN_TABLE_H

#include <stdio.h>

struct table {
    const char *name; /* NULL ends a list */
    void (*print)(FILE *out);
};

/* For manual pages, in scdoc's markup. */
extern const struct table page_tables[];
/* For the completions of bash, zsh and fish. */
extern const struct table shell_tables[];

#endif
