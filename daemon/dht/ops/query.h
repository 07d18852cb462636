/* Sending our own queries: fills in what every query carries (id, t, version, network, ro), starts
 * the transaction with a time-out measured from RTTs, and queues the packet. */
#ifndef XORD_DHT_QUERY_H
#define XORD_DHT_QUERY_H

#include "common/now.h"
#include "daemon/dht/lookup/inflight.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"

struct node;
struct record;

enum query_purpose {
    QUERY_SEARCH,    /* a step of an operation's lookup */
    QUERY_STORE,     /* a put or an announce to a holder */
    QUERY_PING,      /* an operation's ping */
    QUERY_CHECK,     /* is a member of the table alive? */
    QUERY_GATHER,    /* a page or entries of a multi */
    QUERY_PUSH,      /* passing a held record on */
    QUERY_SYNC,      /* comparing a multi, and passing its entries on */
    QUERY_COMMAND,   /* a command to one node */
    QUERY_PROBE,     /* does it live, whose answer to a command takes long? */
    QUERY_GREETING,  /* is it a xord, who is to be sent a command? */
    QUERY_SUBSCRIBE, /* asking a holder for a lease */
    QUERY_RENEW,     /* renewing leases, giving up others */
    QUERY_POLL,      /* asking a foreign holder of what is listened to */
    QUERY_CATCHUP,   /* a single, of a holder that has another one */
    QUERY_BYE,       /* saying that we stop; nobody answers */
    QUERY_DELIVER,   /* handing a subscriber what is new */
    QUERY_MEET       /* is an unknown node worth a place in the table? */
};

struct query {
    enum query_purpose purpose;
    struct contact contact;
    bool has_id;                /* contact.id is known: the reply must bear it */
    bool is_xord;               /* it is known to be; else the tables are asked */
    uint64_t owner;             /* operation, or 0 */
    uint32_t owner_index;       /* the owner's own tag */
    uint32_t patience_ms;       /* added to the measured time-out: for work that includes a disk */
    const struct krpc *message; /* method and arguments; the rest is filled in */
};

/* False when it could not be sent: too many under way, no memory, or a query of xord's own to
 * somebody who is not known to be one. On a private network all are. */
bool query_send(struct node *node, struct now now, const struct query *query, struct outbox *out);

/* How long an answer of this contact is waited for, by the measured times. */
uint32_t query_timeout_ms(const struct node *node, const struct contact *contact, bool has_id);

/* Sends the message of the query under way with this t once more, as it is: whoever works on the
 * answer, or has given it, knows it by its t. It is late again after `patience_ms`. False when it
 * is not under way any more. */
bool query_again(struct node *node, struct now now, uint32_t t, const struct krpc *message,
                 uint32_t patience_ms, struct outbox *out);

/* The arguments of a put of this record, but for token and cas: PUT, or XPUT of an entry. Views. */
void query_put(const struct record *record, struct krpc *message);

/* Packets of ours other than queries: fills in version and network, and queues. */
void query_reply(struct node *node, const struct addr *to, struct krpc *message,
                 struct outbox *out);

#endif
