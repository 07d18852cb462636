/* What `xord top` knows of a daemon: the last answers of getinfo and listnodes, rates between two
 * of them, and the lookups that monitor tells of, until a while after they have ended. Draws
 * nothing, reads nothing. */
#ifndef XORD_RPC_CLIENT_TOP_STATE_H
#define XORD_RPC_CLIENT_TOP_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TOP_LOOKUPS_MAX    64u   /* more at once would not fit on a screen */
#define TOP_BUCKETS_MAX    160u  /* bits of an id */
#define TOP_LOOKUP_KEPT_MS 5000u /* after its end, for who wants to read */
#define TOP_SILENT_MS      3000u /* without an answer: what is shown is no longer how it is */

struct top_lookup {
    json_int_t number;
    char purpose[12];
    char target[9]; /* its first digits */
    unsigned asked, answered, unanswered;
    unsigned hop;      /* of who answered from the farthest */
    int shared_bits;   /* of target and the nearest that answered; -1: nobody has */
    uint64_t ended_ms; /* 0: it goes on */
    unsigned took_ms;  /* when it has ended */
    bool is_complete;
};

struct top_bucket {
    unsigned live, failing;
};

enum top_rate {
    TOP_PACKETS_IN,
    TOP_PACKETS_OUT,
    TOP_BYTES_IN,
    TOP_BYTES_OUT,
    TOP_SERVED,
    TOP_SENT,
    TOP_RATE_COUNT
};

struct top_state {
    json_t *info; /* getinfo's answer; NULL: none yet; owned */
    uint64_t info_ms;
    unsigned silent_s;            /* since it came, if that is longer than it may be; else 0 */
    double rates[TOP_RATE_COUNT]; /* a second */
    struct top_bucket buckets[TOP_BUCKETS_MAX];
    unsigned bucket_count;                      /* the deepest with a node, plus one */
    unsigned families;                          /* with nodes: each has buckets of its own */
    struct top_lookup lookups[TOP_LOOKUPS_MAX]; /* oldest first */
    unsigned lookup_count;
    uint64_t missed; /* events that came while they were not read */
    bool is_blind;   /* monitor is not allowed here: no lookups are known */
};

void top_state_clear(struct top_state *state);
/* The result of getinfo, which came at now_ms. */
void top_state_info(struct top_state *state, json_t *info, uint64_t now_ms);
/* The result of listnodes. */
void top_state_nodes(struct top_state *state, const json_t *buckets);
/* The params of a notification of monitor, of class lookups. */
void top_state_event(struct top_state *state, const json_t *event, uint64_t now_ms);
/* Forgets the lookups that ended long ago, and sees whether the daemon still answers. */
void top_state_tidy(struct top_state *state, uint64_t now_ms);

#endif
