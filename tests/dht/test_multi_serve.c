/* A holder must say of a multi what it has: how many entries to anybody, which ones and what is in
 * them to whoever has a token, all within the sizes of a packet. */
#include <check.h>
#include <stdio.h>

#include "tests/dht/holder.h"
#include "tests/runner.h"

static struct holder *holder;
static const struct id target = {{1, 2, 3}}, other_target = {{4, 5, 6}};

static struct draft *draft(const char *slot, int64_t seq)
{
    return holder_draft(holder, &target, slot, seq);
}

static void hold(struct draft *d)
{
    draft_sign(d);
    holder_hold(holder, &d->record);
}

/* Entries of three signers, several a second, of many sizes. */
static void hold_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char slot[16];
        snprintf(slot, sizeof slot, "%u", i);
        struct draft *d = draft(slot, i + 1);
        d->signer = (uint8_t)(1 + i % 3);
        d->time_unix_s = holder->now.unix_s - 1000 + i / 7;
        d->body_size = 1 + (i * 97) % 900;
        hold(d);
    }
}

static struct krpc xget(void)
{
    return (struct krpc){.method = KRPC_XGET, .has_target = true, .target = target};
}

/* How many entries the last answer has; the last of them. All must be good. */
static size_t read_entries(struct record *last)
{
    struct bencode_reader r;
    size_t count = 0;
    ck_assert_ptr_nonnull(holder->reply.entries.data);
    bencode_reader_init(&r, holder->reply.entries);
    bencode_read_list(&r);
    while (bencode_more(&r)) {
        ck_assert(multi_read_entry(&r, &target, last));
        ck_assert(record_verify(last));
        count++;
    }
    ck_assert(bencode_is_done(&r));
    return count;
}

START_TEST(anybody_is_told_how_many_there_are)
{
    ck_assert_int_eq(holder_ask(holder, xget()), 0);
    ck_assert(holder->reply.has_count);
    ck_assert_int_eq(holder->reply.count, 0);
    ck_assert_ptr_null(holder->reply.digest.data);
    ck_assert_ptr_nonnull(holder->reply.token.data);
    ck_assert_ptr_nonnull(holder->reply.nodes.data);
    hold_many(3);
    uint64_t digest = 0;
    for (size_t i = 0; i < 3; i++) {
        const struct record held = holder_entry(holder, &target, i);
        digest ^= multi_digest(&held);
    }
    ck_assert_int_eq(holder_ask(holder, xget()), 0);
    ck_assert_int_eq(holder->reply.count, 3);
    ck_assert_uint_eq(holder->reply.digest.size, MULTI_DIGEST_SIZE);
    struct wire_reader r;
    wire_reader_init(&r, holder->reply.digest);
    ck_assert_uint_eq(wire_read_u64(&r), digest);
    ck_assert_ptr_null(holder->reply.entries.data);
    ck_assert_ptr_null(holder->reply.briefs.data);
    struct krpc query = xget();
    query.target = other_target;
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_int_eq(holder->reply.count, 0);
}
END_TEST

START_TEST(one_entry_is_told_without_a_token_as_an_item_is)
{
    struct record entry;
    struct draft *d = draft("latest", 5);
    hold(d);
    struct id key = draft_key(d);
    struct krpc query = xget();
    query.keys = id_bytes(&key);
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_uint_eq(read_entries(&entry), 1);
    ck_assert(record_equal(&entry, &d->record));
    ck_assert_int_eq(holder->reply.seq, 5);
    query.has_seq = true;
    query.seq = 4;
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_uint_eq(read_entries(&entry), 1);
    query.seq = 5;
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_uint_eq(read_entries(&entry), 0);
    ck_assert(holder->reply.has_seq);
    ck_assert_int_eq(holder->reply.seq, 5);
    key.b[0] ^= 1;
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_uint_eq(read_entries(&entry), 0);
    ck_assert(!holder->reply.has_seq);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_CUT_SHORT), 0);
}
END_TEST

