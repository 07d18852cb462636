/* Whether two messages say the same: what the unit test and the fuzz target hold krpc_read.c and
 * krpc_write.c to. */
#ifndef XORD_TESTS_DHT_KRPC_EQUAL_H
#define XORD_TESTS_DHT_KRPC_EQUAL_H

#include "daemon/dht/wire/krpc.h"

static inline bool same_view(struct bytes a, struct bytes b)
{
    return (a.data == NULL) == (b.data == NULL) && bytes_equal(a, b);
}

static inline bool krpc_equal_head(const struct krpc *a, const struct krpc *b)
{
    return a->type == b->type && (a->type != KRPC_QUERY || a->method == b->method) &&
           same_view(a->t, b->t) && same_view(a->version, b->version) && same_view(a->ip, b->ip) &&
           a->read_only == b->read_only && a->has_network == b->has_network &&
           a->network == b->network && a->error_code == b->error_code &&
           same_view(a->error_text, b->error_text);
}

static inline bool krpc_equal_item(const struct krpc *a, const struct krpc *b)
{
    return same_view(a->k, b->k) && same_view(a->salt, b->salt) && same_view(a->sig, b->sig) &&
           same_view(a->v, b->v) && a->has_seq == b->has_seq && a->has_cas == b->has_cas &&
           a->seq == b->seq && a->cas == b->cas;
}

static inline bool krpc_equal_multi(const struct krpc *a, const struct krpc *b)
{
    return same_view(a->slot, b->slot) && same_view(a->keys, b->keys) &&
           same_view(a->after, b->after) && same_view(a->briefs, b->briefs) &&
           same_view(a->next, b->next) && same_view(a->digest, b->digest) &&
           same_view(a->entries, b->entries) && a->has_count == b->has_count &&
           a->count == b->count;
}

static inline bool krpc_equal_listen(const struct krpc *a, const struct krpc *b)
{
    return same_view(a->kind, b->kind) && same_view(a->sub, b->sub) &&
           same_view(a->subs, b->subs) && same_view(a->gone, b->gone) &&
           same_view(a->lost, b->lost) && same_view(a->moved, b->moved) &&
           same_view(a->news, b->news) && a->has_lease == b->has_lease &&
           a->lease_s == b->lease_s && same_view(a->command, b->command) &&
           a->command_error == b->command_error;
}

static inline bool krpc_equal(const struct krpc *a, const struct krpc *b)
{
    return krpc_equal_head(a, b) && krpc_equal_item(a, b) && krpc_equal_multi(a, b) &&
           krpc_equal_listen(a, b) && a->has_id == b->has_id &&
           memcmp(&a->id, &b->id, ID_SIZE) == 0 && a->has_target == b->has_target &&
           memcmp(&a->target, &b->target, ID_SIZE) == 0 && a->want_v4 == b->want_v4 &&
           a->want_v6 == b->want_v6 && a->has_port == b->has_port && a->port == b->port &&
           a->implied_port == b->implied_port && same_view(a->token, b->token) &&
           same_view(a->nodes, b->nodes) && same_view(a->nodes6, b->nodes6) &&
           same_view(a->values, b->values);
}

#endif
