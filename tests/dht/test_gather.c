/* What a gather asks whom: every holder is listed to its end, each entry is fetched once, and
 * holders that lie, stall or fall silent cost what is theirs alone. */
#include "daemon/dht/lookup/gather.h"

#include <check.h>

#include "tests/runner.h"

#define ENTRY_MAX 64u

static struct gather gather;
static struct claims_pool pool;
static uint8_t public_key[KEYS_PUBLIC_SIZE] = {3}, sig[KEYS_SIGNATURE_SIZE] = {4};
static uint8_t memory[2 * KRPC_PACKET_MAX];
static struct wire_writer writer;

static void set_up(void)
{
    gather_init(&gather, (const uint8_t[HASH_KEY_SIZE]){9}, &pool);
}

static void tear_down(void)
{
    gather_clear(&gather);
    ck_assert_uint_eq(pool.bytes, 0);
}

static struct contact holder(uint8_t number)
{
    struct contact contact = {.id.b = {number}, .addr = {.family = ADDR_V4, .port = number}};
    return contact;
}

static void add_holder(uint8_t number)
{
    const struct contact contact = holder(number);
    gather_add_holder(&gather, &contact, bytes_of_string("token"));
}

/* The entry in place `number`; only the gather's own checks see it, so it needs no signature. */
static struct record entry(uint32_t number, int64_t seq)
{
    static uint32_t slots[ENTRY_MAX];
    slots[number] = number;
    return (struct record){.kind = RECORD_MULTI,
                           .k = public_key,
                           .sig = sig,
                           .salt = bytes_of(&slots[number], sizeof slots[number]),
                           .seq = seq,
                           .v = bytes_of_string("d1:j1:01:ti1700000000ee")};
}

static struct id key_of(uint32_t number)
{
    const struct record r = entry(number, 1);
    struct id key;
    record_key(&r, &key);
    return key;
}

static struct gather_ask expect_ask(void)
{
    struct gather_ask ask;
    ck_assert(gather_next(&gather, &ask));
    ck_assert(bytes_is_string(ask.token, "token"));
    return ask;
}

static void expect_nothing_to_ask(void)
{
    struct gather_ask ask;
    ck_assert(!gather_next(&gather, &ask));
}

/* A page of the entries first to last, with this seq, to go on after `next_time` (0: the end). */
static void list(uint32_t tag, uint32_t first, uint32_t last, int64_t seq, uint64_t next_time)
{
    struct krpc reply = {0};
    uint8_t position[MULTI_POSITION_SIZE];
    struct wire_writer next;
    wire_writer_init(&writer, memory, sizeof memory);
    for (uint32_t i = first; i <= last; i++)
        multi_write_brief(&writer,
                          &(struct multi_brief){.key = key_of(i), .seq = seq, .size = 200});
    reply.briefs = wire_written(&writer);
    wire_writer_init(&next, position, sizeof position);
    multi_write_position(&next, &(struct store_position){.time_unix_s = next_time});
    if (next_time > 0)
        reply.next = wire_written(&next);
    gather_listed(&gather, tag, &reply);
}

static void fetched(uint32_t tag, size_t taken)
{
    gather_fetched(&gather, tag, &(struct krpc){.entries = bytes_of_string("le")}, taken);
}

/* The reply brings all that was asked for. */
static void bring(const struct gather_ask *ask, uint32_t known, int64_t seq)
{
    size_t taken = 0;
    for (size_t k = 0; k < ask->key_count; k++) {
        for (uint32_t i = 0; i < known; i++) {
            const struct id key = key_of(i);
            const struct record r = entry(i, seq);
            if (id_equal(&key, &ask->keys[k]) && claims_take(&gather.claims, &r))
                taken++;
        }
    }
    fetched(ask->tag, taken);
}

START_TEST(nobody_holds_anything)
{
    ck_assert(gather_is_done(&gather));
    ck_assert(gather_is_whole(&gather));
    expect_nothing_to_ask();
}
END_TEST

