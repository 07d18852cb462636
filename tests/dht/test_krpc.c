/* A message survives writing and parsing unchanged, BEP 5's and BEP 44's examples read as they
 * say, and whatever is not a KRPC message is refused with just enough left to answer it. */
#include "daemon/dht/wire/krpc.h"
#include "tests/dht/krpc_equal.h"
#include "tests/runner.h"

#include <check.h>
#include <stdlib.h>

#define ID_A "abcdefghij0123456789"
#define ID_M "mnopqrstuvwxyz123456"

static enum err parse(const char *text, struct krpc *out)
{
    return krpc_parse(bytes_of_string(text), out);
}

static struct krpc parsed(const char *text)
{
    struct krpc m;
    ck_assert_msg(parse(text, &m) == ERR_OK, "%s", text);
    return m;
}

static void assert_view(struct bytes view, const char *text)
{
    ck_assert_ptr_nonnull(view.data);
    ck_assert_msg(bytes_is_string(view, text), "not %s", text);
}

static void assert_id(const struct id *id, const char *text)
{
    ck_assert_mem_eq(id->b, text, ID_SIZE);
}

/* The canonical examples come back out byte for byte. */
static void assert_rewritten(const char *text)
{
    struct krpc m = parsed(text);
    uint8_t buffer[KRPC_PACKET_MAX];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    krpc_write(&w, &m);
    ck_assert_msg(bytes_is_string(wire_written(&w), text), "%s", text);
}

