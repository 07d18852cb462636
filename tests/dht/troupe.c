#include "tests/dht/troupe.h"

#include <assert.h>

#include "daemon/dht/ops/query.h"
#include "daemon/dht/records/multi.h"

#define FIRST_NUMBER 2000u /* of their addresses; the net's own node is below */

struct lists { /* what one reply's views lead into */
    uint8_t nodes[TROUPE_MAX * KRPC_COMPACT_V4];
    uint8_t digest[MULTI_DIGEST_SIZE];
    uint8_t lost[400], moved[400], news[800];
};

struct addr troupe_addr(size_t index)
{
    return process_addr(FIRST_NUMBER + (uint32_t)index);
}

static uint64_t digest_of(const struct player *player)
{
    if (player->lie != 0)
        return player->lie;
    return player->record != NULL ? multi_digest(player->record) : 0;
}

static void add_record(struct player *player, const struct krpc *query, struct krpc *reply)
{
    const struct record *record = player->record;
    if (record == NULL || record->kind != RECORD_SINGLE)
        return;
    reply->has_seq = true;
    reply->seq = record->seq;
    if (query->has_seq && record->seq <= query->seq)
        return;
    reply->k = bytes_of(record->k, KEYS_PUBLIC_SIZE);
    reply->sig = bytes_of(record->sig, KEYS_SIGNATURE_SIZE);
    reply->v = record->v;
    player->came.values++;
}

/* All of them: few enough for one answer. */
static void add_nodes(const struct troupe *t, struct krpc *reply, struct lists *lists)
{
    struct wire_writer w;
    wire_writer_init(&w, lists->nodes, sizeof lists->nodes);
    for (size_t i = 0; i < t->count; i++) {
        const struct addr addr = troupe_addr(i);
        krpc_write_contact(&w, &t->players[i].id, &addr);
    }
    reply->nodes = wire_written(&w);
}

static struct krpc refusal(int64_t code)
{
    return (struct krpc){
        .type = KRPC_ERROR, .error_code = code, .error_text = bytes_of_string("not here")};
}

static void grant(struct player *player, const struct krpc *query, struct krpc *reply,
                  struct lists *lists)
{
    struct wire_writer w;
    player->came.listens++;
    memcpy(player->sub, query->sub.data, sizeof player->sub);
    if (player->listen_code != 0) {
        *reply = refusal(player->listen_code);
        return;
    }
    wire_writer_init(&w, lists->digest, sizeof lists->digest);
    wire_write_u64(&w, digest_of(player));
    reply->has_lease = true;
    reply->lease_s = 300;
    if (digest_of(player) != 0)
        reply->digest = wire_written(&w);
}

static void renew(struct player *player, const struct krpc *query, struct krpc *reply,
                  struct lists *lists)
{
    struct wire_reader r;
    struct wire_writer lost, moved, news;
    wire_reader_init(&r, query->subs);
    wire_writer_init(&lost, lists->lost, sizeof lists->lost);
    wire_writer_init(&moved, lists->moved, sizeof lists->moved);
    wire_writer_init(&news, lists->news, sizeof lists->news);
    player->came.renewals++;
    player->came.gone += query->gone.size / 8;
    while (r.at < r.end) {
        struct bytes sub = wire_read_bytes(&r, 8);
        uint64_t seen = wire_read_u64(&r);
        assert(!r.failed);
        player->came.subs++;
        if (player->is_forgetful)
            wire_write(&lost, sub.data, sub.size);
        if (player->is_moving)
            wire_write(&moved, sub.data, sub.size);
        if (!player->is_forgetful && seen != digest_of(player)) {
            wire_write(&news, sub.data, sub.size);
            wire_write_u64(&news, digest_of(player));
        }
    }
    reply->has_lease = true;
    reply->lease_s = 300;
    reply->lost = wire_written(&lost);
    reply->moved = wire_written(&moved);
    reply->news = wire_written(&news);
}

static void answer(struct troupe *t, struct player *player, const struct krpc *query,
                   struct krpc *reply, struct lists *lists)
{
    bool is_lookup =
        query->method == KRPC_FIND_NODE || query->method == KRPC_GET || query->method == KRPC_XGET;
    player->came.gets += query->method == KRPC_GET;
    player->came.xgets += query->method == KRPC_XGET;
    if (player->is_foreign && krpc_is_extension(query->method)) {
        *reply = refusal(204);
    } else if (is_lookup) {
        add_nodes(t, reply, lists);
        reply->token = bytes_of_string("token");
        if (query->method == KRPC_GET)
            add_record(player, query, reply);
    } else if (query->method == KRPC_LISTEN && query->sub.data != NULL) {
        grant(player, query, reply, lists);
    } else if (query->method == KRPC_LISTEN) {
        renew(player, query, reply, lists);
        if (player->renew_code != 0)
            *reply = refusal(player->renew_code);
    }
}