START_TEST(pages_follow_each_other_to_the_end)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    ck_assert(!ask.is_fetch && !ask.has_position);
    expect_nothing_to_ask();
    list(ask.tag, 0, 0, 1, 900);
    ask = expect_ask();
    ck_assert(!ask.is_fetch && ask.has_position);
    ck_assert_uint_eq(ask.position.time_unix_s, 900);
    list(ask.tag, 1, 1, 1, 0);
    ask = expect_ask();
    ck_assert(ask.is_fetch);
    ck_assert_uint_eq(ask.key_count, 2);
    ck_assert(!gather_is_done(&gather) && gather_is_waiting(&gather));
    bring(&ask, 2, 1);
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
    ck_assert_uint_eq(gather.claims.live, 2);
}
END_TEST

START_TEST(each_entry_is_fetched_once)
{
    uint32_t asked[ENTRY_MAX] = {0};
    struct gather_ask asks[GATHER_FETCHES_MAX];
    size_t count = 0;
    for (uint8_t i = 1; i <= 8; i++) {
        add_holder(i);
        const struct gather_ask ask = expect_ask();
        list(ask.tag, 0, 27, 1, 0);
    }
    while (gather_next(&gather, &asks[count]))
        count++;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < asks[i].key_count; k++)
            for (uint32_t e = 0; e < 28; e++)
                asked[e] += memcmp(key_of(e).b, asks[i].keys[k].b, ID_SIZE) == 0;
        bring(&asks[i], 28, 1);
    }
    for (uint32_t e = 0; e < 28; e++)
        ck_assert_uint_eq(asked[e], 1);
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
}
END_TEST

START_TEST(positions_that_do_not_go_on)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    list(ask.tag, 0, 0, 1, 900);
    ask = expect_ask();
    list(ask.tag, 1, 1, 1, 900);
    ck_assert(gather_is_done(&gather));
    expect_nothing_to_ask();
    add_holder(2);
    ask = expect_ask();
    list(ask.tag, 0, 0, 1, 900);
    ask = expect_ask();
    list(ask.tag, 1, 1, 1, 901); /* newer than before: backwards */
    ck_assert(gather_is_done(&gather));
}
END_TEST

START_TEST(endless_pages)
{
    uint32_t pages = 0;
    struct gather_ask ask;
    add_holder(1);
    while (gather_next(&gather, &ask)) {
        if (ask.is_fetch) {
            fetched(ask.tag, 1);
        } else {
            pages++;
            list(ask.tag, 0, 27, pages, 1000000 - pages);
        }
        ck_assert_uint_le(pages, MULTI_ENTRIES_MAX / 28 + 1);
    }
    ck_assert(gather.holders[0].is_dropped);
    ck_assert(gather_is_done(&gather));
}
END_TEST

START_TEST(what_one_denies_another_brings)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    list(ask.tag, 5, 5, 7, 0);
    add_holder(2);
    ask = expect_ask();
    list(ask.tag, 5, 5, 7, 0);
    ask = expect_ask();
    fetched(ask.tag, 0);
    const struct gather_ask again = expect_ask();
    ck_assert(!id_equal(&again.to.id, &ask.to.id));
    bring(&again, 6, 7);
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
    ck_assert_uint_eq(gather.claims.live, 1);
}
END_TEST

/* A claim of the highest seq hides no true entry. */
START_TEST(a_lie_hides_nothing)
{
    struct gather_ask ask;
    add_holder(1);
    ask = expect_ask();
    list(ask.tag, 3, 3, INT64_MAX, 0);
    add_holder(2);
    ask = expect_ask();
    list(ask.tag, 3, 3, 4, 0);
    while (gather_next(&gather, &ask)) {
        if (ask.to.id.b[0] == 1)
            fetched(ask.tag, 0);
        else
            bring(&ask, 4, 4);
    }
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
    ck_assert_uint_eq(gather.claims.live, 1);
    ck_assert_int_eq(gather.claims.places[0].entry.seq, 4);
}
END_TEST

START_TEST(who_denies_too_often_is_dropped)
{
    struct gather_ask ask;
    uint32_t denied = 0;
    add_holder(1);
    ask = expect_ask();
    list(ask.tag, 0, 27, 1, 900);
    ask = expect_ask();
    list(ask.tag, 28, 55, 1, 0);
    while (gather_next(&gather, &ask)) {
        ck_assert(ask.is_fetch);
        fetched(ask.tag, 0);
        denied++;
    }
    ck_assert_uint_eq(denied, GATHER_DENIALS_MAX);
    ck_assert(gather_is_done(&gather));
}
END_TEST

