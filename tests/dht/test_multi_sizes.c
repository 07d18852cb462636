/* Whatever is asked for of a multi, by whom and however long the parts are, the answer is a whole
 * packet within the sizes that the protocol names, and it carries what it must. */
#include <check.h>

#include "daemon/dht/records/multi.h"
#include "tests/dht/asker.h"
#include "tests/dht/draft.h"
#include "tests/runner.h"

#define ENTRIES   40u
#define QUESTIONS 3000u

static struct asker asker;
static const struct id target = {{1, 2, 3}};
static struct id keys[ENTRIES];
static size_t sizes[ENTRIES]; /* each entry's as an element of `entries` */

static uint32_t below(uint32_t bound)
{
    return rng_below(&asker.net.rng, bound);
}

/* Half of the entries are about as long as they can be, the others of any size. */
static void place_entries(void)
{
    static const char slots[] = "0123456789abcdefghijklmnopqrstuv";
    for (size_t i = 0; i < ENTRIES; i++) {
        struct multi_brief brief;
        int64_t seq = i % 3 == 0 ? INT64_MAX - (int64_t)i : (int64_t)i + 1;
        struct draft d =
            draft_of(&target, net_now(&asker.net).unix_s - i, slots + below(sizeof slots - 1), seq);
        d.signer = (uint8_t)(i + 1);
        draft_sign_size(&d, i % 2 == 0 ? RECORD_V_MAX - below(40) : 100 + below(800));
        net_place(&asker.net, 0, STORE_HELD, &d.record);
        multi_brief_of(&d.record, &brief);
        keys[i] = brief.key;
        sizes[i] = brief.size;
    }
}

static void setup(void)
{
    ck_assert_int_eq(keys_init(), ERR_OK);
    asker_init(&asker, 12, true);
    place_entries();
}

static void teardown(void)
{
    asker_clear(&asker);
}

/* How many entries there are; *size of the first. */
static size_t read_entries(const struct krpc *reply, size_t *size)
{
    struct bencode_reader r;
    struct record entry;
    struct multi_brief brief;
    size_t count = 0;
    bencode_reader_init(&r, reply->entries);
    bencode_read_list(&r);
    while (bencode_more(&r)) {
        ck_assert(multi_read_entry(&r, &target, &entry));
        multi_brief_of(&entry, &brief);
        *size = count++ == 0 ? brief.size : *size;
    }
    ck_assert(bencode_is_done(&r));
    return count;
}

static struct krpc any_question(uint8_t wanted[MULTI_KEYS_MAX * ID_SIZE], size_t *first)
{
    static const uint8_t t[KRPC_T_MAX];
    struct krpc query = {
        .method = KRPC_XGET, .has_target = true, .target = target, .want_v4 = below(2)};
    size_t count = below(4) == 0 ? 1 : 1 + below(MULTI_KEYS_MAX);
    *first = below(ENTRIES);
    for (size_t i = 0; i < count; i++)
        memcpy(wanted + i * ID_SIZE, keys[i ? below(ENTRIES) : *first].b, ID_SIZE);
    query.t = bytes_of(t, 1 + below(KRPC_T_MAX));
    query.want_v6 = below(2);
    query.has_seq = below(2);
    query.keys = bytes_of(wanted, count * ID_SIZE);
    return query;
}

START_TEST(entries_within_the_sizes_of_a_packet)
{
    uint8_t wanted[MULTI_KEYS_MAX * ID_SIZE];
    for (unsigned i = 0; i < QUESTIONS; i++) {
        size_t first, size = 0;
        asker.from = below(2) ? addr_v4((const uint8_t[4]){10, 9, 9, 9}, 7000)
                              : addr_v6((const uint8_t[16]){0xfd, [15] = 9}, 7000);
        struct krpc query = any_question(wanted, &first);
        query.token = asker_token(&asker, &target);
        const struct krpc *reply = asker_ask(&asker, query);
        ck_assert_ptr_nonnull(reply);
        ck_assert_uint_le(asker.size, KRPC_PACKET_MAX);
        size_t count = read_entries(reply, &size);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_eq(size, sizes[first]);
        ck_assert(count == 1 || asker.size <= KRPC_PACKET_SOFT_MAX);
        ck_assert_ptr_nonnull(reply->token.data);
    }
}
END_TEST

START_TEST(pages_and_refusals_within_the_soft_size)
{
    uint8_t wanted[MULTI_KEYS_MAX * ID_SIZE];
    for (unsigned i = 0; i < QUESTIONS; i++) {
        size_t first;
        asker.from = below(2) ? addr_v4((const uint8_t[4]){10, 9, 9, 9}, 7000)
                              : addr_v6((const uint8_t[16]){0xfd, [15] = 9}, 7000);
        struct krpc query = any_question(wanted, &first);
        bool has_token = below(2);
        if (has_token)
            query.token = asker_token(&asker, &target);
        query.after = bytes_of(query.keys.data, below(2) ? MULTI_POSITION_SIZE : 0);
        query.keys = (struct bytes){0};
        const struct krpc *reply = asker_ask(&asker, query);
        ck_assert_ptr_nonnull(reply);
        ck_assert_uint_le(asker.size, KRPC_PACKET_SOFT_MAX);
        ck_assert_int_eq(reply->briefs.data != NULL, has_token);
        ck_assert_int_eq(reply->nodes.size + reply->nodes6.size > 0, !has_token);
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, entries_within_the_sizes_of_a_packet);
    tcase_add_test(tests, pages_and_refusals_within_the_soft_size);
}
