/* A large value's put under way; for large_put.c and those that must know what it needs. */
#ifndef XORD_RPC_LARGE_PUT_H
#define XORD_RPC_LARGE_PUT_H

#include "rpc/transfer/large.h"
#include "rpc/transfer/window.h"

struct large_put {
    struct large_put *next; /* in the set */
    struct large_put_options options;
    struct window window;
    struct progress progress;
    struct cut cut;
    size_t next_chunk;         /* not yet begun */
    size_t done, done_bytes;   /* chunks that are where they should be, and their content */
    size_t stored, stored_min; /* different chunks, and the fewest holders that one of them has */
    bool is_local;             /* this pass goes to our disk alone; another follows */
    bool is_promised;          /* the caller knows it as kept */
    bool has_inherited;        /* some chunks may be kept that another put has begun */
    bool is_chunk_unkept;      /* our disk did not take one: then the record is not kept either */
    bool is_record_kept;
    bool is_done;
    struct put_request record; /* points into what follows */
    uint8_t k[KEYS_PUBLIC_SIZE], salt[RECORD_SALT_MAX], v[RECORD_V_MAX];
    struct id key;               /* its record_key */
    struct large_chunks *before; /* what was kept in its place until the record's put; owned */
    uint8_t memory[];            /* targets, then content */
};

#endif
