/* Clients that listen, for the tests of rpc/: the node's events are made up, and what the clients
 * are told is read back line by line. Nothing is acted on, so nothing comes but what a test says.
 */
#ifndef XORD_TESTS_RPC_LISTENERS_H
#define XORD_TESTS_RPC_LISTENERS_H

#include <check.h>

#include "rpc/dispatch.h"
#include "tests/rpc/fake_host.h"

struct listeners {
    struct fake_host fake;
    struct dispatch dispatch;
    struct rpc_client client, reader; /* on the full socket, and on the read-only one */
};

/* With the local keys alice and bob. */
void listeners_init(struct listeners *l);
void listeners_clear(struct listeners *l);
/* Gives each of the tests listeners of its own, and returns where they are. */
struct listeners *listeners_fixture(TCase *tests);

/* Sends one call, without waiting; `params` is JSON text. */
void listeners_call(struct rpc_client *client, const char *method, const char *params);
/* Listens to the multi "tag r" with `rest`, "" or beginning with a comma, and takes the reply. */
void listeners_multi(struct rpc_client *client, const char *rest);
/* The client on the full socket does, where nothing is stored, and is told so. */
void listeners_join(struct listeners *l);
/* To the single "alice profile". */
void listeners_single(struct rpc_client *client, const char *rest);

/* The feed of the daemon; there is one. */
struct feed *listeners_feed(struct listeners *l);
/* What the node says of the feed: an entry, or a value of the single, with this number as content
 * and time; `signer` and `slot` are one character each. */
void listeners_tell(struct listeners *l, enum listen_what what, bool is_replay, char signer,
                    char slot, int64_t seq, int content);
/* That of LISTEN_VALUE. */
void listeners_value(struct listeners *l, bool is_replay, char signer, char slot, int64_t seq,
                     int content);
/* The same with any v. */
void listeners_tell_v(struct listeners *l, enum listen_what what, bool is_replay, char signer,
                      char slot, int64_t seq, struct bytes v);
void listeners_synced(struct listeners *l, enum err err);
void listeners_end(struct listeners *l, enum err err);

struct listeners_entry { /* what a later reading finds */
    char signer, slot;
    int64_t seq;
    int content;
};
/* Ends the feed's later reading with these. */
void listeners_read(struct listeners *l, const struct listeners_entry *entries, size_t count,
                    enum err err);

/* What the client was told since it was asked last, in short: "1:value 7" for the content 7 on sub
 * 1, "1:deleted", "1:synced", "1:gap 3", "1:end stopping", separated by "; ". Fails where `n` has a
 * hole. Each is one line; the text lives until the next call. */
const char *listeners_told(struct rpc_client *client);
/* Fails unless this is what the client on the full socket was told. */
void listeners_expect(struct listeners *l, const char *told);
/* The client takes no output any more; it does again. */
void listeners_stop_reading(struct rpc_client *client);
void listeners_read_again(struct rpc_client *client);
/* The next line, whole: a new reference; NULL: none. */
json_t *listeners_line(struct rpc_client *client);

#endif
