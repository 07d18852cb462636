#include "rpc/values/base64.h"

#include <sodium.h>
#include <stdlib.h>

json_t *base64_to_json(struct bytes input)
{
    size_t size = sodium_base64_encoded_len(input.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text == NULL) {
        return NULL;
    }
    sodium_bin2base64(text, size, input.data, input.size, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

uint8_t *base64_decode(const char *text, size_t *size)
{
    size_t length = strlen(text);
    uint8_t *data = malloc(length + 1);
    if (data == NULL) {
        return NULL;
    }
    if (sodium_base642bin(data, length + 1, text, length, NULL, size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        free(data);
        return NULL;
    }
    return data;
}
