/* Configuration text: one `key = value` a line, `#` or `;` starting a comment line. Reads it
 * through libinih and reports each pair with its line. What libinih would quietly misread is
 * refused with a clear error: lines it would cut, ` ;` in a value, indented lines, sections. Knows
 * no key: what a key means is the caller's. */
#ifndef XORD_COMMON_CONFIG_H
#define XORD_COMMON_CONFIG_H

#include "common/bytes.h"
#include "common/err.h"

#define CONFIG_LINE_MAX   197    /* libinih cuts what is longer */
#define CONFIG_FILE_MAX   262144 /* far above any real file; bounds what is read into memory */
#define CONFIG_ERROR_SIZE 256

struct config_error {
    unsigned line; /* from 1; 0: the file as a whole */
    char text[CONFIG_ERROR_SIZE];
};

/* Called for each pair in the file's order; key and value live until it returns. False ends the
 * reading, after the callback has filled error->text; the line is set for it. */
typedef bool config_pair(void *context, const char *key, const char *value, unsigned line,
                         struct config_error *error);

/* ERR_OK, or ERR_MALFORMED with `error` filled. */
enum err config_parse(struct bytes text, config_pair *pair, void *context,
                      struct config_error *error);
/* As config_parse; ERR_NOT_FOUND when there is no such file, ERR_IO when it cannot be read. */
enum err config_read(const char *path, config_pair *pair, void *context,
                     struct config_error *error);

/* The name nearest to `word` by edit distance, or NULL when none is near enough to be meant.
 * `name_at` answers the names from index 0 and NULL past the end. */
const char *config_nearest(const char *word, const char *(*name_at)(size_t index));

#endif
