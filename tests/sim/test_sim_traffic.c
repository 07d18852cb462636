/* What real peers say, recorded from libtorrent and xord, is replayed into nodes with mutations
 * from a seed: nothing breaks, nodes send only what can be parsed, and their records stay as they
 * were. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/runner.h"
#include "tests/sim/chance.h"
#include "tests/sim/session.h"

#define TRAFFIC     "tests/sim/traffic/libtorrent.hex"
#define PACKETS_MAX 512u
#define PACKET_MAX  1500u
#define LINE_SIZE   (2 * PACKET_MAX + 2)
#define ASKED       64u  /* queries of the nodes, remembered so that replies can find them */
#define ROUNDS      100u /* of the whole recording for each seed */
#define EVERY_MS    3u
#define TOKEN_MS    100u /* until a node has answered, most times */

struct recorded {
    uint8_t data[PACKET_MAX];
    size_t size;
};

struct asked { /* a query that a node has sent, and to whom */
    struct addr from, to;
    uint8_t t[KRPC_T_SIZE];
};

static struct session session;
static struct recorded packets[PACKETS_MAX];
static size_t packet_count;

struct replay {
    struct rng rng;
    struct process *stranger;
    struct asked asked[ASKED];
    uint32_t asked_count;
    uint8_t token[KRPC_TOKEN_MAX]; /* the last that the stranger was given */
    size_t token_size;
    uint64_t unparsed;
};

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void read_traffic(void)
{
    char line[LINE_SIZE];
    FILE *file = fopen(TRAFFIC, "r");
    ck_assert_msg(file != NULL, "to be run from the top of the tree: %s", TRAFFIC);
    packet_count = 0;
    while (packet_count < PACKETS_MAX && fgets(line, sizeof line, file) != NULL) {
        struct recorded *packet = &packets[packet_count++];
        packet->size = strspn(line, "0123456789abcdef") / 2;
        for (size_t i = 0; i < packet->size; i++)
            packet->data[i] = (uint8_t)(hex_digit(line[2 * i]) << 4 | hex_digit(line[2 * i + 1]));
    }
    fclose(file);
    ck_assert_uint_gt(packet_count, 100);
}

static void on_sent(void *context, struct world *w, struct process *p,
                    const struct out_packet *packet)
{
    struct replay *r = context;
    struct krpc message;
    (void)w;
    if (p->node == NULL)
        return;
    if (krpc_parse(packet->data, &message) != ERR_OK) {
        r->unparsed++;
    } else if (message.type == KRPC_QUERY && message.t.size == KRPC_T_SIZE) {
        struct asked *asked = &r->asked[r->asked_count++ % ASKED];
        asked->from = p->addr;
        asked->to = packet->to;
        memcpy(asked->t, message.t.data, KRPC_T_SIZE);
    } else if (addr_equal(&packet->to, &r->stranger->addr) && message.token.data != NULL &&
               message.token.size <= sizeof r->token) {
        r->token_size = message.token.size;
        memcpy(r->token, message.token.data, message.token.size);
    }
}

/* Overwrites what follows `key` when there is room for as much. */
static void patch(struct recorded *packet, const char *key, const uint8_t *with, size_t size)
{
    uint8_t *at = memmem(packet->data, packet->size, key, strlen(key));
    if (at != NULL && (size_t)(at - packet->data) + strlen(key) + size <= packet->size)
        memcpy(at + strlen(key), with, size);
}

static size_t place_in(struct rng *rng, const struct recorded *packet)
{
    return packet->size == 0 ? 0 : rng_below(rng, (uint32_t)packet->size);
}

static void splice(struct rng *rng, struct recorded *packet)
{
    const struct recorded *other = &packets[rng_below(rng, (uint32_t)packet_count)];
    size_t from = place_in(rng, other), at = place_in(rng, packet);
    size_t size = other->size - from;
    if (size > PACKET_MAX - at)
        size = PACKET_MAX - at;
    memcpy(packet->data + at, other->data + from, size);
    packet->size = at + size;
}

static void repeat_part(struct rng *rng, struct recorded *packet)
{
    size_t at = place_in(rng, packet);
    size_t size = packet->size - at;
    if (size > PACKET_MAX - packet->size)
        size = PACKET_MAX - packet->size;
    memmove(packet->data + at + size, packet->data + at, packet->size - at);
    packet->size += size;
}

static void change_digit(struct rng *rng, struct recorded *packet)
{
    size_t start = place_in(rng, packet);
    for (size_t i = start; i < packet->size; i++)
        if (packet->data[i] >= '0' && packet->data[i] <= '9') {
            packet->data[i] = (uint8_t)('0' + rng_below(rng, 10));
            return;
        }
}

static void mutate(struct rng *rng, struct recorded *packet)
{
    switch (rng_below(rng, 6)) {
    case 0:
        return;
    case 1:
        packet->size = place_in(rng, packet);
        return;
    case 2:
        splice(rng, packet);
        return;
    case 3:
        repeat_part(rng, packet);
        return;
    case 4:
        change_digit(rng, packet);
        return;
    default:
        for (uint32_t i = rng_below(rng, 4); packet->size > 0; i--) {
            packet->data[place_in(rng, packet)] = (uint8_t)rng_below(rng, 256);
            if (i == 0)
                return;
        }
    }
}

