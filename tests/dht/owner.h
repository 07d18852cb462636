/* What the owner of a net's values puts and gets: requests for singles under her key, their values
 * written as xord writes them. */
#ifndef XORD_TESTS_DHT_OWNER_H
#define XORD_TESTS_DHT_OWNER_H

#include "daemon/dht/records/envelope.h"
#include "tests/dht/net.h"

#define OWNER_VALUE_MAX 256

/* With this JSON, NULL for a deletion, from now on and for so long. */
struct envelope owner_envelope(const struct net *net, const char *json, uint64_t ttl_s);
/* An envelope with this body, from now on and for the usual life. */
struct bytes owner_value(const struct net *net, uint8_t buffer[OWNER_VALUE_MAX],
                         enum envelope_content content, const char *body);
struct bytes owner_json(const struct net *net, uint8_t buffer[OWNER_VALUE_MAX], const char *json);
/* A put of a single, which the node is to keep. `salt` and `v` are borrowed. */
struct put_request owner_single(const struct net *net, const char *salt, struct bytes v);
struct id owner_target(const struct net *net, const char *salt);
const struct event *owner_get(struct net *net, size_t index, const char *salt);

#endif
