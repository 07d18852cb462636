/* Small files of xord's own: a heading that names the format and its version, what they hold, and
 * the CRC32-C of all before it. One that is cut, damaged or of another format is not opened. */
#ifndef XORD_COMMON_SUMMED_H
#define XORD_COMMON_SUMMED_H

#include "common/wire.h"

#define SUMMED_HEADING_SIZE 8u
#define SUMMED_SIZE         (SUMMED_HEADING_SIZE + 4u) /* of heading and sum */

/* Writes the heading, of SUMMED_HEADING_SIZE letters; what the file holds is written after it. */
void summed_begin(struct wire_writer *w, const char *heading);
/* Writes the sum of all that is written. */
void summed_end(struct wire_writer *w);
/* Reads what the file holds, borrowed from it; false when it is none with this heading, whole. */
bool summed_open(struct bytes file, const char *heading, struct wire_reader *r);

#endif
