/* Any bytes as configuration text: either pairs whose keys and values are terminated strings within
 * the line limit, or one error with a line; never a crash. */
#include <assert.h>
#include <stdio.h>

#include "common/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check_pair(void *context, const char *key, const char *value, unsigned line,
                       struct config_error *error)
{
    unsigned *last = context;
    (void)error;
    assert(line > *last);
    assert(strlen(key) + strlen(value) <= CONFIG_LINE_MAX);
    *last = line;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_error error;
    unsigned last = 0;
    enum err err = config_parse(bytes_of(data, size), check_pair, &last, &error);
    assert(err == ERR_OK || (err == ERR_MALFORMED && error.line > 0 && error.text[0] != '\0'));
    return 0;
}