/* A put needs a token for its own target from the node that it goes to. */
static void ask_token(struct replay *r, const struct addr *to, const struct recorded *put)
{
    struct krpc message;
    struct krpc get = {.type = KRPC_QUERY,
                       .method = KRPC_GET,
                       .t = bytes_of_string("toke"),
                       .has_id = true,
                       .has_target = true};
    uint8_t buffer[KRPC_PACKET_MAX];
    struct wire_writer writer;
    if (krpc_parse(bytes_of(put->data, put->size), &message) != ERR_OK ||
        message.method != KRPC_PUT)
        return;
    if (message.k.size == KEYS_PUBLIC_SIZE)
        record_single_target(message.k.data, message.salt, &get.target);
    else
        record_immutable_target(message.v, &get.target);
    get.id = message.id;
    wire_writer_init(&writer, buffer, sizeof buffer);
    krpc_write(&writer, &get);
    const struct out_packet out = {.to = *to, .data = wire_written(&writer)};
    world_post(&session.world, r->stranger, &r->stranger->addr, &out);
    world_run(&session.world, session.world.now_ms + TOKEN_MS);
}

/* A reply comes as the answer to a query that a node has asked, from whom it asked; a query from
 * the stranger, with the token that it was given. */
static void replay_one(struct replay *r, const struct recorded *original)
{
    struct world *w = &session.world;
    struct recorded packet = *original;
    struct addr as = r->stranger->addr, to;
    bool is_reply = memmem(packet.data, packet.size, "1:y1:r", 6) != NULL;
    struct process *target = world_pick(w, &r->rng);
    ck_assert_ptr_nonnull(target);
    to = target->addr;
    if (is_reply && r->asked_count > 0) {
        uint32_t known = r->asked_count < ASKED ? r->asked_count : ASKED;
        const struct asked *asked = &r->asked[rng_below(&r->rng, known)];
        as = asked->to;
        to = asked->from;
        patch(&packet, "1:t4:", asked->t, KRPC_T_SIZE);
    } else {
        ask_token(r, &to, original);
    }
    if (!is_reply && r->token_size > 0) {
        char key[32];
        snprintf(key, sizeof key, "5:token%zu:", r->token_size);
        patch(&packet, key, r->token, r->token_size);
    }
    mutate(&r->rng, &packet);
    const struct out_packet out = {.to = to, .data = bytes_of(packet.data, packet.size)};
    world_post(w, r->stranger, &as, &out);
    world_run(w, w->now_ms + EVERY_MS);
}

static uint64_t count_all(enum counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < session.world.live_count; i++) {
        const struct process *p = session.world.processes[session.world.live[i]];
        sum += p->node != NULL ? node_counter(p->node, counter) : 0;
    }
    return sum;
}

/* The mutations went as deep as was meant: each of these has happened. */
static void expect_counted(void)
{
    static const enum counter counters[] = {
        COUNTER_PACKETS_MALFORMED,      COUNTER_REPLIES_UNEXPECTED,      COUNTER_REPLIES_WRONG_ID,
        COUNTER_QUERIES_REFUSED_TOKEN,  COUNTER_PUTS_ACCEPTED,           COUNTER_QUERIES_SERVED,
        COUNTER_PUTS_REFUSED_SIGNATURE, COUNTER_QUERIES_REFUSED_UNKNOWN,
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        ck_assert_msg(count_all(counters[i]) > 0, "%s", counter_name(counters[i]));
}

START_TEST(mutations_of_real_traffic_break_nothing)
{
    struct session_options options;
    struct replay replay = {0};
    const struct watcher watcher = {.context = &replay, .sent = on_sent};
    read_traffic();
    session_defaults(&options);
    options.seed = (uint64_t)_i;
    options.nodes = 12;
    options.keys = 20;
    options.mainline = 1;
    options.get_ms = 200;
    options.put_ms = 1000;
    session_begin(&session, &options);
    rng_init_number(&replay.rng, options.seed);
    replay.stranger = world_spawn(&session.world, true);
    world_watch(&session.world, &watcher);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < packet_count; i++)
            replay_one(&replay, &packets[i]);
    world_run(&session.world, session.world.now_ms + 60000);
    ck_assert_msg(!session.oracle.has_failed, "seed %d: %s", _i, session.oracle.rule);
    ck_assert_uint_eq(replay.unparsed, 0);
    ck_assert_uint_gt(replay.token_size, 0);
    ck_assert_uint_gt(session.oracle.figures.found, 0);
    for (uint32_t i = 0; i < session.world.live_count; i++) {
        const struct process *p = session.world.processes[session.world.live[i]];
        if (p->node != NULL)
            oracle_check_limits(&session.oracle, p);
    }
    ck_assert(!session.oracle.has_failed);
    expect_counted();
    session_clear(&session);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, mutations_of_real_traffic_break_nothing, 1, 4);
}
