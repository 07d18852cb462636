#include "daemon/dht/serve/serve_listen.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/records/multi.h"
#include "daemon/dht/serve/reply.h"

/* How much longer than the question's list those of the answer may be together. */
#define LISTS_SPARE 64u

struct listen_memory {
    uint8_t lost[LISTEN_SUBS_MAX * LEASE_SUB_SIZE];
    uint8_t moved[LISTEN_SUBS_MAX * LEASE_SUB_SIZE];
    uint8_t news[LISTEN_SUBS_MAX * LISTEN_RENEWAL];
};

uint64_t listen_digest(const struct node *node, enum record_kind kind, const struct id *target)
{
    const struct store_reader *store = &node->store;
    struct store_summary summary;
    struct stored stored;
    if (kind == RECORD_MULTI)
        return store->summary(store->context, STORE_HELD, target, &summary) == ERR_OK
                   ? summary.digest
                   : 0;
    return store->get(store->context, STORE_HELD, kind, target, &stored) == ERR_OK
               ? multi_digest(&stored.record)
               : 0;
}

static bool is_list_of(struct bytes list, size_t size, size_t max)
{
    return list.data == NULL || (list.size % size == 0 && list.size / size <= max);
}

/* What is wrong with the form of the question; NULL: nothing. */
static const char *find_fault(const struct krpc *query)
{
    bool is_first = query->sub.data != NULL;
    bool is_renewal = query->subs.data != NULL || query->gone.data != NULL;
    if (is_first == is_renewal)
        return "sub, or subs and gone";
    if (is_first && query->sub.size != LEASE_SUB_SIZE)
        return "sub is not of 8 bytes";
    if (is_first && !bytes_is_string(query->kind, "s") && !bytes_is_string(query->kind, "m"))
        return "kind is neither s nor m";
    if (is_first && !query->has_target)
        return "target missing";
    if (!is_list_of(query->subs, LISTEN_RENEWAL, LISTEN_SUBS_MAX))
        return "subs are not at most 50 of 16 bytes";
    if (!is_list_of(query->gone, LEASE_SUB_SIZE, LISTEN_GONE_MAX))
        return "gone are not at most 100 of 8 bytes";
    return NULL;
}

static void init_reply(const struct node *node, const struct addr *from, const struct krpc *query,
                       struct krpc *reply, struct reply_memory *memory)
{
    reply_init(node, from, query, reply, memory);
    reply->has_lease = true;
    reply->lease_s = LEASE_S;
}

