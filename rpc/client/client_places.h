/* What a listener has shown: of each place, signer and slot, the highest seq. So what a daemon that
 * was started again tells once more is known. */
#ifndef XORD_RPC_CLIENT_PLACES_H
#define XORD_RPC_CLIENT_PLACES_H

#include <jansson.h>
#include <stdbool.h>

#define CLIENT_PLACES_MAX 65536u /* a year of posts; beyond it the one shown first is forgotten */

struct client_places {
    json_t *seqs; /* by place; NULL: nothing was shown */
};

/* The `params` of a value, a deletion or an end: false when its place has shown this seq or a
 * higher one; else it is noted. Events of other kinds have no place, and are new. */
bool client_places_is_new(struct client_places *places, const json_t *params);
void client_places_clear(struct client_places *places);

#endif
