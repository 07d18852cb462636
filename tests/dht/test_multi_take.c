/* A holder must take an entry of a multi only when all about it is right, each refusal with its
 * number, and its seq and cas are those of its place alone. */
#include <check.h>

#include "tests/dht/holder.h"
#include "tests/runner.h"

static struct holder *holder;
static const struct id target = {{1, 2, 3}}, other_target = {{4, 5, 6}};

static struct draft *draft(const char *slot, int64_t seq)
{
    return holder_draft(holder, &target, slot, seq);
}

/* What is told of the draft's place; its only entry must be this one. */
static void assert_told(const struct draft *d)
{
    struct record entry;
    struct bencode_reader r;
    const struct id key = draft_key(d);
    const struct krpc query = {
        .method = KRPC_XGET, .has_target = true, .target = d->target, .keys = id_bytes(&key)};
    ck_assert_int_eq(holder_ask(holder, query), 0);
    bencode_reader_init(&r, holder->reply.entries);
    bencode_read_list(&r);
    ck_assert(multi_read_entry(&r, &d->target, &entry));
    ck_assert(record_equal(&entry, &d->record));
}

START_TEST(an_entry_is_stored_once_and_told_again)
{
    struct draft *d = draft("latest", 3);
    const struct krpc put = holder_xput(holder, d);
    ck_assert_int_eq(holder_ask(holder, put), 0);
    ck_assert_uint_eq(holder->writes, 1);
    ck_assert_int_eq(holder_ask(holder, put), 0);
    ck_assert_uint_eq(holder->writes, 0);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_PUTS_ACCEPTED), 2);
    assert_told(d);
}
END_TEST

START_TEST(a_deletion_takes_the_place_and_is_told_like_an_entry)
{
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, draft("latest", 1))), 0);
    struct draft gone = *draft("latest", 2);
    gone.body_size = 0;
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, &gone)), 0);
    ck_assert_uint_eq(holder_count(holder, &target), 1);
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, draft("latest", 1))), 302);
    assert_told(&gone);
}
END_TEST

START_TEST(seq_and_cas_are_those_of_the_place)
{
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, draft("latest", 5))), 0);
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, draft("latest", 4))), 302);
    struct draft *d = draft("latest", 5);
    d->body_size++;
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 302);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_PUTS_REFUSED_SEQ), 2);
    struct krpc put = holder_xput(holder, draft("latest", 6));
    put.has_cas = true;
    put.cas = 4;
    ck_assert_int_eq(holder_ask(holder, put), 301);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_PUTS_REFUSED_CAS), 1);
    put.cas = 5;
    ck_assert_int_eq(holder_ask(holder, put), 0);
    /* Other places of the same multi, and the same place of another, are free. */
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, draft("other", 1))), 0);
    d = draft("latest", 1);
    d->signer = 2;
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 0);
    d = draft("latest", 1);
    d->target = other_target;
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 0);
}
END_TEST

START_TEST(a_signature_that_binds_anything_else_is_206)
{
    struct draft *d = draft("latest", 1);
    struct krpc put = holder_xput(holder, d);
    put.slot = bytes_of_string("lates");
    ck_assert_int_eq(holder_ask(holder, put), 206);
    put = holder_xput(holder, d);
    put.seq++;
    ck_assert_int_eq(holder_ask(holder, put), 206);
    put = holder_xput(holder, d);
    put.target = other_target;
    put.token = holder_token(holder, &other_target);
    ck_assert_int_eq(holder_ask(holder, put), 206);
    put = holder_xput(holder, d);
    d->sig[3] ^= 1;
    ck_assert_int_eq(holder_ask(holder, put), 206);
    struct draft other = *d;
    other.signer = 2;
    draft_sign(&other);
    put = holder_xput(holder, d);
    put.k = bytes_of(other.k, sizeof other.k);
    ck_assert_int_eq(holder_ask(holder, put), 206);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_PUTS_REFUSED_SIGNATURE), 5);
    ck_assert_uint_eq(holder_count(holder, &target), 0);
}
END_TEST

