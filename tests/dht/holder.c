#include "tests/dht/holder.h"

#include <assert.h>

static struct holder fixture;

void holder_hold(struct holder *h, const struct record *entry)
{
    int64_t seq;
    const struct store_write write = {
        .action = STORE_PUT,
        .space = STORE_HELD,
        .put_unix_s = h->now.unix_s,
        .expiry_unix_s = h->now.unix_s + RECORD_TTL_S_DEFAULT,
        .record = *entry,
    };
    enum err err = ram_write(&h->store, &write, &seq);
    assert(err == ERR_OK);
}

size_t holder_count(const struct holder *h, const struct id *target)
{
    struct store_summary summary;
    enum err err = disk_summary(&h->store.disk, STORE_HELD, target, &summary);
    return err == ERR_OK ? summary.count : 0;
}

struct record holder_entry(const struct holder *h, const struct id *target, size_t index)
{
    struct store_position position, *after = NULL;
    struct stored stored;
    for (size_t i = 0; i <= index; i++) {
        enum err err =
            disk_entry(&h->store.disk, h->now.unix_s, STORE_HELD, target, after, &stored);
        assert(err == ERR_OK);
        multi_position_of(&stored.record, &position);
        after = &position;
    }
    return stored.record;
}

void holder_init(struct holder *h)
{
    *h = (struct holder){.now = {.ms = 1000000, .unix_s = 1700000000},
                         .from = addr_v4((const uint8_t[4]){10, 9, 9, 9}, 7000),
                         .t_size = KRPC_T_SIZE};
    ram_init(&h->store, &h->now);
    const struct node_config config = {
        .role = NODE_SERVER,
        .has_v4 = true,
        .has_v6 = true,
        .has_network = true,
        .network = 7,
        .version = {'X', 'O', 0, 1},
        .store = ram_reader(&h->store),
    };
    h->node = node_new(&config, h->now);
    assert(h->node != NULL);
    outbox_init(&h->out);
}

void holder_clear(struct holder *h)
{
    node_free(h->node);
    outbox_clear(&h->out);
    ram_clear(&h->store);
}

static void set_up(void)
{
    holder_init(&fixture);
}

static void tear_down(void)
{
    holder_clear(&fixture);
}

struct holder *holder_fixture(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    return &fixture;
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
        int64_t seq = 0;
        enum err err = ram_write(&h->store, &write, &seq);
        node_stored(h->node, h->now, write.write, err, seq, &h->out);
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

struct draft *holder_draft(struct holder *h, const struct id *target, const char *slot, int64_t seq)
{
    h->draft = draft_of(target, h->now.unix_s - 60, slot, seq);
    draft_sign(&h->draft);
    return &h->draft;
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
