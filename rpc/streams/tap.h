/* Taps: who within the daemon watches what it does. One event is formatted once, as text, and
 * handed to each tap that wants its class; while there is none the node makes no events and nothing
 * is formatted. `monitor`'s streams are taps, and whatever else of rpc/ wants to see the same.
 *
 * An event is the members of a JSON object without its braces, on one line (watch_text.h):
 * "class":"store","event":"stored",… It never holds a value, a secret key or a token. */
#ifndef XORD_RPC_TAP_H
#define XORD_RPC_TAP_H

#include "common/bytes.h"
#include "common/err.h"
#include "daemon/dht/event.h"

enum tap_class { /* bits; the node's are its own */
                 TAP_LOOKUPS = WATCH_LOOKUPS,
                 TAP_NODES = WATCH_NODES,
                 TAP_STORE = WATCH_STORE,
                 TAP_RPC = 8,
                 TAP_ALL = 15
};

struct dispatch;
struct rpc_call;

struct tap {
    unsigned classes; /* set before tap_open */
    /* `event` is borrowed for the call. It may close this tap, and no other. */
    void (*on_event)(struct tap *tap, struct bytes event);
    struct tap *previous, *next;
};

struct taps {
    struct tap *first;
    unsigned classes; /* what any of them wants */
};

/* The tap is the caller's, and stays where it is until tap_close. */
void tap_open(struct dispatch *d, struct tap *tap);
void tap_close(struct dispatch *d, struct tap *tap);

/* A class of this name, or 0: "lookups", "nodes", "store", "rpc". */
unsigned tap_class_of(struct bytes name);

/* For the dispatcher: an EVENT_WATCH of the node; a client's call was answered, `took_ns` after it
 * was read. Cheap while nobody wants it. */
void taps_event(struct dispatch *d, const struct event *event);
void taps_called(struct dispatch *d, const struct rpc_call *call, uint64_t took_ns);

#endif
