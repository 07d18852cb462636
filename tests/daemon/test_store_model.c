/* Whatever is put, replaced, dropped or ends, the store on disk and the plain one in memory have
 * the same entries in the same order; and a killed writer leaves what it acknowledged, in step. */
#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rng.h"
#include "tests/daemon/multi_store.h"
#include "tests/runner.h"
#include "tests/sim/ram.h"

#define STEPS   4000
#define ENTRIES 40 /* of one multi */
#define BYTES   16384

static const char *const resources[] = {"a", "b", "c"};
static struct disk_store multi;
static struct ram plain;
static struct now now;

static void set_up(void)
{
    disk_store_init(&multi, MULTI_QUOTA);
    multi.limits.multi_entries = ENTRIES;
    multi.limits.multi_bytes = BYTES;
    disk_store_reopen(&multi);
    now.unix_s = SAMPLE_NOW_UNIX_S;
    ram_init(&plain, &now);
    plain.disk.multi_entries = ENTRIES;
    plain.disk.multi_bytes = BYTES;
}

static void tear_down(void)
{
    ram_clear(&plain);
    disk_store_clear(&multi);
}

/* Few signers and slots, so that most writes meet another; they end half a minute past a minute, so
 * that a clock of whole minutes ends them in both stores at once. */
static void choose(struct rng *rng, struct sample *s)
{
    const struct sample_place place = {rng_below(rng, 5) * rng_below(rng, 5),
                                       resources[rng_below(rng, 3)], rng_below(rng, 30)};
    size_t size = rng_below(rng, 5) == 0 ? 0 : 1 + rng_below(rng, 900);
    uint64_t time_unix_s = now.unix_s - rng_below(rng, 20);
    sample_entry(s, &place, 1 + rng_below(rng, 6), time_unix_s, size);
    s->write.is_verified = true;
    s->write.put_unix_s = now.unix_s;
    s->write.expiry_unix_s = now.unix_s + 30 + 60u * rng_below(rng, 30);
    s->write.has_cas = rng_below(rng, 10) == 0;
    s->write.cas = rng_below(rng, 3);
    s->write.space = rng_below(rng, 4) == 0 ? STORE_KEPT : STORE_HELD;
    if (rng_below(rng, 10) == 0) {
        s->write.action = STORE_DROP;
        record_key(&s->write.record, &s->write.record.target);
    }
}

static void let_pass(void)
{
    now.unix_s += 60;
    store_set_now(multi.store, now.unix_s);
    multi_store_expire(&multi, now.unix_s);
    disk_expire(&plain.disk, now.unix_s, &plain.blobs);
}

static void compare_multi(enum store_space space, const struct id *target)
{
    struct store_reader disk = store_reader(multi.store), ram = ram_reader(&plain);
    struct store_summary expected;
    struct store_position last;
    struct stored a, b;
    ck_assert_int_eq(ram.summary(ram.context, space, target, &expected), ERR_OK);
    struct store_summary summary = multi_store_summary(&multi, space, target);
    ck_assert_uint_eq(summary.count, expected.count);
    ck_assert_uint_eq(summary.digest, expected.digest);
    for (uint32_t i = 0; i < expected.count; i++) {
        const struct store_position *after = i > 0 ? &last : NULL;
        ck_assert_int_eq(disk.entry(disk.context, space, target, after, &a), ERR_OK);
        ck_assert_int_eq(ram.entry(ram.context, space, target, after, &b), ERR_OK);
        ck_assert(record_equal(&a.record, &b.record));
        ck_assert_uint_eq(a.put_unix_s, b.put_unix_s);
        ck_assert_uint_eq(a.expiry_unix_s, b.expiry_unix_s);
        multi_position_of(&a.record, &last);
    }
    ck_assert_int_eq(disk.entry(disk.context, space, target, &last, &a), ERR_NOT_FOUND);
}

