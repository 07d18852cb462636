/* Any bytes as a value: whatever is read from it writes back byte for byte, and an envelope is
 * canonical bencode. */
#include "daemon/dht/records/envelope.h"

#include "common/bencode.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes v = bytes_of(data, size);
    struct envelope e;
    envelope_parse(v, &e);
    if (e.content != ENVELOPE_FOREIGN)
        assert(bencode_is_canonical(v));
    uint8_t *buffer = malloc(size + 1);
    assert(buffer != NULL);
    struct wire_writer w;
    wire_writer_init(&w, buffer, size);
    envelope_write(&w, &e);
    assert(bytes_equal(wire_written(&w), v));
    free(buffer);
    return 0;
}