START_TEST(more_than_one_is_told_only_with_a_token)
{
    uint8_t keys[4 * ID_SIZE];
    struct record entry;
    for (uint8_t i = 0; i < 4; i++) {
        struct draft *d = draft("s", 1);
        d->signer = (uint8_t)(i + 1);
        d->target = i == 3 ? other_target : target;
        hold(d);
        const struct id key = draft_key(d);
        memcpy(keys + i * ID_SIZE, key.b, ID_SIZE);
    }
    keys[ID_SIZE] ^= 1; /* the second is not there */
    struct krpc query = xget();
    query.keys = bytes_of(keys, sizeof keys);
    const struct bytes tokens[] = {
        {0}, bytes_of_string(""), bytes_of_string("12345678"), holder_token(holder, &other_target)};
    for (size_t i = 0; i < 4; i++) {
        query.token = tokens[i];
        ck_assert_int_eq(holder_ask(holder, query), 0);
        ck_assert_ptr_null(holder->reply.entries.data);
        ck_assert_int_eq(holder->reply.count, 3);
        ck_assert_ptr_nonnull(holder->reply.nodes.data);
        ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_CUT_SHORT), i + 1);
    }
    query.token = holder_token(holder, &target);
    ck_assert_int_eq(holder_ask(holder, query), 0);
    /* Nor is the last: it is another multi's. */
    ck_assert_uint_eq(read_entries(&entry), 2);
    ck_assert(!holder->reply.has_seq);
    query.keys = bytes_of(keys + 3 * ID_SIZE, ID_SIZE);
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_uint_eq(read_entries(&entry), 0);
}
END_TEST

/* Walks all pages; how many there were. Each entry must be listed once, in order. */
static unsigned walk_pages(void)
{
    uint8_t after[MULTI_POSITION_SIZE];
    struct krpc query = xget();
    size_t listed = 0;
    unsigned pages = 0;
    query.token = holder_token(holder, &target);
    query.after = bytes_of(after, 0);
    do {
        struct multi_brief brief, wanted;
        ck_assert_int_eq(holder_ask(holder, query), 0);
        ck_assert_uint_le(holder->packet_size, KRPC_PACKET_SOFT_MAX);
        ck_assert_ptr_null(holder->reply.nodes.data);
        for (size_t i = 0; multi_read_brief(holder->reply.briefs, i, &brief); i++, listed++) {
            const struct record held = holder_entry(holder, &target, listed);
            multi_brief_of(&held, &wanted);
            ck_assert(id_equal(&brief.key, &wanted.key));
            ck_assert_int_eq(brief.seq, wanted.seq);
            ck_assert_uint_eq(brief.size, wanted.size);
        }
        query.after = bytes_of(after, holder->reply.next.size);
        if (holder->reply.next.data != NULL)
            memcpy(after, holder->reply.next.data, holder->reply.next.size);
        pages++;
    } while (holder->reply.next.data != NULL);
    ck_assert_uint_eq(listed, holder_count(holder, &target));
    return pages;
}

START_TEST(pages_list_all_there_is_newest_first)
{
    ck_assert_uint_eq(walk_pages(), 1);
    hold_many(MULTI_BRIEFS_MAX);
    ck_assert_uint_eq(walk_pages(), 1);
    hold_many(MULTI_BRIEFS_MAX + 1);
    ck_assert_uint_eq(walk_pages(), 2);
    hold_many(4 * MULTI_BRIEFS_MAX);
    ck_assert_uint_eq(walk_pages(), 4);
    holder_ask_at_length(holder);
    ck_assert_uint_eq(walk_pages(), 5);
}
END_TEST

START_TEST(pages_need_a_token_and_any_position_is_one)
{
    uint8_t position[MULTI_POSITION_SIZE];
    struct multi_brief brief;
    hold_many(3);
    struct krpc query = xget();
    query.after = bytes_of_string("");
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_ptr_null(holder->reply.briefs.data);
    ck_assert_int_eq(holder->reply.count, 3);
    ck_assert_ptr_nonnull(holder->reply.nodes.data);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_CUT_SHORT), 1);
    query.token = holder_token(holder, &target);
    query.after = bytes_of(position, sizeof position);
    memset(position, 0xff, sizeof position);
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert(multi_read_brief(holder->reply.briefs, 2, &brief));
    memset(position, 0, sizeof position);
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_ptr_nonnull(holder->reply.briefs.data);
    ck_assert_uint_eq(holder->reply.briefs.size, 0);
    ck_assert_ptr_null(holder->reply.next.data);
}
END_TEST

START_TEST(questions_of_a_wrong_form_are_203)
{
    static const size_t keys_sizes[] = {0, 1, 19, 21, 17 * ID_SIZE}, after_sizes[] = {1, 27, 29};
    uint8_t zeros[17 * ID_SIZE] = {0};
    uint64_t refused = 0;
    for (size_t i = 0; i < sizeof keys_sizes / sizeof keys_sizes[0]; i++) {
        struct krpc query = xget();
        query.keys = bytes_of(zeros, keys_sizes[i]);
        ck_assert_int_eq(holder_ask(holder, query), 203);
        ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_REFUSED_MALFORMED), ++refused);
    }
    for (size_t i = 0; i < sizeof after_sizes / sizeof after_sizes[0]; i++) {
        struct krpc query = xget();
        query.after = bytes_of(zeros, after_sizes[i]);
        ck_assert_int_eq(holder_ask(holder, query), 203);
        ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_REFUSED_MALFORMED), ++refused);
    }
    struct krpc query = xget();
    query.keys = bytes_of(zeros, ID_SIZE);
    query.after = bytes_of_string("");
    ck_assert_int_eq(holder_ask(holder, query), 203);
    query = xget();
    query.has_target = false;
    ck_assert_int_eq(holder_ask(holder, query), 203);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_REFUSED_MALFORMED), refused + 2);
}
END_TEST

