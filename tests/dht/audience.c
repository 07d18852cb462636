#include "tests/dht/audience.h"

#include <assert.h>

#include "daemon/dht/ops/query.h"

#define WRITTEN_UNIX_S 1700000000u /* so that the same is the same however late it is put */
#define PUT_SIGNER     1           /* the seed's first byte */

static struct audience fixture;

static struct id id_of(const struct addr *addr)
{
    struct id id = {{0x55}};
    memcpy(id.b + 1, addr->ip, 4);
    memcpy(id.b + 5, &addr->port, sizeof addr->port);
    return id;
}

static void sub_bytes(uint64_t sub, uint8_t out[LEASE_SUB_SIZE])
{
    struct wire_writer w;
    wire_writer_init(&w, out, LEASE_SUB_SIZE);
    wire_write_u64(&w, sub);
}

void audience_init(struct audience *a)
{
    memset(a, 0, sizeof *a);
    holder_init(&a->holder);
    a->holder.from = audience_addr(1, 7000);
}

void audience_clear(struct audience *a)
{
    holder_clear(&a->holder);
}

static void set_up(void)
{
    audience_init(&fixture);
}

static void tear_down(void)
{
    audience_clear(&fixture);
}

struct audience *audience_fixture(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    return &fixture;
}

struct addr audience_addr(uint32_t index, uint16_t port)
{
    const uint8_t ip[4] = {10, (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index};
    return addr_v4(ip, port);
}

void audience_be(struct audience *a, const struct addr *addr)
{
    a->holder.from = *addr;
}

int64_t audience_ask(struct audience *a, struct krpc query)
{
    query.id = id_of(&a->holder.from);
    return holder_ask(&a->holder, query);
}

int64_t audience_listen(struct audience *a, uint64_t sub, char kind, const struct id *target)
{
    uint8_t bytes[LEASE_SUB_SIZE];
    sub_bytes(sub, bytes);
    return audience_ask(a, (struct krpc){
                               .method = KRPC_LISTEN,
                               .kind = bytes_of(&kind, 1),
                               .sub = bytes_of(bytes, sizeof bytes),
                               .has_target = true,
                               .target = *target,
                               .token = holder_token(&a->holder, target),
                           });
}

int64_t audience_renew(struct audience *a, uint64_t sub, uint64_t seen)
{
    uint8_t subs[LISTEN_RENEWAL];
    struct wire_writer w;
    wire_writer_init(&w, subs, sizeof subs);
    wire_write_u64(&w, sub);
    wire_write_u64(&w, seen);
    return audience_ask(a, (struct krpc){.method = KRPC_LISTEN, .subs = wire_written(&w)});
}

static void note_push(struct audience *a, const struct out_packet *packet)
{
    struct krpc m;
    enum err err = krpc_parse(packet->data, &m);
    assert(err == ERR_OK);
    if (m.type != KRPC_QUERY || m.method != KRPC_PUSH)
        return;
    assert(a->push_count < AUDIENCE_PUSHES_MAX && m.sub.size == LEASE_SUB_SIZE && m.has_target);
    struct audience_push *push = &a->pushes[a->push_count++];
    *push = (struct audience_push){.to = packet->to,
                                   .ms = a->holder.now.ms,
                                   .target = m.target,
                                   .seq = m.seq,
                                   .is_entry = m.slot.data != NULL};
    memcpy(push->t, m.t.data, sizeof push->t);
    memcpy(push->sub, m.sub.data, sizeof push->sub);
}

/* Carries out what the holder wants done: writes at once, and packets are looked at. */
static void flush(struct audience *a)
{
    struct holder *h = &a->holder;
    for (size_t i = 0; i < h->out.write_count; i++) {
        const struct store_write write = h->out.writes[i];
        int64_t seq = 0;
        enum err err = ram_write(&h->store, &write, &seq);
        node_stored(h->node, h->now, write.write, err, seq, &h->out);
    }
    for (size_t i = 0; i < h->out.packet_count; i++)
        note_push(a, &h->out.packets[i]);
    outbox_reset(&h->out);
}

static void recv_packet(struct audience *a, const struct addr *from, const struct krpc *message)
{
    uint8_t packet[HOLDER_PACKET_MAX];
    struct wire_writer w;
    wire_writer_init(&w, packet, sizeof packet);
    krpc_write(&w, message);
    assert(!w.failed);
    node_recv(a->holder.node, a->holder.now, from, packet, w.used, &a->holder.out);
    flush(a);
}

static void answer_push(struct audience *a, const struct audience_push *push)
{
    const struct krpc answer = {
        .type = a->answer == 0 ? KRPC_RESPONSE : KRPC_ERROR,
        .t = bytes_of(push->t, sizeof push->t),
        .has_network = true,
        .network = 7,
        .has_id = true,
        .id = id_of(&push->to),
        .error_code = a->answer,
        .error_text = bytes_of_string("no"),
    };
    if (a->answer != AUDIENCE_SILENT)
        recv_packet(a, &push->to, &answer);
}

/* When the next thing happens, `end_ms` at the latest. */
static uint64_t next_ms(const struct audience *a, uint64_t end_ms)
{
    uint64_t next = node_next_ms(a->holder.node);
    if (a->answered < a->push_count && a->pushes[a->answered].ms + AUDIENCE_RTT_MS < next)
        next = a->pushes[a->answered].ms + AUDIENCE_RTT_MS;
    next = next > a->holder.now.ms ? next : a->holder.now.ms;
    return next < end_ms ? next : end_ms;
}

void audience_run(struct audience *a, uint64_t ms)
{
    struct holder *h = &a->holder;
    uint64_t end_ms = h->now.ms + ms, start_s = h->now.unix_s, start_ms = h->now.ms;
    do {
        h->now.ms = next_ms(a, end_ms);
        h->now.unix_s = start_s + (h->now.ms - start_ms) / 1000;
        while (a->answered < a->push_count &&
               a->pushes[a->answered].ms + AUDIENCE_RTT_MS <= h->now.ms) {
            const struct audience_push push = a->pushes[a->answered++];
            answer_push(a, &push);
        }
        node_tick(h->node, h->now, &h->out);
        flush(a);
    } while (h->now.ms < end_ms);
}

/* The writer is nobody of the audience. */
static void put(struct audience *a, struct krpc message)
{
    const struct addr asker = a->holder.from, writer = addr_v4((const uint8_t[4]){10, 9, 9, 9}, 9);
    uint64_t accepted = audience_counter(a, COUNTER_PUTS_ACCEPTED);
    a->holder.from = writer;
    message.type = KRPC_QUERY;
    message.t = bytes_of_string("aaaa");
    message.has_network = message.has_id = message.read_only = true;
    message.network = 7;
    message.token = holder_token(&a->holder, &message.target);
    recv_packet(a, &writer, &message);
    a->holder.from = asker;
    assert(audience_counter(a, COUNTER_PUTS_ACCEPTED) == accepted + 1);
}

void audience_put_entry(struct audience *a, const char *slot, int64_t seq, const struct id *target)
{
    struct draft d = draft_of(target, WRITTEN_UNIX_S, slot, seq);
    d.signer = PUT_SIGNER;
    put(a, holder_xput(&a->holder, &d));
}

static void make_keys(uint8_t k[KEYS_PUBLIC_SIZE], uint8_t secret_key[KEYS_SECRET_SIZE])
{
    const uint8_t seed[KEYS_SEED_SIZE] = {PUT_SIGNER};
    keys_from_seed(seed, k, secret_key);
}

struct id audience_single_target(const char *salt)
{
    uint8_t k[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
    struct id target;
    make_keys(k, secret_key);
    record_single_target(k, bytes_of_string(salt), &target);
    return target;
}

struct id audience_put_single(struct audience *a, const char *salt, int64_t seq)
{
    uint8_t k[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE], sig[KEYS_SIGNATURE_SIZE];
    make_keys(k, secret_key);
    const struct record record = {.kind = RECORD_SINGLE,
                                  .target = audience_single_target(salt),
                                  .k = k,
                                  .sig = sig,
                                  .salt = bytes_of_string(salt),
                                  .seq = seq,
                                  .v = bytes_of_string("5:value")};
    struct krpc message;
    record_sign(secret_key, &record, sig);
    query_put(&record, &message);
    put(a, message);
    return record.target;
}

uint64_t audience_counter(const struct audience *a, enum counter counter)
{
    return node_counter(a->holder.node, counter);
}

size_t audience_leases(const struct audience *a)
{
    struct node_info info;
    node_get_info(a->holder.node, &info);
    return info.leases;
}
