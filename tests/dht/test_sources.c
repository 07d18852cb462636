/* All leases of a peer are renewed in each round, in as few packets as there can be and never too
 * many a second; what is given up is told soon; nothing is left when all has ended. */
#include "daemon/dht/listen/sources.h"
#include "tests/runner.h"

#define LEASES_MAX 3000u

static struct sources sources;
static struct rng rng;
static struct now now = {.ms = 1000};
static struct source *all[LEASES_MAX];
static uint8_t subs_memory[SOURCES_BATCH * SOURCES_RENEWAL_SIZE];
static uint8_t gone_memory[SOURCES_GONE_BATCH * SOURCES_SUB_SIZE];
static struct wire_writer subs, gone;
static unsigned renewed; /* written */

static struct contact contact_of(uint8_t number)
{
    return (struct contact){.id = {.b = {number}},
                            .addr = addr_v4((const uint8_t[4]){10, 0, 0, number}, 4000)};
}

static struct source *lease(uint8_t peer)
{
    const struct contact contact = contact_of(peer);
    struct source *source = source_new(&sources, NULL, &contact, bytes_of("token", 5), now);
    ck_assert_ptr_nonnull(source);
    ck_assert(source_leased(&sources, source, now, &rng));
    return source;
}

static struct source_peer *peer_of(uint8_t number)
{
    const struct contact contact = contact_of(number);
    return sources_peer(&sources, &contact.addr);
}

static void write_one(struct wire_writer *w, const struct source *source)
{
    (void)source;
    renewed++;
    wire_write_u64(w, 0);
    wire_write_u64(w, 0);
}

static bool compose(struct source_peer *peer)
{
    wire_writer_init(&subs, subs_memory, sizeof subs_memory);
    wire_writer_init(&gone, gone_memory, sizeof gone_memory);
    bool has_any = source_peer_compose(&sources, peer, write_one, &subs, &gone);
    ck_assert(!subs.failed && !gone.failed);
    ck_assert_uint_le(subs.used + gone.used, SOURCES_BATCH_BYTES);
    return has_any;
}

/* Each packet comes through at once. How many there were. */
static unsigned run(uint64_t ms)
{
    unsigned packets = 0;
    for (uint64_t end_ms = now.ms + ms; now.ms < end_ms; now.ms += 5) {
        struct source_peer *peer;
        while ((peer = sources_due(&sources, now)) != NULL) {
            packets += compose(peer);
            source_peer_acknowledged(&sources, peer, now);
        }
    }
    return packets;
}

static void expect_empty(void)
{
    ck_assert_uint_eq(sources.batches, 0);
    ck_assert_ptr_null(sources.alarms.heap);
    ck_assert_ptr_null(sources.by_addr.heads);
}

static void setup(void)
{
    rng_init_number(&rng, 1);
}

START_TEST(each_lease_is_renewed_in_each_round)
{
    for (unsigned i = 0; i < 130; i++)
        all[i] = lease(1);
    run(2 * SOURCES_ROUND_MS);
    renewed = 0;
    ck_assert_uint_le(run(SOURCES_ROUND_MS), 4);
    ck_assert_uint_ge(renewed, 100);
    ck_assert_uint_le(renewed, 200);
    for (unsigned i = 0; i < 130; i++)
        source_free(&sources, all[i]);
    expect_empty();
}
END_TEST

START_TEST(many_rounds_are_stretched_to_the_packets_of_a_second)
{
    for (unsigned i = 0; i < LEASES_MAX; i++)
        all[i] = lease((uint8_t)(i / 50 + 1));
    ck_assert_uint_eq(sources.batches, 60);
    run(2 * SOURCES_ROUND_MS);
    unsigned packets = run(SOURCES_ROUND_MS);
    ck_assert_uint_ge(packets, 55);
    ck_assert_uint_le(packets, 65);
    sources.batches += 3540; /* as if there were 60 times as many: once in 90 s */
    run(4 * SOURCES_ROUND_MS);
    packets = run(3 * SOURCES_ROUND_MS);
    ck_assert_uint_ge(packets, 55);
    ck_assert_uint_le(packets, 65);
    sources.batches -= 3540;
    for (unsigned i = 0; i < LEASES_MAX; i++)
        source_free(&sources, all[i]);
    expect_empty();
}
END_TEST

