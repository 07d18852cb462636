/* Fills the tables into a template: standard input to standard output. A line that is `@name@` is
 * replaced by that table; `@version@` by the version, wherever it stands. */
#include <stdlib.h>
#include <string.h>

#include "docs/gen/table.h"

#define LINE_SIZE   1024
#define VERSION_TAG "@version@"

static const struct table *find(const struct table *list, const char *name, size_t size)
{
    for (; list->name != NULL; list++) {
        if (strlen(list->name) == size && strncmp(list->name, name, size) == 0)
            return list;
    }
    return NULL;
}

/* The name between the @, of a line that is nothing else; 0 when it is another line. */
static size_t tag_size(const char *line)
{
    size_t size = strcspn(line + (line[0] == '@'), "@ \n");
    return line[0] == '@' && strcmp(line + 1 + size, "@\n") == 0 ? size : 0;
}

static void print_text(const char *line)
{
    const char *tag;
    while ((tag = strstr(line, VERSION_TAG)) != NULL) {
        printf("%.*s%s", (int)(tag - line), line, XORD_VERSION);
        line = tag + strlen(VERSION_TAG);
    }
    fputs(line, stdout);
}

int main(void)
{
    char line[LINE_SIZE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t size = tag_size(line);
        const struct table *table = find(page_tables, line + 1, size);
        if (table == NULL)
            table = find(shell_tables, line + 1, size);
        if (size > 0 && table == NULL && strcmp(line, VERSION_TAG "\n") != 0) {
            fprintf(stderr, "there is no table %s", line);
            return EXIT_FAILURE;
        }
        if (table != NULL)
            table->print(stdout);
        else
            print_text(line);
    }
    return ferror(stdin) != 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
