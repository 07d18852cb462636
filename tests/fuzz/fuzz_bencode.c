/* Any bytes: the reader stays inside them, its ways to read a value agree, and a canonical value is
 * written again as the same bytes. */
#include "common/bencode.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_value(struct bencode_reader *r, struct wire_writer *w);

static void copy_elements(struct bencode_reader *r, struct wire_writer *w, bool is_dict)
{
    while (bencode_more(r)) {
        if (is_dict)
            bencode_write_bytes(w, bencode_read_bytes(r));
        copy_value(r, w);
    }
    bencode_write_end(w);
}

/* Reads the value at the cursor piece by piece and writes each piece; the depth limit bounds this.
 */
static void copy_value(struct bencode_reader *r, struct wire_writer *w)
{
    switch (bencode_peek(r)) {
    case BENCODE_NONE:
        r->failed = true;
        break;
    case BENCODE_INT:
        bencode_write_int(w, bencode_read_int(r));
        break;
    case BENCODE_BYTES:
        bencode_write_bytes(w, bencode_read_bytes(r));
        break;
    case BENCODE_LIST:
        bencode_read_list(r);
        bencode_write_list(w);
        copy_elements(r, w, false);
        break;
    case BENCODE_DICT:
        bencode_read_dict(r);
        bencode_write_dict(w);
        copy_elements(r, w, true);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct bencode_reader whole, pieces;
    bencode_reader_init(&whole, input);
    bencode_reader_init(&pieces, input);
    uint8_t *buffer = malloc(size + 1);
    assert(buffer != NULL);
    struct wire_writer w;
    wire_writer_init(&w, buffer, size + 1);

    struct bytes raw = bencode_read_raw(&whole);
    copy_value(&pieces, &w);
    assert(whole.failed == pieces.failed);
    if (!whole.failed) {
        assert(raw.data != NULL && raw.size <= size);
        assert(whole.at == pieces.at && whole.depth == 0 && pieces.depth == 0);
        /* Strictness leaves one form, so even keys out of order come back as they were. */
        assert(bytes_equal(wire_written(&w), raw));
    }
    assert(!bencode_is_canonical(input) || bencode_is_done(&whole));
    free(buffer);
    return 0;
}