static void send_as(struct net *net, const struct addr *from, const struct addr *to,
                    struct krpc *message)
{
    uint8_t buffer[KRPC_PACKET_MAX];
    struct wire_writer w;
    message->has_network = !net->world.config.is_mainline;
    message->network = NET_NETWORK;
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, message);
    assert(!w.failed);
    net_post(net, from, to, wire_written(&w));
}

static void on_foreign(struct net *net, const struct net_packet *packet)
{
    struct troupe *t = net->foreign_context;
    struct lists lists;
    struct krpc query, reply = {.type = KRPC_RESPONSE};
    uint32_t index = process_number(&packet->to) - FIRST_NUMBER;
    enum err err = krpc_parse(packet->data, &query);
    assert(err == ERR_OK);
    if (query.type != KRPC_QUERY) {
        t->code = query.type == KRPC_ERROR ? query.error_code : 0;
        return;
    }
    if (index >= t->count || t->players[index].is_silent || query.method == KRPC_BYE)
        return;
    struct player *player = &t->players[index];
    if (query.method == KRPC_LISTEN && query.sub.data != NULL && player->deaf > 0) {
        player->deaf--;
        return;
    }
    answer(t, player, &query, &reply, &lists);
    reply.t = query.t;
    reply.has_id = reply.type == KRPC_RESPONSE;
    reply.id = player->id;
    reply.version = bytes_of(player->is_foreign ? "LT\1\2" : "XO\0\1", 4);
    send_as(net, &packet->to, &packet->from, &reply);
}

void troupe_init(struct troupe *t, struct net *net, size_t count, enum node_role role)
{
    assert(count <= TROUPE_MAX);
    *t = (struct troupe){.net = net, .count = count};
    for (size_t i = 0; i < count; i++)
        id_random(&t->players[i].id, &net->rng);
    net->on_foreign = on_foreign;
    net->foreign_context = t;
    const struct addr first = troupe_addr(0);
    net_add(net, -1, role);
    if (count > 0)
        node_bootstrap(net->nodes[0]->node, &first);
    net_run(net, 3000);
}

void troupe_hold(struct troupe *t, const struct record *record)
{
    for (size_t i = 0; i < t->count; i++)
        t->players[i].record = record;
}

struct troupe_counts troupe_came(const struct troupe *t)
{
    struct troupe_counts sum = {0};
    for (size_t i = 0; i < t->count; i++) {
        const struct troupe_counts *came = &t->players[i].came;
        sum.listens += came->listens;
        sum.renewals += came->renewals;
        sum.gets += came->gets;
        sum.xgets += came->xgets;
        sum.values += came->values;
        sum.subs += came->subs;
        sum.gone += came->gone;
    }
    return sum;
}

const struct record *make_single(struct made_single *m, const struct net *net, const char *salt,
                                 int64_t seq, const char *body, uint64_t ttl_s)
{
    struct wire_writer w;
    const struct envelope envelope = owner_envelope(net, body, ttl_s);
    wire_writer_init(&w, m->v, sizeof m->v);
    envelope_write(&w, &envelope);
    m->record = (struct record){
        .kind = RECORD_SINGLE,
        .k = net->public_key,
        .sig = m->sig,
        .salt = bytes_of_string(salt),
        .seq = seq,
        .v = wire_written(&w),
    };
    record_single_target(m->record.k, m->record.salt, &m->record.target);
    record_sign(net->secret_key, &m->record, m->sig);
    return &m->record;
}

int64_t troupe_push(struct troupe *t, const struct addr *from, struct bytes sub,
                    const struct record *record)
{
    struct krpc push;
    query_put(record, &push);
    push.type = KRPC_QUERY;
    push.method = KRPC_PUSH;
    push.t = bytes_of_string("push");
    push.has_id = true;
    push.id = t->players[0].id;
    push.version = bytes_of("XO\0\1", 4);
    push.sub = sub;
    t->code = -1;
    send_as(t->net, from, &t->net->nodes[0]->addr, &push);
    net_run(t->net, 3 * NET_DELAY_MAX_MS);
    return t->code;
}

int64_t troupe_push_from(struct troupe *t, size_t index, const struct record *record)
{
    const struct addr from = troupe_addr(index);
    const struct player *player = &t->players[index];
    return troupe_push(t, &from, bytes_of(player->sub, sizeof player->sub), record);
}
