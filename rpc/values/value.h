/* Between records and the JSON of a call: how a record is shown, and how the v of a record is made
 * from a call's value. Knows nothing of calls or nodes. */
#ifndef XORD_RPC_VALUE_H
#define XORD_RPC_VALUE_H

#include <jansson.h>

#include "common/sealed.h"
#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/record.h"
#include "rpc/values/opener.h"

#define VALUE_TEXT_DEPTH_MAX 32 /* nesting of JSON read back from a record; as deep as a call's */

/* What a reader asked for, as it was asked: shown in `p.target`. */
struct value_target {
    const char *username, *resource, *type;
};

/* Adds the content of a raw v of one record to `object`: `v` or `v_base64`. JSON is read back from
 * the envelope's text. A value that is no envelope, or whose text is not JSON: a byte string as `v`
 * when it is UTF-8, else as `v_base64`; any other type as `v_base64` of its bencoding. Sealed bytes
 * are not opened: `encrypted` and `reason` instead. False without memory. */
bool value_show_content(json_t *object, struct bytes v);
#define VALUE_LARGE_REASON "large: given when it is the only entry answered, as with by and slot"

/* dhtget's element: {p:{seq,target:{n,r,t},time,v},sig_p,sig_user,k}, and for an entry of a multi
 * `slot` or `slot_hex` in `p`. JSON beyond what the opener may read is `v_base64`, with `reason`
 * beside `p`. A sealed value is opened and has `encrypted`: true beside `p`; one
 * that cannot be opened has no content, and `reason`; nor has one whose content is in chunks, with
 * `large`: {size} beside. A new reference; NULL without memory. */
json_t *value_show(struct opener *opener, const struct record *record,
                   const struct value_target *target);
/* The same of a deletion, and of the place that a value had which has expired (a record without sig
 * and v): {p:{seq,target,time},sig_p,sig_user,k} as far as the record has them. */
json_t *value_show_gone(const struct rpc_host *host, const struct record *record,
                        const struct value_target *target);
/* The record as `hexdata`: hex of record_write_raw; `name` is of an entry alone, else NULL. A new
 * reference; NULL without memory. */
json_t *value_hexdata(const struct record *record, const struct record_name *name);
bool value_is_deleted(struct bytes v);
bool value_is_manifest(struct bytes v); /* of a large value; perhaps a broken one */

/* Whom a content is for. */
struct recipients {
    uint8_t keys[SEALED_RECIPIENTS_MAX][KEYS_PUBLIC_SIZE]; /* Ed25519 */
    size_t count;                                          /* 0: the value is not encrypted */
};

/* How a content is sealed: for whom, and as whose record. */
struct value_seal {
    const struct recipients *to;
    const uint8_t *signer; /* KEYS_PUBLIC_SIZE bytes */
    enum record_kind kind;
    const struct id *target;
    uint8_t random[SEALED_RANDOM_SIZE]; /* secret; wiped by its owner */
};

/* Exactly what one record's v is made from: bytes of its own, JSON, or nothing (a deletion). */
struct value_source {
    const json_t *json; /* NULL: not JSON */
    struct bytes bytes; /* used when there is no JSON; absent: a deletion */
    bool has_time;      /* then both of the next */
    uint64_t time_unix_s, expiry_unix_s;
    const struct value_seal *seal; /* NULL: open; not of a deletion, nor of an immutable */
};

struct value {
    uint8_t *data; /* raw bencoding, owned */
    size_t size;   /* may be over RECORD_V_MAX: the caller judges */
};

/* An envelope, sealed when the source says so. False without memory. */
bool value_make_envelope(const struct value_source *source, struct value *out);
/* The v of an immutable: a JSON string or bytes as a plain byte string, which any BEP 44 client
 * reads; any other JSON as an envelope. False without memory. */
bool value_make_immutable(const struct value_source *source, struct value *out);
void value_clear(struct value *value);

#endif
