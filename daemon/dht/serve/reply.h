/* Replies to other nodes' queries: what all of them carry, a lookup's nodes and token, errors, and
 * how each stays within the sizes of a packet. What is answered is the affair of serve, serve_put
 * and serve_multi. */
#ifndef XORD_DHT_REPLY_H
#define XORD_DHT_REPLY_H

#include "common/now.h"
#include "daemon/dht/counters.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/serve/token.h"
#include "daemon/dht/wire/krpc.h"

#define REPLY_LIST_HEADS_SIZE 40 /* of nodes, nodes6 and values together */

struct node;

/* What one reply's views lead into; lives on the stack of whoever answers. */
struct reply_memory {
    uint8_t ip[ADDR_COMPACT_V6];
    uint8_t token[TOKEN_SIZE];
    uint8_t nodes[KRPC_NODES_WIDE * KRPC_COMPACT_V4];
    uint8_t nodes6[KRPC_NODES_WIDE * KRPC_COMPACT_V6];
};

/* A response with our id, the query's `t` and the asker's address (BEP 42). */
void reply_init(const struct node *node, const struct addr *from, const struct krpc *query,
                struct krpc *reply, struct reply_memory *memory);
/* The nodes nearest to the query's target, of the families it wants (BEP 32). */
void reply_add_nodes(const struct node *node, const struct addr *from, const struct krpc *query,
                     struct krpc *reply, struct reply_memory *memory);
void reply_add_token(const struct node *node, struct now now, const struct addr *from,
                     const struct krpc *query, struct krpc *reply, struct reply_memory *memory);
/* Whether this is a token of ours for `target`: it proves the asker's address. */
bool reply_has_token(struct node *node, struct now now, const struct addr *from,
                     const struct id *target, struct bytes token);
/* Pays for the content of a response (budget.h); what the asker's share does not pay for is taken
 * out: nodes and token stay, and the sequence number. */
void reply_pay(struct node *node, struct now now, const struct addr *from, struct krpc *reply);
/* The size that a response will have at most without `nodes`, `nodes6` and `values`. */
size_t reply_size_without_lists(const struct krpc *reply);
/* What was asked for comes first: nodes are dropped when all would not fit in `size_max`. The
 * second family goes before the one that the asker came by. */
void reply_fit(struct krpc *reply, const struct addr *from, size_t size_max);

/* A response that says no more than that it was done. */
void reply_plain(struct node *node, const struct addr *to, struct bytes t, struct outbox *out);
/* `text` NULL: the error's own. */
void reply_error(struct node *node, const struct addr *to, struct bytes t, enum err err,
                 const char *text, struct outbox *out);
/* The same, and counted. */
void reply_refuse(struct node *node, const struct addr *from, const struct krpc *query,
                  enum err err, const char *text, enum counter counter, struct outbox *out);

#endif