static void grant(struct node *node, struct now now, const struct addr *from,
                  const struct krpc *query, struct outbox *out)
{
    const struct contact subscriber = {.id = query->id, .addr = *from};
    enum record_kind kind = query->kind.data[0] == 'm' ? RECORD_MULTI : RECORD_SINGLE;
    struct reply_memory memory;
    uint8_t digest[LISTEN_DIGEST_SIZE];
    struct wire_writer w;
    struct krpc reply;
    enum err err =
        leases_grant(&node->leases, now.ms, &subscriber, query->sub.data, kind, &query->target);
    if (err == ERR_EXISTS) {
        reply_refuse(node, from, query, ERR_MALFORMED, "sub is of another target or kind",
                     COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    if (err != ERR_OK) {
        reply_refuse(node, from, query, ERR_BUSY, "too many leases", COUNTER_LEASES_REFUSED, out);
        return;
    }
    node_count(node, COUNTER_LEASES_GRANTED);
    init_reply(node, from, query, &reply, &memory);
    uint64_t held = listen_digest(node, kind, &query->target);
    wire_writer_init(&w, digest, sizeof digest);
    wire_write_u64(&w, held);
    if (held != 0)
        reply.digest = wire_written(&w);
    query_reply(node, from, &reply, out);
}

static void end_gone(struct node *node, const struct addr *from, struct bytes gone)
{
    for (size_t at = 0; at < gone.size; at += LEASE_SUB_SIZE) {
        struct lease *lease = leases_find(&node->leases, from, gone.data + at);
        if (lease == NULL)
            continue;
        leases_end(&node->leases, lease);
        node_count(node, COUNTER_LEASES_ENDED);
    }
}

struct lists { /* of an answer */
    struct wire_writer lost, moved, news;
    size_t room;
};

static bool take_room(struct lists *lists, size_t size)
{
    if (size > lists->room)
        return false;
    lists->room -= size;
    return true;
}

static void add_news(const struct node *node, const struct lease *lease, uint64_t seen,
                     struct lists *lists)
{
    uint64_t held = listen_digest(node, (enum record_kind)lease->target->kind, &lease->target->id);
    if (held == seen || !take_room(lists, LISTEN_RENEWAL))
        return;
    wire_write(&lists->news, lease->sub, LEASE_SUB_SIZE);
    wire_write_u64(&lists->news, held);
}

/* What does not fit waits for the next refresh. */
static void add_moved(const struct node *node, struct lease *lease, struct lists *lists)
{
    if (!leases_has_moved(&node->leases, lease, &node->id) || !take_room(lists, LEASE_SUB_SIZE))
        return;
    wire_write(&lists->moved, lease->sub, LEASE_SUB_SIZE);
    leases_moved_said(lease);
}

static void renew_all(struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, struct lists *lists)
{
    struct wire_reader r;
    wire_reader_init(&r, query->subs);
    for (size_t i = 0; i < query->subs.size / LISTEN_RENEWAL; i++) {
        struct bytes sub = wire_read_bytes(&r, LEASE_SUB_SIZE);
        uint64_t seen = wire_read_u64(&r);
        struct lease *lease = leases_find(&node->leases, from, sub.data);
        if (lease == NULL) {
            if (take_room(lists, LEASE_SUB_SIZE))
                wire_write(&lists->lost, sub.data, sub.size);
            continue;
        }
        leases_renew(&node->leases, now.ms, lease, &query->id);
        node_count(node, COUNTER_LEASES_RENEWED);
        add_news(node, lease, seen, lists);
        add_moved(node, lease, lists);
    }
}

static struct bytes written_or_absent(const struct wire_writer *w)
{
    return w->used > 0 ? wire_written(w) : (struct bytes){0};
}

static void renew(struct node *node, struct now now, const struct addr *from,
                  const struct krpc *query, struct outbox *out)
{
    struct listen_memory listen;
    struct reply_memory memory;
    struct krpc reply;
    struct lists lists = {.room = query->subs.size + LISTS_SPARE};
    wire_writer_init(&lists.lost, listen.lost, sizeof listen.lost);
    wire_writer_init(&lists.moved, listen.moved, sizeof listen.moved);
    wire_writer_init(&lists.news, listen.news, sizeof listen.news);
    end_gone(node, from, query->gone);
    renew_all(node, now, from, query, &lists);
    init_reply(node, from, query, &reply, &memory);
    reply.lost = written_or_absent(&lists.lost);
    reply.moved = written_or_absent(&lists.moved);
    reply.news = written_or_absent(&lists.news);
    query_reply(node, from, &reply, out);
}

void serve_listen(struct node *node, struct now now, const struct addr *from,
                  const struct krpc *query, struct outbox *out)
{
    const char *fault = find_fault(query);
    if (fault != NULL) {
        reply_refuse(node, from, query, ERR_MALFORMED, fault, COUNTER_QUERIES_REFUSED_MALFORMED,
                     out);
        return;
    }
    if (query->sub.data == NULL)
        renew(node, now, from, query, out);
    else if (!reply_has_token(node, now, from, &query->target, query->token))
        reply_refuse(node, from, query, ERR_BAD_TOKEN, NULL, COUNTER_QUERIES_REFUSED_TOKEN, out);
    else
        grant(node, now, from, query, out);
}