START_TEST(silence_leaves_it_open_and_then_missing)
{
    struct gather_ask ask;
    uint32_t silences = 0;
    add_holder(1);
    ask = expect_ask();
    list(ask.tag, 0, 0, 1, 0);
    while (gather_next(&gather, &ask)) {
        const struct id id = ask.to.id;
        gather_late(&gather, ask.tag);
        gather_heard(&gather, &id); /* about something else */
        ck_assert_uint_le(++silences, CLAIMS_SILENCES);
    }
    ck_assert_uint_eq(silences, CLAIMS_SILENCES);
    ck_assert(gather_is_done(&gather));
    ck_assert(!gather_is_whole(&gather));
}
END_TEST

START_TEST(a_page_that_never_comes)
{
    struct gather_ask ask;
    uint32_t asked = 0;
    add_holder(1);
    while (gather_next(&gather, &ask)) {
        gather_late(&gather, ask.tag);
        asked++;
    }
    ck_assert_uint_eq(asked, GATHER_SILENCES_MAX / 2);
    ck_assert(gather_is_done(&gather) && !gather_is_whole(&gather));
    const struct id id = holder(1).id;
    gather_heard(&gather, &id);
    ck_assert(gather_next(&gather, &ask));
}
END_TEST

START_TEST(a_token_refused_is_renewed_but_not_for_ever)
{
    struct gather_ask ask;
    uint32_t asked = 0;
    struct krpc reply = {.token = bytes_of_string("token")};
    add_holder(1);
    while (gather_next(&gather, &ask)) {
        gather_listed(&gather, ask.tag, &reply);
        asked++;
    }
    ck_assert_uint_eq(asked, GATHER_REFUSALS_MAX);
    ck_assert(gather_is_done(&gather));
}
END_TEST

START_TEST(a_token_refused_is_no_denial)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    list(ask.tag, 0, 1, 1, 0);
    ask = expect_ask();
    gather_fetched(&gather, ask.tag, &(struct krpc){.token = bytes_of_string("token")}, 0);
    ask = expect_ask();
    ck_assert_uint_eq(ask.key_count, 2);
    bring(&ask, 2, 1);
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
}
END_TEST

START_TEST(only_so_many_at_once)
{
    struct gather_ask ask;
    uint32_t fetches = 0, of_first = 0;
    for (uint8_t i = 1; i <= 16; i++) {
        add_holder(i);
        ask = expect_ask();
        list(ask.tag, 0, 27, 1, i == 1 ? 900 : 0);
    }
    while (gather_next(&gather, &ask)) {
        fetches += ask.is_fetch;
        of_first += ask.is_fetch && ask.to.id.b[0] == 1;
    }
    ck_assert_uint_le(fetches, GATHER_FETCHES_MAX);
    ck_assert_uint_le(of_first, GATHER_HOLDER_FETCHES);
    ck_assert_uint_gt(fetches, 1);
}
END_TEST

START_TEST(late_answers_count_and_old_ones_do_not)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    gather_late(&gather, ask.tag);
    const struct gather_ask again = expect_ask();
    list(ask.tag, 0, 0, 1, 900);
    ck_assert_uint_eq(gather.claims.place_count, 1);
    ask = expect_ask();
    ck_assert(ask.has_position);
    list(again.tag, 2, 2, 1, 0); /* the first page once more */
    ck_assert(!gather.holders[0].is_listed);
    list(ask.tag, 1, 1, 1, 0);
    ck_assert(gather.holders[0].is_listed);
    list(ask.tag, 3, 3, 1, 0);
    ck_assert_uint_eq(gather.claims.place_count, 2);
    fetched(0xffffffff, 1);
    gather_late(&gather, 0x7fffffff);
}
END_TEST

/* Its answers have room for the first two: the late one has brought them, the next brings them once
 * more. */
