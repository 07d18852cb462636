/* Finding the daemon's socket and talking over it: one line there, one line back. Blocking. */
#ifndef XORD_RPC_CLIENT_SOCKET_H
#define XORD_RPC_CLIENT_SOCKET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/client/client_args.h"

#define CLIENT_WAIT_MS_MAX 60000u              /* -w gives up after this */
#define CLIENT_REPLY_MAX   (64u * 1024 * 1024) /* far above any reply; bounds our memory */

enum client_wait {
    CLIENT_WAIT_FAILED,
    CLIENT_WAIT_LATE,  /* nothing came by the deadline */
    CLIENT_WAIT_UNREAD /* nobody reads standard output any more */
};

struct client_socket {
    int fd;           /* -1: closed */
    bool is_printing; /* what comes is printed: no use in waiting for it when nobody reads that */
    char *buffer;     /* what has been read and not yet taken, owned */
    size_t size, capacity;
    /* What comes ahead of a reply and has no id; may be NULL. To be set once it is open. */
    void (*on_notification)(void *context, const json_t *notification);
    void *context;
};

/* Connects: --rpc-socket, XORD_RPC_SOCKET, --datadir, the user's, the service's; the first that was
 * named is the only one tried. Where the socket may not be opened, `is_reading` methods get ro.sock
 * beside it. With -w it tries until the daemon is there. False with one line in `error`. */
bool client_socket_open(struct client_socket *out, const struct client_args *args, bool is_reading,
                        char error[CLIENT_ERROR_SIZE]);
/* Sends the request as one line. False with one line in `error`. */
bool client_socket_send(struct client_socket *s, const json_t *request,
                        char error[CLIENT_ERROR_SIZE]);
/* The same, and answers the reply with its `id`: a new reference. NULL with one
 * line in `error`. */
json_t *client_socket_call(struct client_socket *s, const json_t *request,
                           char error[CLIENT_ERROR_SIZE]);
/* For -w: until the daemon has found its network, or knows that there is none; which of them does
 * not matter. False with one line in `error` when it did not answer. */
bool client_socket_wait_ready(struct client_socket *s, char error[CLIENT_ERROR_SIZE]);
/* The next line, whatever it is: a new reference. NULL with *why, of CLIENT_WAIT_FAILED with one
 * line in `error`. `deadline_ms` is of client_socket_now_ms; UINT64_MAX: never. */
json_t *client_socket_next(struct client_socket *s, uint64_t deadline_ms, enum client_wait *why,
                           char error[CLIENT_ERROR_SIZE]);
uint64_t client_socket_now_ms(void); /* monotonic */
void client_socket_close(struct client_socket *s);

#endif
