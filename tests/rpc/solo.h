/* One node alone in its network, whole but for sockets and disk: lines go in through the real
 * dispatcher, the node's effects are carried out on a store in memory, time is virtual. */
#ifndef XORD_TESTS_RPC_SOLO_H
#define XORD_TESTS_RPC_SOLO_H

#include "rpc/dispatch.h"
#include "tests/rpc/fake_host.h"

struct solo {
    struct fake_host fake;
    struct dispatch dispatch;
    struct rpc_client client;
    /* Called, where set, before a signature is made and before a write is. */
    void (*before_sign)(struct solo *solo);
    void (*before_write)(struct solo *solo, const struct store_write *write);
    unsigned drops_refused; /* so many of the next of chunks: the disk takes no writes */
};

/* With a local key called alice; ready when it returns. */
void solo_init(struct solo *solo);
void solo_clear(struct solo *solo);
/* The reply to one call, a new reference: `params` as JSON text. Waits for it in virtual time, at
 * most a minute. Host names resolve to 127.0.0.1:9. */
json_t *solo_call(struct solo *solo, const char *method, const char *params);
/* The result of such a call, a new reference; an error fails the test. */
json_t *solo_result(struct solo *solo, const char *method, const char *params);

/* Lets this much time pass, and all be done that is due in it. */
void solo_run(struct solo *solo, uint64_t seconds);
/* How many records of this kind are in this space. */
size_t solo_count(const struct solo *solo, enum store_space space, enum record_kind kind);

#endif
