/* Whether a record is what its owner signed, checked without the code under test: what the core
 * takes for genuine is judged by this, so that a fault in record.c cannot hide itself. */
#ifndef XORD_TESTS_SIM_GENUINE_H
#define XORD_TESTS_SIM_GENUINE_H

#include "daemon/dht/records/record.h"

bool genuine_signature(const struct record *r); /* true for an immutable */
bool genuine_target(const struct record *r);    /* true for an entry: only its signature binds it */
/* Its signed expiry has passed at `now_unix_s`. */
bool genuine_has_ended(const struct record *r, uint64_t now_unix_s);

#endif
