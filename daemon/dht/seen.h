/* Memory of verified records: for each (kind, record_key) the highest seq seen and a digest of the
 * record that had it. A reader's high-water mark never goes backwards, and a record byte-equal to a
 * verified one is not verified again. Bounded; the least recently used goes. */
#ifndef XORD_DHT_SEEN_H
#define XORD_DHT_SEEN_H

#include "common/hash.h"
#include "daemon/dht/records/record.h"

#define SEEN_MAX 4096u /* 64 bytes each; a record beyond is simply verified again */

struct seen; /* grows as it fills */

struct seen *seen_new(const uint8_t key[HASH_KEY_SIZE]); /* NULL without memory */
void seen_free(struct seen *s);
/* Notes a verified record. A lower seq than the mark changes nothing. */
void seen_add(struct seen *s, const struct record *record);
/* True when this very record (k, salt, seq, sig, v byte for byte) was added. */
bool seen_has(struct seen *s, const struct record *record);
/* The highest seq added for the record with this record_key; false when none. */
bool seen_seq(struct seen *s, enum record_kind kind, const struct id *key, int64_t *seq);

#endif
