#include "common/summed.h"

#include <assert.h>
#include <string.h>

#include "common/hash.h"

#define SUM_SIZE (SUMMED_SIZE - SUMMED_HEADING_SIZE)

void summed_begin(struct wire_writer *w, const char *heading)
{
    assert(strlen(heading) == SUMMED_HEADING_SIZE);
    wire_write(w, heading, SUMMED_HEADING_SIZE);
}

void summed_end(struct wire_writer *w)
{
    wire_write_u32(w, hash_crc32c(wire_written(w)));
}

bool summed_open(struct bytes file, const char *heading, struct wire_reader *r)
{
    if (file.size < SUMMED_SIZE || memcmp(file.data, heading, SUMMED_HEADING_SIZE) != 0)
        return false;
    const struct bytes summed = bytes_of(file.data, file.size - SUM_SIZE);
    wire_reader_init(r, bytes_of(file.data + summed.size, SUM_SIZE));
    if (wire_read_u32(r) != hash_crc32c(summed))
        return false;
    wire_reader_init(r,
                     bytes_of(file.data + SUMMED_HEADING_SIZE, summed.size - SUMMED_HEADING_SIZE));
    return true;
}
