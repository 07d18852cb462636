/* Bencode (BEP 3) in place: a cursor over borrowed bytes, and a writer on struct wire_writer.
 * Allocates nothing. Lenient about the order of dictionary keys, strict about all else: no leading
 * zeros, no negative zero, integers within int64, nesting within BENCODE_DEPTH_MAX, lengths within
 * the input. Sticky: after a failure each call answers its zero value and `failed` stays set. */
#ifndef XORD_COMMON_BENCODE_H
#define XORD_COMMON_BENCODE_H

#include "common/bytes.h"
#include "common/wire.h"

#define BENCODE_DEPTH_MAX 8 /* no message or value needs more; bounds work on hostile packets */

enum bencode_type { BENCODE_NONE, BENCODE_INT, BENCODE_BYTES, BENCODE_LIST, BENCODE_DICT };

struct bencode_reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth;
    bool failed;
};

void bencode_reader_init(struct bencode_reader *r, struct bytes input);
/* The type of the value at the cursor; BENCODE_NONE at an end marker, at the end, once failed. */
enum bencode_type bencode_peek(const struct bencode_reader *r);
/* Each of these fails the reader when the value at the cursor has another type. */
int64_t bencode_read_int(struct bencode_reader *r);
struct bytes bencode_read_bytes(struct bencode_reader *r); /* the content, a view */
void bencode_read_list(struct bencode_reader *r);          /* enters it */
void bencode_read_dict(struct bencode_reader *r);          /* enters it; keys are read as bytes */
/* Inside a list or dict: true when another element (or key) follows; at the end marker consumes it,
 * leaves the container and answers false. False once failed; the end of the input fails it. Outside
 * a container it is a mistake of the caller. */
bool bencode_more(struct bencode_reader *r);
/* Skips one whole value of any type, checking it; the view of its exact encoding. */
struct bytes bencode_read_raw(struct bencode_reader *r);
/* True when nothing failed, nothing is left and every container that was entered has ended. */
bool bencode_is_done(const struct bencode_reader *r);

/* True when `input` is exactly one value in canonical form: dictionary keys strictly ascending at
 * every level, as well as all that the reader holds. */
bool bencode_is_canonical(struct bytes input);

/* Writing past the buffer fails the writer, and so all that follows. */
void bencode_write_int(struct wire_writer *w, int64_t value);
void bencode_write_bytes(struct wire_writer *w, struct bytes value); /* absent: as empty */
void bencode_write_string(struct wire_writer *w, const char *text);
void bencode_write_list(struct wire_writer *w); /* opens; close with bencode_write_end */
void bencode_write_dict(struct wire_writer *w); /* opens; the caller writes keys in order */
void bencode_write_end(struct wire_writer *w);

#endif