START_TEST(bep5_queries)
{
    struct krpc m = parsed("d1:ad2:id20:" ID_A "e1:q4:ping1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.type, KRPC_QUERY);
    ck_assert_int_eq(m.method, KRPC_PING);
    ck_assert(m.has_id && !m.has_target && !m.read_only && !m.has_network);
    assert_id(&m.id, ID_A);
    assert_view(m.t, "aa");

    m = parsed("d1:ad2:id20:" ID_A "6:target20:" ID_M "e1:q9:find_node1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.method, KRPC_FIND_NODE);
    assert_id(&m.target, ID_M);

    m = parsed("d1:ad2:id20:" ID_A "9:info_hash20:" ID_M "e1:q9:get_peers1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.method, KRPC_GET_PEERS);
    assert_id(&m.target, ID_M);

    m = parsed("d1:ad2:id20:" ID_A "12:implied_porti1e9:info_hash20:" ID_M
               "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.method, KRPC_ANNOUNCE_PEER);
    ck_assert(m.implied_port && m.has_port);
    ck_assert_uint_eq(m.port, 6881);
    assert_view(m.token, "aoeusnth");
}
END_TEST

START_TEST(bep5_replies)
{
    struct krpc m = parsed("d1:rd2:id20:" ID_M "e1:t2:aa1:y1:re");
    ck_assert_int_eq(m.type, KRPC_RESPONSE);
    assert_id(&m.id, ID_M);
    m = parsed("d1:rd2:id20:" ID_A "5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re");
    assert_view(m.values, "l6:axje.u6:idhtnme");
    ck_assert_ptr_null(m.nodes.data);
    /* The BEP's own `nodes` is cut short: nine bytes are no contact. */
    m = parsed("d1:rd2:id20:" ID_A "5:nodes9:def456...5:token8:aoeusnthe1:t2:aa1:y1:re");
    ck_assert_ptr_nonnull(m.nodes.data);
    ck_assert_uint_eq(m.nodes.size, 0);
    m = parsed("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee");
    ck_assert_int_eq(m.type, KRPC_ERROR);
    ck_assert_int_eq(m.error_code, 201);
    assert_view(m.error_text, "A Generic Error Ocurred");
}
END_TEST

START_TEST(examples_are_rewritten)
{
    assert_rewritten("d1:ad2:id20:" ID_A "e1:q4:ping1:t2:aa1:y1:qe");
    assert_rewritten("d1:ad2:id20:" ID_A "9:info_hash20:" ID_M "e1:q9:get_peers1:t2:aa1:y1:qe");
    assert_rewritten("d1:ad2:id20:" ID_A "12:implied_porti1e9:info_hash20:" ID_M
                     "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe");
    assert_rewritten("d1:rd2:id20:" ID_A
                     "5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re");
    assert_rewritten("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee");
    assert_rewritten("d1:ad3:casi1e2:id20:" ID_A
                     "1:k2:kk4:salt6:foobar3:seqi2e3:sig2:ss6:target20:" ID_M
                     "5:token2:to1:v12:Hello World!e2:nw4:xord1:q3:put2:roi1e1:t4:abcd"
                     "1:v4:XO011:y1:qe");
}
END_TEST

START_TEST(bep44_messages)
{
    struct krpc m = parsed("d1:ad2:id20:" ID_A "3:seqi9223372036854775807e6:target20:" ID_M
                           "e1:q3:get1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.method, KRPC_GET);
    ck_assert(m.has_seq && !m.has_cas);
    ck_assert_int_eq(m.seq, INT64_MAX);
    m = parsed("d1:ad3:casi-1e2:id20:" ID_A "1:k3:key4:salt6:foobar3:seqi4e3:sig3:sgn5:token1:t"
               "1:vd1:jd1:ali1eeee"
               "e1:q3:put1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.method, KRPC_PUT);
    ck_assert_int_eq(m.cas, -1);
    assert_view(m.k, "key");
    assert_view(m.salt, "foobar");
    assert_view(m.sig, "sgn");
    assert_view(m.v, "d1:jd1:ali1eeee");
    m = parsed("d1:ad2:id20:" ID_A "4:salt0:e1:q3:put1:t2:aa1:y1:qe");
    ck_assert_ptr_null(m.salt.data);
}
END_TEST

START_TEST(top_level_keys)
{
    struct krpc m = parsed("d2:ip6:abcdef2:nw4:\x01\x02\x03\x04"
                           "1:rd2:id20:" ID_A "e2:roi1e1:t0:"
                           "1:v4:XO011:y1:re");
    assert_view(m.ip, "abcdef");
    ck_assert(m.has_network && m.read_only);
    ck_assert_uint_eq(m.network, 0x01020304);
    assert_view(m.version, "XO01");
    ck_assert_uint_eq(m.t.size, 0);
}
END_TEST

START_TEST(leniency)
{
    /* Any order of keys, keys and methods that nobody knows, a flag that is zero. */
    struct krpc m = parsed("d1:y1:q1:t2:aa1:q4:zing3:fooldee1:ad6:target20:" ID_M "2:id20:" ID_A
                           "4:barsi-5e12:implied_porti0eee");
    ck_assert_int_eq(m.method, KRPC_UNKNOWN);
    ck_assert(m.has_target && m.has_id && !m.implied_port);
    m = parsed("d1:ad4:wantl2:n63:fooee1:q9:find_node1:t2:aa1:y1:qe");
    ck_assert(m.want_v6 && !m.want_v4);
    m = parsed("d1:ad9:info_hash20:" ID_A "6:target20:" ID_A "e1:q3:get1:t2:aa1:y1:qe");
    assert_id(&m.target, ID_A);
    /* libtorrent sends an `r` beside an error; it counts for nothing. */
    m = parsed("d1:eli203e3:odd1:xe1:rd2:id20:" ID_A "e1:t2:aa1:y1:ee");
    ck_assert_int_eq(m.error_code, 203);
    ck_assert(!m.has_id);
    m = parsed("d1:t2:aa1:y1:qe");
    ck_assert_int_eq(m.method, KRPC_UNKNOWN);
}
END_TEST

struct refusal {
    const char *packet;
    char type; /* what is left of it: 0 when it cannot be answered */
};

#define QUERY(arguments) "d1:a" arguments "1:q3:put1:t2:aa1:y1:qe"

static const struct refusal refusals[] = {
    {"", 0},
    {"le", 0},
    {"i1e", 0},
    {"de", 0},
    {"d1:t2:aae", 0},
    {"d1:y1:qe", 0},
    {"d1:t2:aa1:y1:xe", 0},
    {"d1:t2:aa1:y2:qqe", 0},
    {"d1:ti1e1:y1:qe", 0},
    {"d1:t65:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1:y1:qe", 0},
    {"d1:t2:aa1:y1:q", 'q'},
    {"d1:t2:aa1:y1:qex", 'q'},
    {"d1:t2:aa1:t2:aa1:y1:qe", 'q'},
    {"d1:t2:aa1:y1:q1:zlllllllllleeeeeeeeeee", 'q'},
    {QUERY("i1e"), 'q'},
    {QUERY("le"), 'q'},
    {QUERY("d2:id19:abcdefghij012345678e"), 'q'},
    {QUERY("d2:idi1ee"), 'q'},
    {QUERY("d2:id20:" ID_A "2:id20:" ID_A "e"), 'q'},
    {QUERY("d6:target3:abce"), 'q'},
    {QUERY("d9:info_hash20:" ID_A "6:target20:" ID_M "e"), 'q'},
    {QUERY("d3:seq1:1e"), 'q'},
    {QUERY("d3:casli1eee"), 'q'},
    {QUERY("d4:porti65536ee"), 'q'},
    {QUERY("d4:porti-1ee"), 'q'},
    {QUERY("d4:want2:n4e"), 'q'},
    {QUERY("d6:values6:abcdefe"), 'q'},
    {QUERY("d1:ki1ee"), 'q'},
    {QUERY("d4:saltlee"), 'q'},
    {QUERY("d3:sigdee"), 'q'},
    {QUERY("d5:tokeni0ee"), 'q'},
    {QUERY("d3:seqi9223372036854775808ee"), 0},
    {QUERY("d3:seqi01ee"), 0},
    {QUERY("d1:v"), 0},
    {"d1:rd2:id20:" ID_A "e1:q4:ping1:t2:aa1:y1:qe", 'q'},
    {"d1:ad2:id20:" ID_A "e1:t2:aa1:y1:re", 'r'},
    {"d1:ele1:t2:aa1:y1:ee", 'e'},
    {"d1:el1:xe1:t2:aa1:y1:ee", 'e'},
    {"d2:nw3:abc1:t2:aa1:y1:qe", 'q'},
    {"d2:nwi1e1:t2:aa1:y1:qe", 'q'},
    {"d2:ro1:11:t2:aa1:y1:qe", 'q'},
    {"d1:t2:aa1:vi1e1:y1:qe", 'q'},
};

START_TEST(refusal)
{
    const struct refusal *r = &refusals[_i];
    struct krpc m;
    ck_assert_msg(parse(r->packet, &m) == ERR_MALFORMED, "%s", r->packet);
    ck_assert_msg((m.t.data != NULL) == (r->type != 0), "%s", r->packet);
    if (r->type != 0)
        ck_assert_int_eq((int)m.type, r->type);
    ck_assert(!m.has_id && m.v.data == NULL && m.token.data == NULL);
}
END_TEST

START_TEST(a_refusal_keeps_the_network)
{
    struct krpc m;
    ck_assert_int_eq(parse("d1:ai1e2:nw4:xord1:q4:ping1:t2:aa1:y1:qe", &m), ERR_MALFORMED);
    ck_assert(m.has_network);
    ck_assert_uint_eq(m.network, 0x786f7264);
    ck_assert_int_eq(parse("d1:ai1e2:nw3:xor1:q4:ping1:t2:aa1:y1:qe", &m), ERR_MALFORMED);
    ck_assert(!m.has_network && m.t.data != NULL);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    const char *text = "d1:ad3:casi1e2:id20:" ID_A "1:k2:kk3:seqi2e3:sig2:ss4:wantl2:n4e"
                       "5:token2:to1:vli1eee2:nw4:xord1:q3:put2:roi1e1:t4:abcd1:v4:XO011:y1:qe";
    struct krpc m = parsed(text);
    for (size_t size = 0; size < strlen(text); size++) {
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, text, size);
        ck_assert_int_eq(krpc_parse(bytes_of(exact, size), &m), ERR_MALFORMED);
        free(exact);
    }
}
END_TEST

static const uint8_t noise[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct bytes random_view(struct rng *rng, size_t max)
{
    return rng_below(rng, 2) == 0
               ? bytes_of(NULL, 0)
               : bytes_of(noise + rng_below(rng, 32), rng_below(rng, (uint32_t)max + 1));
}

static bool toss(struct rng *rng)
{
    return rng_below(rng, 2) == 1;
}

static void random_arguments(struct rng *rng, struct krpc *m)
{
    if ((m->has_id = toss(rng)))
        id_random(&m->id, rng);
    if ((m->has_target = toss(rng)))
        id_random(&m->target, rng);
    if ((m->has_port = toss(rng)))
        m->port = (uint16_t)rng_u32(rng);
    if ((m->has_seq = toss(rng)))
        m->seq = (int64_t)rng_u64(rng);
    if ((m->has_cas = toss(rng)))
        m->cas = (int64_t)rng_u64(rng);
    m->implied_port = toss(rng);
    m->want_v4 = toss(rng);
    m->want_v6 = toss(rng);
    m->token = random_view(rng, 64);
    m->nodes = toss(rng) ? bytes_of(noise, rng_below(rng, 4) * KRPC_COMPACT_V4) : m->nodes;
    m->nodes6 = toss(rng) ? bytes_of(noise, rng_below(rng, 3) * KRPC_COMPACT_V6) : m->nodes6;
    m->values = toss(rng) ? bytes_of_string("l6:abcdef18:abcdefghijklmnopqre") : m->values;
    m->k = random_view(rng, 32);
    m->sig = random_view(rng, 64);
    m->salt = random_view(rng, 64);
    if (m->salt.size == 0)
        m->salt = bytes_of(NULL, 0);
    m->v = toss(rng) ? bytes_of_string("d1:ali1ei-2eee") : m->v;
}

static struct krpc random_message(struct rng *rng)
{
    static const enum krpc_type types[] = {KRPC_QUERY, KRPC_RESPONSE, KRPC_ERROR};
    struct krpc m = {.type = types[rng_below(rng, 3)], .t = bytes_of(noise, rng_below(rng, 65))};
    m.version = random_view(rng, 4);
    m.ip = random_view(rng, 18);
    m.read_only = toss(rng);
    if ((m.has_network = toss(rng)))
        m.network = rng_u32(rng);
    if (m.type == KRPC_ERROR) {
        m.error_code = (int64_t)rng_u64(rng);
        m.error_text = random_view(rng, 64);
        return m;
    }
    if (m.type == KRPC_QUERY)
        m.method = (enum krpc_method)rng_below(rng, KRPC_METHOD_COUNT);
    random_arguments(rng, &m);
    return m;
}

START_TEST(what_is_written_parses_to_the_same)
{
    struct rng rng;
    rng_init_number(&rng, 5);
    for (int i = 0; i < 20000; i++) {
        struct krpc m = random_message(&rng), back;
        uint8_t buffer[KRPC_PACKET_MAX];
        struct wire_writer w;
        wire_writer_init(&w, buffer, sizeof(buffer));
        krpc_write(&w, &m);
        ck_assert_int_eq(krpc_parse(wire_written(&w), &back), ERR_OK);
        ck_assert_msg(krpc_equal(&m, &back), "message %d of seed 5", i);
    }
}
END_TEST

START_TEST(a_message_that_does_not_fit)
{
    struct krpc m = {.type = KRPC_QUERY, .method = KRPC_PING, .t = bytes_of_string("abcd")};
    uint8_t buffer[64];
    struct wire_writer w;
    for (size_t room = 0; room < 30; room++) {
        wire_writer_init(&w, buffer, room);
        krpc_write(&w, &m);
        ck_assert_int_eq(w.failed, room < strlen("d1:ade1:q4:ping1:t4:abcd1:y1:qe"));
    }
}
END_TEST

START_TEST(contacts)
{
    struct rng rng;
    rng_init_number(&rng, 1);
    uint8_t ip4[4] = {10, 0, 0, 1}, ip6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
    struct addr v4 = addr_v4(ip4, 6881), v6 = addr_v6(ip6, 6882), addr;
    struct id first, second, id;
    id_random(&first, &rng);
    id_random(&second, &rng);
    uint8_t buffer[128];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    krpc_write_contact(&w, &first, &v4);
    krpc_write_contact(&w, &second, &v4);
    struct bytes nodes = wire_written(&w);
    ck_assert_uint_eq(nodes.size, 2 * KRPC_COMPACT_V4);
    ck_assert(krpc_read_contact(nodes, ADDR_V4, 1, &id, &addr));
    ck_assert(id_equal(&id, &second) && addr_equal(&addr, &v4));
    ck_assert(!krpc_read_contact(nodes, ADDR_V4, 2, &id, &addr));
    ck_assert(!krpc_read_contact(bytes_of(NULL, 0), ADDR_V4, 0, &id, &addr));
    wire_writer_init(&w, buffer, sizeof(buffer));
    krpc_write_contact(&w, &first, &v6);
    ck_assert_uint_eq(wire_written(&w).size, KRPC_COMPACT_V6);
    ck_assert(krpc_read_contact(wire_written(&w), ADDR_V6, 0, &id, &addr));
    ck_assert(id_equal(&id, &first) && addr_equal(&addr, &v6));
    ck_assert(!krpc_read_contact(wire_written(&w), ADDR_V6, 1, &id, &addr));
}
END_TEST

START_TEST(method_names)
{
    ck_assert_str_eq(krpc_method_name(KRPC_PING), "ping");
    ck_assert_str_eq(krpc_method_name(KRPC_ANNOUNCE_PEER), "announce_peer");
    ck_assert_str_eq(krpc_method_name(KRPC_UNKNOWN), "");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, bep5_queries);
    tcase_add_test(tests, bep5_replies);
    tcase_add_test(tests, examples_are_rewritten);
    tcase_add_test(tests, bep44_messages);
    tcase_add_test(tests, top_level_keys);
    tcase_add_test(tests, leniency);
    tcase_add_loop_test(tests, refusal, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tests, a_refusal_keeps_the_network);
    tcase_add_test(tests, every_truncation_is_refused);
    tcase_add_test(tests, what_is_written_parses_to_the_same);
    tcase_add_test(tests, a_message_that_does_not_fit);
    tcase_add_test(tests, contacts);
    tcase_add_test(tests, method_names);
}
