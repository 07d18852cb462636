/* Handlers: programs that answer custom commands. Each is a stream of the connection that offers it
 * (stream.h): what other nodes ask comes as its notifications, and goes back by `respond`. A
 * command has one handler; what nobody handles is answered for it, and so is what a handler that is
 * gone had not answered. */
#ifndef XORD_RPC_HANDLER_H
#define XORD_RPC_HANDLER_H

#include "daemon/dht/event.h"
#include "rpc/method.h"
#include "rpc/streams/stream.h"

#define HANDLERS_MAX      256 /* commands offered at once: a network's few, looked for one by one */
#define HANDLER_QUEUE_MAX 64  /* requests a handler has not answered; the network is told busy */

struct dispatch;
struct handler;

struct handlers { /* zeroed it is empty */
    struct handler *first;
    size_t count;
};

/* The call's client handles this command from now on, and the call is answered {"sub": N}:
 * ERR_EXISTS when somebody does already, ERR_BUSY. */
struct rpc_result handler_offer(struct rpc_call *call, const char *command);
/* Not any more. False when it is not this client's. */
bool handler_withdraw(struct rpc_call *call, const char *command);
/* The answer to a request that was handed to a handler, by whatever connection: a script may answer
 * what another process was told. ERR_NO_SUCH_ID: nobody was handed it, it is answered, or its time
 * has passed. */
enum err handler_respond(struct rpc_call *call, uint64_t request, uint32_t error, struct bytes v);

/* The names of all commands that are handled: a new reference; NULL without memory. */
json_t *handlers_show(const struct handlers *handlers);

/* For the dispatcher: EVENT_COMMAND goes to its handler. */
void handlers_take(struct dispatch *d, const struct event *event);

#endif