static void compare(void)
{
    struct store_reader disk = store_reader(multi.store), ram = ram_reader(&plain);
    for (int i = 0; i < STORE_SPACE_COUNT; i++) {
        enum store_space space = (enum store_space)i;
        struct id target, expected, *after = NULL;
        while (ram.next_multi(ram.context, space, after, &expected) == ERR_OK) {
            ck_assert_int_eq(disk.next_multi(disk.context, space, after, &target), ERR_OK);
            ck_assert(id_equal(&target, &expected));
            compare_multi(space, &target);
            after = &target;
        }
        ck_assert_int_eq(disk.next_multi(disk.context, space, after, &target), ERR_NOT_FOUND);
    }
    store_pause(multi.store);
}

START_TEST(both_stores_have_the_same)
{
    struct rng rng;
    struct sample s;
    unsigned outcomes[ERR_COUNT] = {0}, full = 0;
    rng_init_number(&rng, (uint64_t)_i + 1);
    for (unsigned step = 0; step < STEPS; step++) {
        int64_t seq;
        choose(&rng, &s);
        uint32_t before = plain.disk.count;
        enum err err = disk_store_apply(&multi, &s.write);
        ck_assert_int_eq(err, ram_write(&plain, &s.write, &seq));
        outcomes[err]++;
        full += err == ERR_OK && s.write.action == STORE_PUT && plain.disk.count < before;
        if (rng_below(&rng, 40) == 0)
            let_pass();
        if (step % 16 == 0)
            compare();
    }
    multi_store_check(&multi);
    ck_assert(outcomes[ERR_OK] > 0 && outcomes[ERR_STALE_SEQ] > 0 &&
              outcomes[ERR_CAS_MISMATCH] > 0 && outcomes[ERR_NOT_FOUND] > 0 && full > 0);
}
END_TEST

/* Writes without an end, and says of each that it is on disk. */
static void write_on(int pipe_end, uint64_t seed)
{
    struct rng rng;
    struct sample s;
    rng_init_number(&rng, seed);
    for (uint32_t number = 1;; number++) {
        choose(&rng, &s);
        disk_store_apply(&multi, &s.write);
        sample_entry(&s, &(struct sample_place){1, "last", 1}, number, SAMPLE_NOW_UNIX_S, 10);
        if (disk_store_apply(&multi, &s.write) != ERR_OK ||
            write(pipe_end, &number, sizeof number) != sizeof number)
            _exit(1);
    }
}

/* Kills the writer after some acknowledgements; the last that was sent. */
static uint32_t run_killed(uint64_t seed, uint32_t count)
{
    int ends[2];
    uint32_t number = 0, last = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        disk_store_reopen(&multi);
        write_on(ends[1], seed);
    }
    close(ends[1]);
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        last = number;
        if (number == count)
            ck_assert_int_eq(kill(child, SIGKILL), 0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
    return last;
}

START_TEST(a_killed_writer_leaves_what_it_acknowledged)
{
    struct stored out;
    struct sample s;
    struct id key;
    store_close(multi.store);
    multi.store = NULL;
    for (uint32_t round = 1; round <= 10; round++) {
        uint32_t last = run_killed(round, 20 * round);
        ck_assert_uint_ge(last, 20 * round);
        disk_store_reopen(&multi);
        multi_store_check(&multi);
        sample_entry(&s, &(struct sample_place){1, "last", 1}, 1, SAMPLE_NOW_UNIX_S, 10);
        record_key(&s.write.record, &key);
        struct store_reader reader = store_reader(multi.store);
        ck_assert_int_eq(reader.get(reader.context, STORE_HELD, RECORD_MULTI, &key, &out), ERR_OK);
        ck_assert_int_ge(out.record.seq, last);
        s.write.action = STORE_DROP;
        s.write.record.target = key;
        store_pause(multi.store);
        ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
        store_close(multi.store);
        multi.store = NULL;
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, both_stores_have_the_same, 0, 4);
    tcase_add_test(tests, a_killed_writer_leaves_what_it_acknowledged);
}
