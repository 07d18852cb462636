/* Any bytes as a record from the disk and as hexdata: what is taken comes back the same, and what
 * the raw form yields is a record that passes every check but the signature's. */
#include "daemon/dht/records/record.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_packed(struct bytes input)
{
    uint8_t buffer[RECORD_PACKED_MAX];
    struct record r;
    if (!record_unpack(input, &r))
        return;
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    record_pack(&w, &r);
    assert(bytes_equal(wire_written(&w), input));
    assert(record_compare(&r, &r) == 0 && record_equal(&r, &r));
}

static void check_raw(struct bytes input)
{
    uint8_t buffer[RECORD_PACKED_MAX];
    struct record r, again;
    if (record_parse_raw(input, &r, NULL) != ERR_OK)
        return;
    assert(record_check(&r) == ERR_OK);
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    record_write_raw(&w, &r, NULL);
    assert(record_parse_raw(wire_written(&w), &again, NULL) == ERR_OK);
    assert(record_equal(&r, &again) && bytes_equal(r.salt, again.salt));
    record_verify(&r);
    uint64_t expiry_unix_s;
    if (record_expiry(&r, 0, 0, &expiry_unix_s) == ERR_OK)
        assert(expiry_unix_s <= RECORD_TTL_S_MAX + RECORD_SKEW_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (keys_init() != ERR_OK)
        return 0;
    check_packed(bytes_of(data, size));
    check_raw(bytes_of(data, size));
    return 0;
}
