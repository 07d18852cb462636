/* Seeks: the nodes closest to what is listened to become its sources. Of a single, what they hold
 * comes along once; from then on values stay away. */
#include "daemon/dht/listen/hearing.h"
#include "daemon/dht/listen/renew.h"
#include "daemon/dht/listen/subscribe.h"
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"

#define SEEK_TIMEOUT_MS 10000u

static enum krpc_method method_of(const struct listening *l)
{
    return l->kind == RECORD_MULTI ? KRPC_XGET : KRPC_GET;
}

void seek_start(struct node *node, struct now now, struct listening *l, struct outbox *out)
{
    enum err err;
    struct op *op = op_new(node, now, OP_SEEK, true, SEEK_TIMEOUT_MS, &err);
    if (op == NULL)
        return;
    op->seek.listening = l->number;
    op->seek.is_known = l->places.newest != NULL;
    l->seek_op = op->number;
    node->listenings->seeks.running++;
    alarms_move(&node->listenings->seeks.alarms, &l->seek, ALARM_NEVER);
    node_count(node, COUNTER_SEEKS);
    op_search(node, now, op, method_of(l), &l->target, out);
}

/* What is not above this stays away: nothing is. */
void seek_prepare(struct op *op)
{
    op->search.has_seq = op->seek.is_known;
    op->search.seq = INT64_MAX;
}

/* One that says that it has something newer, without bringing it, is asked for it when it is a
 * source. */
void seek_answered(struct node *node, struct now now, struct op *op, struct lookup_candidate *from,
                   const struct krpc *reply, struct outbox *out)
{
    struct listening *l = listening_find(node, op->seek.listening);
    const struct record wanted = listening_wanted(l);
    struct record record;
    from->has_seq = reply->has_seq;
    from->seq = reply->seq;
    if (l->kind == RECORD_MULTI || !get_read_record(node, now, &wanted, reply, &record))
        return;
    listening_hear(node, now, l, &record, HEARING_READ, out);
    op->seek.is_known = true;
    seek_prepare(op);
}

/* Whoever is at this address now under another id knows nothing of our leases. */
static void forget_predecessor(struct node *node, struct now now, const struct contact *contact,
                               struct outbox *out)
{
    struct source_peer *peer = sources_peer(&node->listenings->sources, &contact->addr);
    if (peer != NULL && !id_equal(&peer->contact.id, &contact->id))
        renew_lost(node, now, peer, out);
}

static bool is_newer(const struct node *node, const struct listening *l,
                     const struct lookup_candidate *found)
{
    const struct record wanted = listening_wanted(l);
    const struct place *place = places_find(&l->places, &node->listenings->places, &wanted.target);
    return found->has_seq && (place == NULL || found->seq > place->seq);
}

/* The source that this node is already, maybe by its address of the other family. */
static struct source *find_source(const struct listening *l, const struct contact *contact)
{
    struct source *source = listening_source(l, &contact->addr);
    for (unsigned i = 0; i < l->source_count && source == NULL; i++) {
        const struct contact *known = &l->sources[i]->peer->contact;
        if (id_equal(&known->id, &contact->id) && known->addr.family != contact->addr.family)
            source = l->sources[i];
    }
    return source;
}

/* One that has been polled though it could grant a lease may have room now. */
static void refresh_source(struct node *node, struct now now, struct source *source,
                           const struct lookup_candidate *found)
{
    bool is_xord = found->is_xord && found->token_size > 0;
    if (!addr_equal(&source->peer->contact.addr, &found->contact.addr))
        return;
    source->peer->contact.id = found->contact.id;
    if (source->state != SOURCE_POLLED)
        return;
    if (is_xord)
        listening_drop_source(node, now, source, false);
    else if (is_newer(node, source->listening, found))
        catchups_want(node, now, source);
}

/* True when it is a new source. */
static bool add_source(struct node *node, struct now now, struct listening *l,
                       const struct lookup_candidate *found, struct outbox *out)
{
    bool is_xord = found->is_xord && found->token_size > 0;
    if (!is_xord && l->kind == RECORD_MULTI)
        return false;
    struct bytes token = is_xord ? bytes_of(found->token, found->token_size) : (struct bytes){0};
    struct source *source = listening_add_source(node, now, l, &found->contact, token);
    if (source == NULL)
        return false;
    if (is_xord)
        subscribe_ask(node, now, source, out);
    else if (is_newer(node, l, found))
        catchups_want(node, now, source);
    return true;
}

/* The closest of each family. */
static size_t list_found(const struct op *op, const struct lookup_candidate *found[])
{
    size_t count = 0;
    for (unsigned family = 0; family < SEARCH_FAMILIES; family++)
        if (op->search.is_used[family])
            count += lookup_closest(&op->search.lookups[family], found + count, LOOKUP_K);
    return count;
}

/* Those that are no longer among the closest, once all of these are known. */
static void drop_far(struct node *node, struct now now, struct listening *l,
                     const struct lookup_candidate *const found[], size_t count)
{
    for (unsigned i = 0; i < l->source_count; i++)
        l->sources[i]->is_near = false;
    for (size_t i = 0; i < count; i++) {
        struct source *source = find_source(l, &found[i]->contact);
        if (source != NULL)
            source->is_near = true;
    }
    for (unsigned i = l->source_count; i-- > 0;)
        if (!l->sources[i]->is_near)
            listening_drop_source(node, now, l->sources[i], true);
}

/* True when there is a new one among them. */
static bool take_sources(struct node *node, struct now now, struct listening *l,
                         const struct lookup_candidate *const found[], size_t count,
                         struct outbox *out)
{
    bool is_changed = false;
    for (size_t i = 0; i < count; i++) {
        forget_predecessor(node, now, &found[i]->contact, out);
        struct source *source = find_source(l, &found[i]->contact);
        if (source != NULL)
            refresh_source(node, now, source, found[i]);
        if (find_source(l, &found[i]->contact) == NULL)
            is_changed |= add_source(node, now, l, found[i], out);
    }
    return is_changed;
}

void seek_done(struct node *node, struct now now, struct op *op, bool is_complete,
               struct outbox *out)
{
    struct listening *l = listening_find(node, op->seek.listening);
    const struct lookup_candidate *found[SEARCH_CLOSEST_MAX];
    size_t count = list_found(op, found);
    if (count > 0 && is_complete)
        drop_far(node, now, l, found, count);
    bool is_changed = take_sources(node, now, l, found, count, out);
    bool is_found = count > 0 || op_nothing_err(node, op, is_complete) == ERR_OK;
    seeks_ended(node, now, l, is_found, is_changed);
    op_finish(node, now, op, ERR_OK, out);
    listening_go_on(node, now, l, out);
}