START_TEST(what_was_asked_for_twice_is_no_denial_of_the_rest)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    list(ask.tag, 0, 2, 1, 0);
    const struct gather_ask first = expect_ask();
    ck_assert_uint_eq(first.key_count, 3);
    gather_late(&gather, first.tag);
    const struct gather_ask again = expect_ask();
    ck_assert_uint_eq(again.key_count, 3);
    for (uint32_t i = 0; i < 2; i++) {
        const struct record r = entry(i, 1);
        ck_assert(claims_take(&gather.claims, &r));
    }
    fetched(first.tag, 2);
    fetched(again.tag, 0);
    ck_assert(!gather_is_done(&gather));
    ask = expect_ask();
    ck_assert_uint_eq(ask.key_count, 1);
    fetched(ask.tag, 0);
    ck_assert(gather_is_done(&gather));
}
END_TEST

/* Pages of places that nobody has, until the holder is asked for no more. */
static uint32_t lie(uint8_t number)
{
    struct gather_ask ask;
    uint32_t said = 0;
    add_holder(number);
    while (gather_next(&gather, &ask) && !ask.is_fetch) {
        struct krpc reply = {0};
        uint8_t position[MULTI_POSITION_SIZE];
        struct wire_writer next;
        wire_writer_init(&writer, memory, sizeof memory);
        for (size_t i = 0; i < MULTI_BRIEFS_MAX; i++, said++)
            multi_write_brief(&writer,
                              &(struct multi_brief){
                                  .key.b = {0xff, number, (uint8_t)(said >> 8), (uint8_t)said}});
        wire_writer_init(&next, position, sizeof position);
        multi_write_position(&next, &(struct store_position){.time_unix_s = 1000000 - said});
        reply.briefs = wire_written(&writer);
        reply.next = wire_written(&next);
        gather_listed(&gather, ask.tag, &reply);
    }
    return said;
}

START_TEST(the_lies_of_many_leave_room_for_one)
{
    for (uint8_t i = 1; i < GATHER_HOLDERS_MAX; i++)
        ck_assert_uint_ge(lie(i), CLAIMS_SHARE);
    ck_assert_uint_le(gather.claims.claim_count, CLAIMS_MAX);
    for (uint8_t i = 1; i < GATHER_HOLDERS_MAX; i++)
        gather.holders[i - 1].is_silent = true;
    ck_assert_uint_ge(lie(200), CLAIMS_SHARE);
    ck_assert(!gather.holders[GATHER_HOLDERS_MAX - 1].is_dropped);
    ck_assert_uint_ge(gather.claims.queues[GATHER_HOLDERS_MAX - 1].said, CLAIMS_SHARE);
    ck_assert(gather.has_overflown && !gather_is_whole(&gather));
    const struct gather_ask ask = expect_ask();
    ck_assert(ask.is_fetch);
    ck_assert_uint_eq(ask.to.id.b[0], 200);
}
END_TEST

/* Other gathers of the node have taken all there is. */
START_TEST(beyond_the_pool_each_has_a_share_and_no_more)
{
    pool.bytes = CLAIMS_POOL_BYTES;
    add_holder(1);
    struct gather_ask ask = expect_ask();
    list(ask.tag, 0, 20, 1, 0);
    while (gather_next(&gather, &ask))
        bring(&ask, 21, 1);
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
    ck_assert_uint_eq(gather.claims.live, 21);
    lie(2);
    ck_assert(gather.has_overflown && !gather_is_whole(&gather));
    ck_assert_uint_le(gather.claims.bytes, CLAIMS_SHARE_BYTES);
    ck_assert_uint_eq(pool.bytes, CLAIMS_POOL_BYTES + gather.claims.bytes);
    pool.bytes -= CLAIMS_POOL_BYTES;
}
END_TEST

/* What is there and finds no room is missing, and nobody lied. */
START_TEST(an_entry_without_room_makes_it_incomplete)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    list(ask.tag, 0, 0, 1, 0);
    pool.bytes += CLAIMS_POOL_BYTES;
    gather.claims.bytes += CLAIMS_SHARE_BYTES;
    while (gather_next(&gather, &ask))
        bring(&ask, 1, 1);
    ck_assert_uint_eq(gather.claims.live, 0);
    ck_assert(gather_is_done(&gather) && !gather_is_whole(&gather));
    pool.bytes -= CLAIMS_POOL_BYTES;
    gather.claims.bytes -= CLAIMS_SHARE_BYTES;
}
END_TEST

