/* What listens of a net's nodes are told: their events in order, with what the tests look at. */
#ifndef XORD_TESTS_DHT_LISTENER_H
#define XORD_TESTS_DHT_LISTENER_H

#include "tests/dht/entries.h"
#include "tests/dht/net.h"
#include "tests/dht/owner.h"

#define LISTENER_HEARD_MAX 20000u
#define LISTENER_BODY_MAX  32u

struct listener_heard {
    size_t node;
    uint64_t op;
    enum listen_what what;
    enum err err;
    bool is_replay;
    int64_t seq;
    struct id key; /* record_key */
    uint64_t at_ms;
    char body[LISTENER_BODY_MAX]; /* of an envelope's, as much as fits */
};

struct listener {
    struct net *net;
    size_t count;
    struct listener_heard heard[LISTENER_HEARD_MAX];
};

/* From now on all that listens are told is noted. */
void listener_watch(struct listener *l, struct net *net);
/* Starts one, which must be accepted: of a single of the net's owner; of a multi. */
uint64_t listener_single(struct listener *l, size_t node, const char *salt);
uint64_t listener_multi(struct listener *l, size_t node, const struct id *target);
void listener_cancel(struct listener *l, size_t node, uint64_t op);
/* How many such events this listen was told. */
size_t listener_count(const struct listener *l, uint64_t op, enum listen_what what);
/* The last of them; NULL when there was none. */
const struct listener_heard *listener_last(const struct listener *l, uint64_t op,
                                           enum listen_what what);
/* Runs until so many of them have come, at most this long. */
bool listener_wait(struct listener *l, uint64_t op, enum listen_what what, size_t count,
                   uint64_t ms);
/* Puts the next value of the owner's single and waits for the put's end; the seq. */
int64_t listener_put(struct listener *l, size_t node, const char *salt, const char *body);
/* The same with all of it set: a deletion, a short life. */
int64_t listener_put_envelope(struct listener *l, size_t node, const char *salt,
                              const struct envelope *envelope);

#endif
