#include "tests/bench/items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bencode.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/bench/report.h"

#define VALID_S       (14 * 86400)
#define PUT_WINDOW    256
#define RUN_NS        60000000000u /* a run over all items must end in it */
#define KEY_SEED      7
#define LITERAL(w, s) wire_write((w), (s), sizeof(s) - 1)

/* The text takes what the rest of the envelope leaves, by trying lengths from above. */
static void make_value(struct items *items)
{
    time_t now = time(NULL);
    char text[RECORD_V_MAX];
    memset(text, 'x', sizeof(text));
    for (size_t size = items->v_size; size > 2; size--) {
        struct wire_writer w;
        wire_writer_init(&w, items->v, items->v_size);
        text[0] = '"';
        text[size - 1] = '"';
        LITERAL(&w, "d1:j");
        bencode_write_bytes(&w, bytes_of(text, size));
        LITERAL(&w, "1:t");
        bencode_write_int(&w, now);
        LITERAL(&w, "1:x");
        bencode_write_int(&w, now + VALID_S);
        LITERAL(&w, "e");
        if (!w.failed) {
            items->v_size = w.used;
            return;
        }
        text[size - 1] = 'x';
    }
    report_fail("no envelope has that size");
}

void items_init(struct items *items, uint64_t series, size_t count, size_t v_size)
{
    uint8_t seed[KEYS_SEED_SIZE] = {KEY_SEED};
    *items = (struct items){.series = series, .count = count, .v_size = v_size};
    if (keys_init() != ERR_OK)
        report_fail("libsodium cannot be used");
    keys_from_seed(seed, items->public_key, items->secret_key);
    items->all = calloc(count, sizeof(*items->all));
    if (items->all == NULL)
        report_fail("no memory");
    make_value(items);
    for (size_t i = 0; i < count; i++) {
        uint8_t salt[RECORD_SALT_MAX];
        size_t size = items_salt(items, i, salt);
        record_single_target(items->public_key, bytes_of(salt, size), &items->all[i].target);
    }
}

void items_clear(struct items *items)
{
    free(items->all);
    items->all = NULL;
}

size_t items_salt(const struct items *items, size_t index, uint8_t salt[RECORD_SALT_MAX])
{
    char text[RECORD_SALT_MAX];
    int size = snprintf(text, sizeof(text), "bench-%06u-%06zu", (unsigned)items->series, index);
    memcpy(salt, text, (size_t)size);
    return (size_t)size;
}

void items_sign(struct items *items, size_t index, int64_t seq, uint8_t sig[KEYS_SIGNATURE_SIZE])
{
    uint8_t salt[RECORD_SALT_MAX];
    size_t size = items_salt(items, index, salt);
    record_sign(items->secret_key,
                &(struct record){.kind = RECORD_SINGLE,
                                 .salt = bytes_of(salt, size),
                                 .seq = seq,
                                 .v = bytes_of(items->v, items->v_size)},
                sig);
}

size_t items_get_packet(const struct items *items, size_t index, uint8_t packet[LOAD_PACKET_MAX])
{
    static const char head[] = "d1:ad2:id20:benchbenchbenchbench6:target20:";
    static const char tail[] = "e1:q3:get";
    uint8_t *at = packet;
    memcpy(at, head, sizeof(head) - 1);
    at += sizeof(head) - 1;
    memcpy(at, items->all[index].target.b, ID_SIZE);
    at += ID_SIZE;
    memcpy(at, tail, sizeof(tail) - 1);
    return (size_t)(at - packet) + sizeof(tail) - 1;
}

size_t items_put_packet(const struct items *items, size_t index, int64_t seq, const uint8_t *sig,
                        uint8_t packet[LOAD_PACKET_MAX])
{
    const struct item *item = &items->all[index];
    uint8_t salt[RECORD_SALT_MAX];
    size_t salt_size = items_salt(items, index, salt);
    struct wire_writer w;
    wire_writer_init(&w, packet, LOAD_PACKET_MAX - 16);
    LITERAL(&w, "d1:ad2:id20:benchbenchbenchbench1:k");
    bencode_write_bytes(&w, bytes_of(items->public_key, KEYS_PUBLIC_SIZE));
    LITERAL(&w, "4:salt");
    bencode_write_bytes(&w, bytes_of(salt, salt_size));
    LITERAL(&w, "3:seq");
    bencode_write_int(&w, seq);
    LITERAL(&w, "3:sig");
    bencode_write_bytes(&w, bytes_of(sig, KEYS_SIGNATURE_SIZE));
    LITERAL(&w, "6:target");
    bencode_write_bytes(&w, id_bytes(&item->target));
    LITERAL(&w, "5:token");
    bencode_write_bytes(&w, bytes_of(item->token, item->token_size));
    LITERAL(&w, "1:v");
    wire_write(&w, items->v, items->v_size);
    LITERAL(&w, "e1:q3:put");
    if (w.failed)
        report_fail("a put does not fit its packet");
    return w.used;
}

