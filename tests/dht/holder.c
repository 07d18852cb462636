#include "tests/dht/holder.h"

#include <assert.h>
#include <stdlib.h>

static struct held *find_held(struct holder *h, const struct id *key)
{
    for (size_t i = 0; i < h->count; i++)
        if (id_equal(&h->held[i].position.key, key))
            return &h->held[i];
    return NULL;
}

static struct stored show(const struct held *held)
{
    struct stored stored = {.put_unix_s = held->put_unix_s, .expiry_unix_s = held->expiry_unix_s};
    bool is_sound = record_unpack(bytes_of(held->packed, held->size), &stored.record);
    assert(is_sound);
    return stored;
}

static enum err read_one(void *context, enum store_space space, enum record_kind kind,
                         const struct id *key, struct stored *out)
{
    const struct held *held = find_held(context, key);
    if (space != STORE_HELD || kind != RECORD_MULTI || held == NULL)
        return ERR_NOT_FOUND;
    *out = show(held);
    return ERR_OK;
}

static enum err read_summary(void *context, enum store_space space, const struct id *target,
                             struct store_summary *out)
{
    const struct holder *h = context;
    *out = (struct store_summary){0};
    for (size_t i = 0; i < h->count && space == STORE_HELD; i++) {
        const struct stored stored = show(&h->held[i]);
        if (!id_equal(&stored.record.target, target))
            continue;
        out->count++;
        out->digest ^= multi_digest(&stored.record);
    }
    return out->count > 0 ? ERR_OK : ERR_NOT_FOUND;
}

static enum err read_entry(void *context, enum store_space space, const struct id *target,
                           const struct store_position *after, struct stored *out)
{
    const struct holder *h = context;
    for (size_t i = 0; i < h->count && space == STORE_HELD; i++) {
        *out = show(&h->held[i]);
        if (id_equal(&out->record.target, target) &&
            (after == NULL || multi_position_compare(&h->held[i].position, after) > 0))
            return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

static int compare_held(const void *a, const void *b)
{
    const struct held *left = a, *right = b;
    return multi_position_compare(&left->position, &right->position);
}

static void store(struct holder *h, const struct record *entry, uint64_t expiry_unix_s)
{
    struct id key;
    struct wire_writer w;
    record_key(entry, &key);
    struct held *held = find_held(h, &key);
    assert(held != NULL || h->count < HOLDER_ENTRIES_MAX);
    held = held != NULL ? held : &h->held[h->count++];
    wire_writer_init(&w, held->packed, sizeof held->packed);
    record_pack(&w, entry);
    held->size = w.used;
    held->put_unix_s = h->now.unix_s;
    held->expiry_unix_s = expiry_unix_s;
    multi_position_of(entry, &held->position);
    qsort(h->held, h->count, sizeof h->held[0], compare_held);
}

void holder_hold(struct holder *h, const struct record *entry)
{
    store(h, entry, UINT64_MAX);
}

struct record holder_entry(const struct holder *h, size_t index)
{
    assert(index < h->count);
    return show(&h->held[index]).record;
}

void holder_init(struct holder *h)
{
    *h = (struct holder){.now = {.ms = 1000000, .unix_s = 1700000000},
                         .from = addr_v4((const uint8_t[4]){10, 9, 9, 9}, 7000),
                         .t_size = KRPC_T_SIZE};
    const struct node_config config = {
        .role = NODE_SERVER,
        .has_v4 = true,
        .has_v6 = true,
        .has_network = true,
        .network = 7,
        .version = {'X', 'O', 0, 1},
        .store = {.context = h, .get = read_one, .summary = read_summary, .entry = read_entry},
    };
    h->node = node_new(&config, h->now);
    assert(h->node != NULL);
    outbox_init(&h->out);
}

void holder_clear(struct holder *h)
{
    node_free(h->node);
    outbox_clear(&h->out);
}

void holder_ask_at_length(struct holder *h)
{
    h->from = addr_v6((const uint8_t[16]){0xfd, [15] = 9}, 7000);
    h->t_size = KRPC_T_MAX;
}

static void write_all(struct holder *h)
{
    for (size_t i = 0; i < h->out.write_count; i++) {
        const struct store_write write = h->out.writes[i];
        bool is_good = write.is_verified || record_verify(&write.record);
        if (is_good)
            store(h, &write.record, write.expiry_unix_s);
        node_stored(h->node, h->now, write.write, is_good ? ERR_OK : ERR_BAD_SIGNATURE, 0, &h->out);
        h->writes++;
    }
}

static int64_t read_answer(struct holder *h)
{
    assert(h->out.packet_count <= 1);
    if (h->out.packet_count == 0)
        return -1;
    const struct bytes packet = h->out.packets[0].data;
    h->packet_size = packet.size;
    memcpy(h->packet, packet.data, packet.size);
    enum err err = krpc_parse(bytes_of(h->packet, packet.size), &h->reply);
    assert(err == ERR_OK);
    return h->reply.type == KRPC_ERROR ? h->reply.error_code : 0;
}

int64_t holder_ask(struct holder *h, struct krpc query)
{
    static const uint8_t t[KRPC_T_MAX];
    uint8_t packet[HOLDER_PACKET_MAX];
    struct wire_writer w;
    query.type = KRPC_QUERY;
    query.t = bytes_of(t, h->t_size);
    query.has_network = query.has_id = query.read_only = true;
    query.network = 7;
    wire_writer_init(&w, packet, sizeof packet);
    krpc_write(&w, &query);
    assert(!w.failed);
    h->writes = 0;
    node_recv(h->node, h->now, &h->from, packet, w.used, &h->out);
    write_all(h);
    int64_t code = read_answer(h);
    outbox_reset(&h->out);
    return code;
}

struct bytes holder_token(struct holder *h, const struct id *target)
{
    int64_t code =
        holder_ask(h, (struct krpc){.method = KRPC_XGET, .has_target = true, .target = *target});
    assert(code == 0);
    memcpy(h->token, h->reply.token.data, h->reply.token.size);
    return bytes_of(h->token, h->reply.token.size);
}

struct krpc holder_xput(struct holder *h, struct draft *d)
{
    draft_sign(d);
    return (struct krpc){
        .method = KRPC_XPUT,
        .has_target = true,
        .target = d->target,
        .token = holder_token(h, &d->target),
        .k = bytes_of(d->k, sizeof d->k),
        .sig = bytes_of(d->sig, sizeof d->sig),
        .slot = bytes_of_string(d->slot),
        .has_seq = true,
        .seq = d->seq,
        .v = d->record.v,
    };
}

uint64_t holder_counter(const struct holder *h, enum counter counter)
{
    return node_counter(h->node, counter);
}
