/* What is said of multis on the wire (docs/PROTOCOL.md): entries, briefs (an entry's place, seq and
 * size), positions, and the digest by which two holders see that they have the same. Forms alone;
 * who asks whom is in serve_multi, op_gather and op_sync. */
#ifndef XORD_DHT_MULTI_H
#define XORD_DHT_MULTI_H

#include "common/bencode.h"
#include "daemon/dht/records/store.h"

#define MULTI_BRIEF_SIZE    30 /* key, seq (8), size (2), big-endian */
#define MULTI_BRIEFS_MAX    28 /* in one reply, so that it stays within the soft size */
#define MULTI_POSITION_SIZE 28 /* time (8), key */
#define MULTI_DIGEST_SIZE   8
#define MULTI_KEYS_MAX      16   /* asked for in one query */
#define MULTI_ENTRY_MAX     1200 /* the longest entry as an element of `entries` */
/* What a holder may be configured to hold of one target, and so the most that is believed of one.
 */
#define MULTI_ENTRIES_MAX     4096u
#define MULTI_ENTRIES_DEFAULT 512u
#define MULTI_BYTES_DEFAULT   (640u << 10) /* packed; 512 of the largest fit */

struct multi_brief {
    struct id key; /* record_key */
    int64_t seq;
    uint16_t size; /* of the entry as an element of `entries` */
};

void multi_write_brief(struct wire_writer *w, const struct multi_brief *brief);
/* The index-th of a reply's `briefs`; false past the end, or when its seq is out of range. */
bool multi_read_brief(struct bytes briefs, size_t index, struct multi_brief *out);
void multi_brief_of(const struct record *entry, struct multi_brief *out);

/* An entry as an element of `entries`: {k, seq, sig, slot, v}. */
void multi_write_entry(struct wire_writer *w, const struct record *entry);
/* The next element of a list that was entered: a view into it. False when it is no entry; then the
 * reader has failed. Nothing but sizes and form is checked. */
bool multi_read_entry(struct bencode_reader *list, const struct id *target, struct record *out);

void multi_write_position(struct wire_writer *w, const struct store_position *position);
/* False unless it has exactly the size of one. Any bytes of that size are a position. */
bool multi_read_position(struct bytes bytes, struct store_position *out);
/* Where an entry lies. Its v must be an envelope with a time. */
void multi_position_of(const struct record *entry, struct store_position *out);
/* > 0 when `a` comes after `b` among the entries of a target. */
int multi_position_compare(const struct store_position *a, const struct store_position *b);

/* This entry's part of the digest of all: 8 bytes of SHA-1(key ‖ seq ‖ sig), big-endian. */
uint64_t multi_digest(const struct record *entry);
/* 8 bytes, big-endian; false when there are not exactly so many. */
bool multi_read_digest(struct bytes bytes, uint64_t *out);
/* The index-th of the keys in a query; false past the end. */
bool multi_read_key(struct bytes keys, size_t index, struct id *out);

#endif