START_TEST(of_a_place_each_holder_says_one_thing)
{
    add_holder(1);
    struct gather_ask ask = expect_ask();
    for (int64_t seq = 1; seq < 100; seq++) {
        list(ask.tag, 0, 0, seq, (uint64_t)(1000 - seq));
        do
            ask = expect_ask();
        while (ask.is_fetch);
    }
    ck_assert_uint_eq(gather.claims.claim_count, 1);
    add_holder(2);
    ask = expect_ask();
    list(ask.tag, 0, 0, 2, 0);
    ck_assert_uint_eq(gather.claims.claim_count, 2);
}
END_TEST

START_TEST(who_is_silent_waits_for_the_others)
{
    for (uint8_t i = 1; i <= 2; i++) {
        add_holder(i);
        const struct gather_ask page = expect_ask();
        list(page.tag, 0, 0, 1, 0);
    }
    const struct gather_ask ask = expect_ask();
    expect_nothing_to_ask();
    gather_late(&gather, ask.tag);
    const struct gather_ask again = expect_ask();
    ck_assert(!id_equal(&ask.to.id, &again.to.id));
    bring(&again, 1, 1);
    ck_assert(gather_is_done(&gather) && gather_is_whole(&gather));
}
END_TEST

START_TEST(only_what_was_claimed_and_is_better_is_wanted)
{
    add_holder(1);
    const struct gather_ask ask = expect_ask();
    list(ask.tag, 0, 0, 5, 0);
    struct record r = entry(1, 5);
    ck_assert(!claims_wants(&gather.claims, &r));
    r = entry(0, 4);
    ck_assert(claims_wants(&gather.claims, &r) && claims_take(&gather.claims, &r));
    ck_assert(!claims_wants(&gather.claims, &r) && !claims_take(&gather.claims, &r));
    ck_assert(claims_is_missing(&gather.claims));
    r = entry(0, 5);
    ck_assert(claims_wants(&gather.claims, &r) && claims_take(&gather.claims, &r));
    ck_assert(!claims_is_missing(&gather.claims));
    ck_assert_uint_eq(gather.claims.live, 1);
    r.seq = 6;
    r.v = bytes_of_string("d1:ti1700000000ee");
    ck_assert(claims_take(&gather.claims, &r));
    ck_assert_uint_eq(gather.claims.live, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nobody_holds_anything);
    tcase_add_test(tests, pages_follow_each_other_to_the_end);
    tcase_add_test(tests, each_entry_is_fetched_once);
    tcase_add_test(tests, positions_that_do_not_go_on);
    tcase_add_test(tests, endless_pages);
    tcase_add_test(tests, what_one_denies_another_brings);
    tcase_add_test(tests, a_lie_hides_nothing);
    tcase_add_test(tests, who_denies_too_often_is_dropped);
    tcase_add_test(tests, silence_leaves_it_open_and_then_missing);
    tcase_add_test(tests, a_page_that_never_comes);
    tcase_add_test(tests, a_token_refused_is_renewed_but_not_for_ever);
    tcase_add_test(tests, a_token_refused_is_no_denial);
    tcase_add_test(tests, only_so_many_at_once);
    tcase_add_test(tests, late_answers_count_and_old_ones_do_not);
    tcase_add_test(tests, what_was_asked_for_twice_is_no_denial_of_the_rest);
    tcase_add_test(tests, the_lies_of_many_leave_room_for_one);
    tcase_add_test(tests, beyond_the_pool_each_has_a_share_and_no_more);
    tcase_add_test(tests, an_entry_without_room_makes_it_incomplete);
    tcase_add_test(tests, of_a_place_each_holder_says_one_thing);
    tcase_add_test(tests, who_is_silent_waits_for_the_others);
    tcase_add_test(tests, only_what_was_claimed_and_is_better_is_wanted);
}
