#include "tests/dht/asker.h"

#include <assert.h>

static void on_foreign(struct net *net, const struct net_packet *packet)
{
    struct asker *a = net->foreign_context;
    struct krpc message;
    assert(packet->data.size <= ASKER_PACKET_MAX);
    enum err err = krpc_parse(packet->data, &message);
    assert(err == ERR_OK);
    if (message.type == KRPC_QUERY) {
        a->queries++;
        return;
    }
    a->replies++;
    a->to = packet->to;
    a->size = packet->data.size;
    memcpy(a->packet, packet->data.data, packet->data.size);
}

void asker_init(struct asker *a, size_t count, bool has_v6)
{
    *a = (struct asker){.from = addr_v4((const uint8_t[4]){10, 9, 9, 9}, 7000)};
    memset(a->id.b, 'A', ID_SIZE);
    const struct addr first6 = process_addr6(0);
    net_init(&a->net, 77);
    a->net.world.config.has_v6 = has_v6;
    a->net.on_foreign = on_foreign;
    a->net.foreign_context = a;
    for (size_t i = 0; i < count; i++) {
        net_add(&a->net, i ? 0 : -1, NODE_SERVER);
        if (i > 0 && has_v6)
            node_bootstrap(a->net.nodes[i]->node, &first6);
        net_run(&a->net, 100);
    }
    net_run(&a->net, 5000);
}

void asker_clear(struct asker *a)
{
    net_clear(&a->net);
}

const struct krpc *asker_send(struct asker *a, struct bytes packet)
{
    a->replies = a->queries = 0;
    net_inject(&a->net, 0, &a->from, packet);
    net_run(&a->net, a->net.wires->delay_max_ms);
    if (a->replies == 0)
        return NULL;
    enum err err = krpc_parse(bytes_of(a->packet, a->size), &a->reply);
    assert(err == ERR_OK);
    return &a->reply;
}

const struct krpc *asker_send_text(struct asker *a, const char *packet)
{
    return asker_send(a, bytes_of_string(packet));
}

const struct krpc *asker_ask(struct asker *a, struct krpc query)
{
    uint8_t buffer[ASKER_PACKET_MAX];
    struct wire_writer w;
    query.type = KRPC_QUERY;
    query.has_network = true;
    query.network = 7;
    query.has_id = true;
    query.id = a->id;
    if (query.t.data == NULL)
        query.t = bytes_of_string("aa");
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, &query);
    assert(!w.failed);
    return asker_send(a, wire_written(&w));
}

struct bytes asker_token(struct asker *a, const struct id *target)
{
    const struct krpc *reply =
        asker_ask(a, (struct krpc){.method = KRPC_GET, .has_target = true, .target = *target});
    assert(reply != NULL && reply->token.data != NULL && reply->token.size <= KRPC_TOKEN_MAX);
    memcpy(a->token, reply->token.data, reply->token.size);
    return bytes_of(a->token, reply->token.size);
}

uint64_t asker_counter(const struct asker *a, enum counter counter)
{
    return net_counter(&a->net, 0, counter);
}

int64_t asker_code(const struct krpc *reply)
{
    if (reply == NULL)
        return -1;
    return reply->type == KRPC_ERROR ? reply->error_code : 0;
}

struct krpc asker_single(struct asker *a, const char *salt, int64_t seq, struct bytes v,
                         uint8_t sig[KEYS_SIGNATURE_SIZE])
{
    struct krpc put = {
        .method = KRPC_PUT,
        .has_target = true,
        .k = bytes_of(a->net.public_key, KEYS_PUBLIC_SIZE),
        .sig = bytes_of(sig, KEYS_SIGNATURE_SIZE),
        .v = v,
        .has_seq = true,
        .seq = seq,
    };
    if (salt[0] != 0)
        put.salt = bytes_of_string(salt);
    if (v.size <= RECORD_V_MAX && put.salt.size <= RECORD_SALT_MAX)
        record_sign(a->net.secret_key,
                    &(struct record){.kind = RECORD_SINGLE, .salt = put.salt, .seq = seq, .v = v},
                    sig);
    record_single_target(a->net.public_key, put.salt, &put.target);
    put.token = asker_token(a, &put.target);
    return put;
}

struct krpc asker_immutable(struct asker *a, struct bytes v)
{
    struct krpc put = {.method = KRPC_PUT, .has_target = true, .v = v};
    record_immutable_target(v, &put.target);
    put.token = asker_token(a, &put.target);
    return put;
}