/* A walk over all items, each in one slot at a time. */
struct walk {
    struct items *items;
    size_t next;
    size_t at[LOAD_WINDOW_MAX]; /* which item a slot has in flight */
};

static size_t next_get(void *context, size_t slot, uint8_t *packet)
{
    struct walk *walk = context;
    if (walk->next == walk->items->count)
        return 0;
    walk->at[slot] = walk->next++;
    return items_get_packet(walk->items, walk->at[slot], packet);
}

static bool take_token(void *context, size_t slot, struct bytes packet, char y)
{
    const struct walk *walk = context;
    struct item *item = &walk->items->all[walk->at[slot]];
    struct krpc reply;
    if (y != 'r' || krpc_parse(packet, &reply) != ERR_OK || reply.token.data == NULL ||
        reply.token.size > ITEMS_TOKEN_MAX)
        return false;
    memcpy(item->token, reply.token.data, reply.token.size);
    item->token_size = (uint8_t)reply.token.size;
    return true;
}

void items_fetch_tokens(struct items *items, struct load *load)
{
    struct walk walk = {.items = items};
    struct load_plan plan = {.context = &walk,
                             .window = PUT_WINDOW,
                             .duration_ns = RUN_NS,
                             .count = items->count,
                             .query = next_get,
                             .accept = take_token};
    struct load_result result;
    load_run(load, &plan, &result);
    if (result.answered != items->count)
        report_fail("%zu tokens asked for, %zu given", items->count, (size_t)result.answered);
}

static size_t next_put(void *context, size_t slot, uint8_t *packet)
{
    struct walk *walk = context;
    if (walk->next == walk->items->count)
        return 0;
    size_t index = walk->next++;
    walk->at[slot] = index;
    const struct item *item = &walk->items->all[index];
    return items_put_packet(walk->items, index, item->seq, item->sig, packet);
}

static bool take_stored(void *context, size_t slot, struct bytes packet, char y)
{
    const struct walk *walk = context;
    (void)packet;
    walk->items->all[walk->at[slot]].is_stored = y == 'r';
    return y == 'r';
}

void items_put_all(struct items *items, struct load *load, struct load_result *out)
{
    struct walk walk = {.items = items};
    struct load_plan plan = {.context = &walk,
                             .window = PUT_WINDOW,
                             .duration_ns = RUN_NS,
                             .count = items->count,
                             .query = next_put,
                             .accept = take_stored};
    for (size_t i = 0; i < items->count; i++) {
        items->all[i].seq = 1;
        items_sign(items, i, 1, items->all[i].sig);
    }
    items_fetch_tokens(items, load);
    load_run(load, &plan, out);
    if (out->answered != items->count)
        report_fail("%zu records put, %zu stored", items->count, (size_t)out->answered);
}

bool items_is_in(const struct items *items, size_t index, struct bytes packet)
{
    struct krpc reply;
    uint8_t salt[RECORD_SALT_MAX];
    if (krpc_parse(packet, &reply) != ERR_OK || reply.type != KRPC_RESPONSE || !reply.has_seq ||
        !bytes_equal(reply.k, bytes_of(items->public_key, KEYS_PUBLIC_SIZE)) ||
        !bytes_equal(reply.v, bytes_of(items->v, items->v_size)) ||
        reply.sig.size != KEYS_SIGNATURE_SIZE)
        return false;
    struct record record = {.kind = RECORD_SINGLE,
                            .target = items->all[index].target,
                            .k = reply.k.data,
                            .sig = reply.sig.data,
                            .seq = reply.seq,
                            .v = reply.v};
    record.salt = bytes_of(salt, items_salt(items, index, salt));
    return record_verify(&record);
}
