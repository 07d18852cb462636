/* What the test vectors of docs/PROTOCOL.md have in common: the key, the single and the entry that
 * most of them are about, and the look into the page. */
#ifndef XORD_TESTS_DHT_VECTOR_H
#define XORD_TESTS_DHT_VECTOR_H

#include "daemon/dht/records/record.h"
#include "daemon/dht/wire/krpc.h"

#define VECTOR_SEED   "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define VECTOR_ASKER  "abcdefghij0123456789" /* both ids are BEP 5's */
#define VECTOR_HOLDER "mnopqrstuvwxyz123456"
#define VECTOR_TOKEN  "aoeusnth"

/* The key of all vectors; before anything else. */
void vector_setup(void);
const uint8_t *vector_public_key(void);
void vector_sign(const struct record *record, uint8_t sig[KEYS_SIGNATURE_SIZE]);
/* The single, and the entry, that most vectors are about, signed; its bytes last until the next. */
struct record vector_single(void);
struct record vector_entry(void);
uint32_t vector_network_tag(const char *name);
/* What every message of the vectors has; `id` NULL: none. */
struct krpc vector_message(enum krpc_type type, const char *id);
/* The asker's address, as an answer says it; lasts. */
struct bytes vector_ip(void);
void vector_assert_hex(struct bytes data, const char *text);
void vector_assert_packet(const struct krpc *message, const char *text);
/* docs/PROTOCOL.md has this one. */
void vector_assert_documented(const char *text);

#endif