START_TEST(an_entry_that_lacks_a_part_is_203)
{
    struct draft *d = draft("latest", 1);
    for (unsigned part = 0; part < 10; part++) {
        struct krpc put = holder_xput(holder, d);
        put.k = part == 0 ? (struct bytes){0} : put.k;
        put.sig = part == 1 ? (struct bytes){0} : put.sig;
        put.slot = part == 2 ? (struct bytes){0} : put.slot;
        put.slot = part == 3 ? bytes_of_string("") : put.slot;
        put.v = part == 4 ? (struct bytes){0} : put.v;
        put.has_seq = part != 5;
        put.has_target = part != 6;
        put.k.size -= part == 7;
        put.sig.size -= part == 8;
        put.seq = part == 9 ? -1 : put.seq;
        ck_assert_int_eq(holder_ask(holder, put), 203);
        ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_REFUSED_MALFORMED), part + 1);
    }
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 0);
}
END_TEST

START_TEST(what_is_no_envelope_with_a_possible_time_is_203)
{
    static const char *const values[] = {"5:hello", "d1:j1:1e", "i5e", "de", "0:"};
    struct draft *d = draft("latest", 1);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct krpc put = holder_xput(holder, d);
        put.v = bytes_of_string(values[i]);
        ck_assert_int_eq(holder_ask(holder, put), 203);
    }
    ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_REFUSED_MALFORMED), 5);
    d->time_unix_s = holder->now.unix_s + 700;
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 203);
    d->time_unix_s = holder->now.unix_s - RECORD_TTL_S_DEFAULT - 1;
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 203);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_PUTS_REFUSED_TIME), 2);
}
END_TEST

START_TEST(sizes_over_the_limit_are_205_and_207)
{
    ck_assert_int_eq(
        holder_ask(holder, holder_xput(holder, draft("123456789012345678901234567890123", 1))),
        207);
    struct draft *d = draft("s", 1);
    struct krpc put = holder_xput(holder, d);
    draft_sign_size(d, RECORD_V_MAX + 1);
    put.v = d->record.v;
    ck_assert_int_eq(holder_ask(holder, put), 205);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_PUTS_REFUSED_SIZE), 2);
    d = draft(DRAFT_SLOT_LONGEST, INT64_MAX);
    draft_sign_size(d, RECORD_V_MAX);
    ck_assert_int_eq(holder_ask(holder, holder_xput(holder, d)), 0);
}
END_TEST

START_TEST(a_put_needs_the_token_of_its_target)
{
    struct krpc put = holder_xput(holder, draft("latest", 1));
    const struct bytes tokens[] = {
        {0}, bytes_of_string(""), bytes_of_string("12345678"), holder_token(holder, &other_target)};
    for (size_t i = 0; i < 4; i++) {
        put.token = tokens[i];
        ck_assert_int_eq(holder_ask(holder, put), 203);
        ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_REFUSED_TOKEN), i + 1);
    }
    put.token = holder_token(holder, &target);
    holder->from.port++;
    ck_assert_int_eq(holder_ask(holder, put), 203);
    holder->from.port--;
    ck_assert_int_eq(holder_ask(holder, put), 0);
}
END_TEST

START_TEST(a_client_takes_nothing)
{
    struct krpc put = holder_xput(holder, draft("latest", 1));
    node_set_role(holder->node, NODE_CLIENT);
    ck_assert_int_eq(holder_ask(holder, put), -1);
    ck_assert_uint_eq(holder->writes, 0);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_IGNORED_AS_CLIENT), 1);
}
END_TEST

void add_tests(TCase *tests)
{
    holder = holder_fixture(tests);
    tcase_add_test(tests, an_entry_is_stored_once_and_told_again);
    tcase_add_test(tests, a_deletion_takes_the_place_and_is_told_like_an_entry);
    tcase_add_test(tests, seq_and_cas_are_those_of_the_place);
    tcase_add_test(tests, a_signature_that_binds_anything_else_is_206);
    tcase_add_test(tests, an_entry_that_lacks_a_part_is_203);
    tcase_add_test(tests, what_is_no_envelope_with_a_possible_time_is_203);
    tcase_add_test(tests, sizes_over_the_limit_are_205_and_207);
    tcase_add_test(tests, a_put_needs_the_token_of_its_target);
    tcase_add_test(tests, a_client_takes_nothing);
}
