#include "daemon/dht/listen/renew.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/records/multi.h"

#define RENEW_BUSY_MS 1000u /* until it is tried again, where too much is under way */

static void write_renewal(struct wire_writer *w, const struct source *source)
{
    uint8_t sub[SOURCES_SUB_SIZE];
    listening_sub(source, sub);
    wire_write(w, sub, sizeof sub);
    wire_write_u64(w, catchups_expected(source));
}

static void send_renewals(struct node *node, struct now now, struct source_peer *peer,
                          struct outbox *out)
{
    uint8_t subs_memory[SOURCES_BATCH * SOURCES_RENEWAL_SIZE];
    uint8_t gone_memory[SOURCES_GONE_BATCH * SOURCES_SUB_SIZE];
    struct sources *sources = &node->listenings->sources;
    struct wire_writer subs, gone;
    wire_writer_init(&subs, subs_memory, sizeof subs_memory);
    wire_writer_init(&gone, gone_memory, sizeof gone_memory);
    if (!source_peer_compose(sources, peer, write_renewal, &subs, &gone)) {
        source_peer_acknowledged(sources, peer, now);
        return;
    }
    const struct krpc message = {
        .method = KRPC_LISTEN,
        .subs = wire_written(&subs),
        .gone = gone.used > 0 ? wire_written(&gone) : (struct bytes){0},
    };
    const struct query query = {
        .purpose = QUERY_RENEW,
        .contact = peer->contact,
        .has_id = true,
        .is_xord = true,
        .owner_index = peer->serial,
        .patience_ms = RENEW_PATIENCE_MS << (peer->tries - 1),
        .message = &message,
    };
    node_count(node, COUNTER_LEASE_RENEWALS);
    if (!query_send(node, now, &query, out))
        source_peer_postpone(sources, peer, now.ms + RENEW_BUSY_MS);
}

void renew_lost(struct node *node, struct now now, struct source_peer *peer, struct outbox *out)
{
    while (peer->lease_count > 0) {
        struct source *source = peer->leases[peer->lease_count - 1];
        struct listening *l = source->listening;
        bool is_last = peer->users == 1 && peer->gone_count == 0;
        node_count(node, COUNTER_LEASES_LOST);
        listening_lose_source(node, now, source);
        listening_go_on(node, now, l, out);
        if (is_last)
            return;
    }
    source_peer_lost(&node->listenings->sources, peer);
}

static void ask(struct node *node, struct now now, struct source_peer *peer, struct outbox *out)
{
    if (peer->is_asked && peer->tries == RENEW_TRIES)
        renew_lost(node, now, peer, out);
    else
        send_renewals(node, now, peer, out);
}

void renew_tick(struct node *node, struct now now, struct outbox *out)
{
    struct source_peer *peer;
    sources_notice_clock(&node->listenings->sources, now);
    for (unsigned i = 0; i < LISTENING_SLICE; i++) {
        peer = sources_due(&node->listenings->sources, now);
        if (peer == NULL)
            return;
        ask(node, now, peer, out);
    }
}

/* The peer whose packet this was, while it is under way. */
static struct source_peer *asked_by(const struct node *node, const struct inflight_query *query)
{
    struct source_peer *peer = NULL;
    if (node->listenings != NULL)
        peer = sources_peer(&node->listenings->sources, &query->contact.addr);
    return peer != NULL && peer->is_asked && peer->serial == query->owner_index ? peer : NULL;
}

/* The source that one element of a list in the peer's reply names; NULL past the end, or for none
 * of its own. */
static struct source *named(const struct node *node, const struct inflight_query *query,
                            struct bytes element)
{
    struct bytes sub = bytes_of(element.data, SOURCES_SUB_SIZE);
    const struct listening *l = listening_of_sub(node, &query->contact.addr, sub);
    struct source *source = l != NULL ? listening_source(l, &query->contact.addr) : NULL;
    return source != NULL && source->state == SOURCE_LEASED ? source : NULL;
}

static void take_news(struct node *node, struct now now, const struct inflight_query *query,
                      struct bytes news)
{
    for (size_t at = 0; at + SOURCES_RENEWAL_SIZE <= news.size; at += SOURCES_RENEWAL_SIZE) {
        struct bytes element = bytes_of(news.data + at, SOURCES_RENEWAL_SIZE);
        struct source *source = named(node, query, element);
        uint64_t digest;
        struct bytes tail = bytes_of(element.data + SOURCES_SUB_SIZE, MULTI_DIGEST_SIZE);
        if (source != NULL && multi_read_digest(tail, &digest))
            catchups_judge(node, now, source, digest);
    }
}

static void take_moved(struct node *node, struct now now, const struct inflight_query *query,
                       struct bytes moved)
{
    for (size_t at = 0; at + SOURCES_SUB_SIZE <= moved.size; at += SOURCES_SUB_SIZE) {
        struct source *source = named(node, query, bytes_of(moved.data + at, SOURCES_SUB_SIZE));
        if (source != NULL)
            seeks_moved(node, now, source->listening);
    }
}

/* It has restarted, or had no room: where it is still among the closest it is asked anew. */
static void take_lost(struct node *node, struct now now, const struct inflight_query *query,
                      struct bytes lost, struct outbox *out)
{
    for (size_t at = 0; at + SOURCES_SUB_SIZE <= lost.size; at += SOURCES_SUB_SIZE) {
        struct source *source = named(node, query, bytes_of(lost.data + at, SOURCES_SUB_SIZE));
        if (source == NULL)
            continue;
        struct listening *l = source->listening;
        node_count(node, COUNTER_LEASES_LOST);
        listening_lose_source(node, now, source);
        listening_go_on(node, now, l, out);
    }
}

void renew_answered(struct node *node, struct now now, const struct inflight_query *query,
                    const struct krpc *reply, struct outbox *out)
{
    struct source_peer *peer = asked_by(node, query);
    if (peer == NULL)
        return;
    source_peer_acknowledged(&node->listenings->sources, peer, now);
    take_news(node, now, query, reply->news);
    take_moved(node, now, query, reply->moved);
    take_lost(node, now, query, reply->lost, out);
}

/* Who has granted leases and now knows nothing of such questions; 0 is a wrong id. */
static bool is_of_another(int64_t code)
{
    return code == 0 || code == err_code(ERR_METHOD_UNKNOWN) || code == err_code(ERR_MALFORMED);
}

/* One that is busy or in trouble has its leases still. */
void renew_refused(struct node *node, struct now now, const struct inflight_query *query,
                   int64_t code, struct outbox *out)
{
    struct source_peer *peer = asked_by(node, query);
    if (peer == NULL)
        return;
    if (is_of_another(code))
        renew_lost(node, now, peer, out);
    else
        source_peer_repeat(&node->listenings->sources, peer,
                           now.ms + ((uint64_t)RENEW_REFUSED_MS << (peer->tries - 1)));
}

void renew_late(struct node *node, struct now now, const struct inflight_query *query,
                struct outbox *out)
{
    struct source_peer *peer = asked_by(node, query);
    if (peer != NULL)
        ask(node, now, peer, out);
}