START_TEST(the_longest_entry_fits_however_it_is_asked_for)
{
    holder_ask_at_length(holder);
    for (size_t size = 800; size <= RECORD_V_MAX; size += size < 980 ? 30 : 1) {
        struct record entry;
        struct draft *d = draft(DRAFT_SLOT_LONGEST, INT64_MAX - RECORD_V_MAX + (int64_t)size);
        draft_sign_size(d, size);
        hold(d);
        const struct id key = draft_key(d);
        struct krpc query = xget();
        query.keys = id_bytes(&key);
        query.token = holder_token(holder, &target);
        query.want_v4 = query.want_v6 = true;
        ck_assert_int_eq(holder_ask(holder, query), 0);
        ck_assert_uint_eq(read_entries(&entry), 1);
        ck_assert(record_equal(&entry, &d->record));
        ck_assert_int_eq(holder->reply.seq, d->seq);
        ck_assert_ptr_nonnull(holder->reply.token.data);
    }
}
END_TEST

START_TEST(as_many_entries_as_fit_and_always_the_first)
{
    uint8_t keys[MULTI_KEYS_MAX * ID_SIZE];
    hold_many(100);
    struct krpc query = xget();
    query.token = holder_token(holder, &target);
    query.keys = bytes_of(keys, sizeof keys);
    for (size_t first = 0; first + MULTI_KEYS_MAX <= 100; first++) {
        struct record entry;
        for (size_t i = 0; i < MULTI_KEYS_MAX; i++) {
            struct id key;
            const struct record held = holder_entry(holder, &target, first + i);
            record_key(&held, &key);
            memcpy(keys + i * ID_SIZE, key.b, ID_SIZE);
        }
        ck_assert_int_eq(holder_ask(holder, query), 0);
        size_t count = read_entries(&entry);
        ck_assert_uint_ge(count, 1);
        ck_assert(count == 1 || holder->packet_size <= KRPC_PACKET_SOFT_MAX);
        struct bencode_reader r;
        bencode_reader_init(&r, holder->reply.entries);
        bencode_read_list(&r);
        ck_assert(multi_read_entry(&r, &target, &entry));
        const struct record held = holder_entry(holder, &target, first);
        ck_assert(record_equal(&entry, &held));
    }
}
END_TEST

START_TEST(small_entries_come_together)
{
    uint8_t keys[4 * ID_SIZE];
    struct krpc query = xget();
    for (char slot[2] = "a"; slot[0] < 'e'; slot[0]++) {
        struct draft *d = draft(slot, 1);
        hold(d);
        const struct id key = draft_key(d);
        memcpy(keys + (slot[0] - 'a') * ID_SIZE, key.b, ID_SIZE);
    }
    struct record entry;
    query.token = holder_token(holder, &target);
    query.keys = bytes_of(keys, sizeof keys);
    ck_assert_int_eq(holder_ask(holder, query), 0);
    ck_assert_uint_eq(read_entries(&entry), 4);
}
END_TEST

START_TEST(a_client_answers_nothing)
{
    node_set_role(holder->node, NODE_CLIENT);
    ck_assert_int_eq(holder_ask(holder, xget()), -1);
    ck_assert_uint_eq(holder_counter(holder, COUNTER_QUERIES_IGNORED_AS_CLIENT), 1);
}
END_TEST

void add_tests(TCase *tests)
{
    holder = holder_fixture(tests);
    tcase_add_test(tests, anybody_is_told_how_many_there_are);
    tcase_add_test(tests, one_entry_is_told_without_a_token_as_an_item_is);
    tcase_add_test(tests, more_than_one_is_told_only_with_a_token);
    tcase_add_test(tests, pages_list_all_there_is_newest_first);
    tcase_add_test(tests, pages_need_a_token_and_any_position_is_one);
    tcase_add_test(tests, questions_of_a_wrong_form_are_203);
    tcase_add_test(tests, the_longest_entry_fits_however_it_is_asked_for);
    tcase_add_test(tests, as_many_entries_as_fit_and_always_the_first);
    tcase_add_test(tests, small_entries_come_together);
    tcase_add_test(tests, a_client_answers_nothing);
}
