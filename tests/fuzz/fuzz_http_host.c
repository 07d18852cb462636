/* Any text as a Host header: it names this daemon or it does not, and never does with another
 * site's domain behind it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "rpc/server/http_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_hosts hosts = {.bound = {.family = ADDR_V4, .ip = {192, 0, 2, 1}},
                                        .names = {"wabi.example.org"},
                                        .name_count = 1};

/* The bytes up to the first zero, then `end`. */
static char *text_of(const uint8_t *data, size_t size, const char *end)
{
    char *text = malloc(size + strlen(end) + 1);

    assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    strcat(text, end);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *host = text_of(data, size, ""), *other = text_of(data, strlen(host), ".evil.com");

    if (http_host_is_ours(&hosts, host))
        assert(strcspn(host, "/@# ") == strlen(host));
    assert(!http_host_is_ours(&hosts, other));
    free(host);
    free(other);
    return 0;
}
