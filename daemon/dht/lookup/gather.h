/* Bringing together the entries of a multi from all who hold some: every holder is listed, page by
 * page, and each entry is fetched once, from one of those that have it. Decides what to ask whom
 * next; sends nothing, times nothing, verifies nothing. A holder whose pages do not go on, or who
 * does not have what it said, is dropped; one that falls silent is asked a few times more. */
#ifndef XORD_DHT_GATHER_H
#define XORD_DHT_GATHER_H

#include "daemon/dht/lookup/claims.h"
#include "daemon/dht/lookup/lookup.h"
#include "daemon/dht/routing/contact.h"
#include "daemon/dht/wire/krpc.h"

#define GATHER_HOLDERS_MAX    CLAIMS_HOLDERS_MAX /* of both families, and on the way to them */
#define GATHER_FETCHES_MAX    32u                /* under way in all, */
#define GATHER_HOLDER_FETCHES 4u                 /* and with one holder */
#define GATHER_DENIALS_MAX    8u                 /* in a row; claims are lies, or long gone */
#define GATHER_SILENCES_MAX                                                                        \
    8u                           /* in a row, a page counting twice: then it is not asked any more \
                                  */
#define GATHER_REFUSALS_MAX 2u   /* of tokens that it has just given */
#define GATHER_REPLY_BYTES  900u /* of entries: what fits the soft size of a reply */

struct gather_holder {
    struct contact contact;
    uint8_t token_size;
    uint8_t token[LOOKUP_TOKEN_MAX];
    bool is_listed;    /* its last page has come, or it lists nothing that makes sense */
    bool is_listing;   /* a page is awaited, in time */
    bool is_silent;    /* too often; what it alone has is missing */
    bool is_dropped;   /* what it says does not count */
    bool has_position; /* after which the next page begins */
    struct store_position position;
    uint32_t page;    /* that is to come: tells its answers from earlier ones' */
    uint32_t claimed; /* briefs so far */
    uint8_t fetches, denials, silences, refusals;
};

struct gather_fetch { /* under way, in time */
    bool is_used;
    uint8_t holder;
    uint8_t count;
    uint32_t serial;
    struct claim_turn turns[MULTI_KEYS_MAX];
};

struct gather {
    struct claims claims;
    struct gather_holder holders[GATHER_HOLDERS_MAX];
    uint32_t holder_count;
    struct gather_fetch fetches[GATHER_FETCHES_MAX];
    uint32_t fetch_serial;
    bool has_overflown; /* more holders or claims than fit */
};

struct gather_ask { /* what to ask whom */
    struct contact to;
    struct bytes token; /* a view */
    uint32_t tag;       /* names it when its outcome is told */
    bool is_fetch;      /* for these keys; else for the page after this position */
    size_t key_count;
    struct id keys[MULTI_KEYS_MAX];
    bool has_position;
    struct store_position position;
};

/* `pool`: see claims_init. */
void gather_init(struct gather *g, const uint8_t hash_key[HASH_KEY_SIZE], struct claims_pool *pool);
void gather_clear(struct gather *g);
/* A node says that it holds entries. One that is known already keeps its place. */
void gather_add_holder(struct gather *g, const struct contact *contact, struct bytes token);
/* The next thing to ask; false when nothing can be asked at present. Each must end by one of
 * gather_listed, gather_fetched, gather_refused; gather_late may come before. */
bool gather_next(struct gather *g, struct gather_ask *ask);

/* A reply to a question for a page, with its briefs, and a token where ours was refused. */
void gather_listed(struct gather *g, uint32_t tag, const struct krpc *reply);
/* A reply to a question for entries; `taken` of them were verified and are better than before. */
void gather_fetched(struct gather *g, uint32_t tag, const struct krpc *reply, size_t taken);
void gather_late(struct gather *g, uint32_t tag);    /* past its time: others are asked meanwhile */
void gather_refused(struct gather *g, uint32_t tag); /* an error, or it could not be sent */
bool gather_tag_is_fetch(uint32_t tag);
/* A reply of this node came, late or in time: it is not silent. */
void gather_heard(struct gather *g, const struct id *id);

/* True when an answer may still come in time. */
bool gather_is_waiting(const struct gather *g);
/* True when nothing is under way and nothing is left to ask. */
bool gather_is_done(struct gather *g);
/* True when every holder has said to its end what it has, in pages that make sense. */
bool gather_is_listed(const struct gather *g);
/* True when all that was claimed has come or was denied. */
bool gather_is_whole(const struct gather *g);

#endif