START_TEST(what_is_given_up_is_told_soon_and_together)
{
    const uint8_t sub[SOURCES_SUB_SIZE] = {7};
    for (unsigned i = 0; i < 1000; i++)
        all[i] = lease(1);
    for (unsigned i = 0; i < 250; i++)
        source_give_up(&sources, all[i], sub, now);
    renewed = 0;
    ck_assert_uint_eq(run(SOURCES_GONE_MS + 10), 3);
    ck_assert_uint_eq(renewed, 0);
    ck_assert_ptr_null(peer_of(1)->gone);
    for (unsigned i = 250; i < 1000; i++)
        source_give_up(&sources, all[i], sub, now);
    ck_assert_ptr_nonnull(peer_of(1));
    ck_assert_uint_eq(run(SOURCES_GONE_MS + 10), 8);
    expect_empty();
}
END_TEST

START_TEST(a_few_are_given_up_beside_the_renewals)
{
    const uint8_t sub[SOURCES_SUB_SIZE] = {7};
    for (unsigned i = 0; i < 60; i++)
        all[i] = lease(1);
    for (unsigned i = 0; i < 5; i++)
        source_give_up(&sources, all[i], sub, now);
    struct source_peer *peer = peer_of(1);
    ck_assert(compose(peer));
    ck_assert_uint_eq(subs.used, SOURCES_BATCH * SOURCES_RENEWAL_SIZE);
    ck_assert_uint_eq(gone.used, 5 * SOURCES_SUB_SIZE);
    for (unsigned i = 5; i < 60; i++)
        source_free(&sources, all[i]);
    source_peer_acknowledged(&sources, peer, now);
    expect_empty();
}
END_TEST

START_TEST(a_packet_that_goes_again_says_the_same_less_what_has_ended)
{
    for (unsigned i = 0; i < 10; i++)
        all[i] = lease(1);
    struct source_peer *peer = peer_of(1);
    ck_assert(compose(peer));
    uint32_t serial = peer->serial;
    ck_assert_uint_eq(subs.used, 10 * SOURCES_RENEWAL_SIZE);
    ck_assert_uint_eq(peer->alarm.at, ALARM_NEVER);
    source_free(&sources, all[9]);
    all[9] = lease(1);
    source_free(&sources, all[0]);
    ck_assert(compose(peer));
    ck_assert_uint_eq(peer->serial, serial);
    ck_assert_uint_eq(peer->tries, 2);
    ck_assert_uint_eq(subs.used, 9 * SOURCES_RENEWAL_SIZE);
    for (unsigned i = 2; i < 10; i++)
        source_free(&sources, all[i]);
    ck_assert_ptr_nonnull(peer_of(1));
    source_free(&sources, all[1]);
    expect_empty();
}
END_TEST

START_TEST(a_peer_that_is_lost_is_told_nothing_any_more)
{
    const uint8_t sub[SOURCES_SUB_SIZE] = {7};
    all[0] = lease(1);
    source_give_up(&sources, all[0], sub, now);
    struct source_peer *peer = peer_of(1);
    ck_assert(compose(peer));
    source_peer_lost(&sources, peer);
    expect_empty();
}
END_TEST

START_TEST(who_is_asked_or_polled_is_renewed_nothing)
{
    const struct contact contact = contact_of(1);
    all[0] = source_new(&sources, NULL, &contact, bytes_of("token", 5), now);
    all[1] = source_new(&sources, NULL, &contact, (struct bytes){0}, now);
    ck_assert_uint_eq(all[0]->state, SOURCE_ASKED);
    ck_assert_uint_eq(all[1]->state, SOURCE_POLLED);
    source_polled(all[0]);
    ck_assert_uint_eq(alarms_next(&sources.alarms), ALARM_NEVER);
    source_give_up(&sources, all[1], (const uint8_t[SOURCES_SUB_SIZE]){1}, now);
    source_free(&sources, all[0]);
    expect_empty();
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, each_lease_is_renewed_in_each_round);
    tcase_add_test(tests, many_rounds_are_stretched_to_the_packets_of_a_second);
    tcase_add_test(tests, what_is_given_up_is_told_soon_and_together);
    tcase_add_test(tests, a_few_are_given_up_beside_the_renewals);
    tcase_add_test(tests, a_packet_that_goes_again_says_the_same_less_what_has_ended);
    tcase_add_test(tests, a_peer_that_is_lost_is_told_nothing_any_more);
    tcase_add_test(tests, who_is_asked_or_polled_is_renewed_nothing);
}
