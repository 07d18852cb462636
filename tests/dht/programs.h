/* Programs behind the nodes of a net: each answers the commands that come to its node, after a
 * while, with its node's index; and what those who asked were told is remembered. */
#ifndef XORD_TESTS_DHT_PROGRAMS_H
#define XORD_TESTS_DHT_PROGRAMS_H

#include "tests/dht/net.h"

#define PROGRAMS_REPLIES_MAX 256

enum program_kind {
    PROGRAM_NONE,   /* nobody handles it: COMMAND_UNKNOWN at once */
    PROGRAM_GOOD,   /* answers i<index>e */
    PROGRAM_ERROR,  /* answers with its error */
    PROGRAM_READER, /* as the good one, but with its error to what bears a token */
    PROGRAM_LAZY    /* never answers */
};

struct program {
    enum program_kind kind;
    uint32_t delay_ms;
    uint32_t error;
    unsigned runs, tokens; /* commands that came, and those of them with a valid token */
};

struct told {
    struct contact from;
    int64_t error, value; /* value -1: none */
    uint32_t rtt_ms;
};

struct programs {
    struct net *net;
    struct program of[NET_NODES_MAX]; /* by the node's index */
    size_t last_node;                 /* where the last command came, and what it was: */
    struct event last;
    uint8_t last_name[COMMAND_NAME_MAX + 1];
    uint8_t last_v[COMMAND_V_MAX + 1];
    size_t last_v_size;
    enum err responded;                        /* what node_respond said last */
    struct told replies[PROGRAMS_REPLIES_MAX]; /* each EVENT_REPLY, in order */
    size_t reply_count;
    struct told closest[NODE_COMMAND_K_MAX]; /* of the last EVENT_QUERY; or the EVENT_REQUEST's */
    size_t closest_count;
    struct told commits[NODE_COMMAND_K_MAX];
};

/* From now on each node of the net has a program of `kind`, which may be changed at any time. */
void programs_watch(struct programs *programs, struct net *net, enum program_kind kind);
/* The index of the node with this id. */
size_t programs_find(const struct programs *programs, const struct id *id);

#endif
