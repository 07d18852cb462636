/* Each write that is accepted is answered once, in order, and OK means verified and on disk: also
 * when the process is killed at any moment. */
#include "daemon/store/writer.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/dht/records/multi.h"
#include "tests/daemon/store_sample.h"
#include "tests/runner.h"

#define QUOTA       (64u << 20)
#define ANSWERS_MAX 8192

static const struct id self = {{0}};
static char *directory;
static uv_loop_t loop;
static struct store *store;
static struct writer *writer;

static struct answer {
    uint64_t write;
    enum err err;
    int64_t seq;
} answers[ANSWERS_MAX];
static size_t answer_count;
static size_t drained_count;

static void on_done(void *context, const struct store_write *write, enum err err, int64_t seq)
{
    ck_assert_ptr_eq(context, &loop);
    ck_assert_uint_lt(answer_count, ANSWERS_MAX);
    answers[answer_count++] = (struct answer){write->write, err, seq};
}

static void on_drained(void *context)
{
    ck_assert_ptr_eq(context, &loop);
    drained_count++;
}

static void open_all(void)
{
    char detail[STORE_DETAIL_SIZE];
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    const struct store_limits limits = sample_limits(QUOTA);
    ck_assert_int_eq(store_open(directory, &limits, &self, &store, detail), ERR_OK);
    store_set_now(store, SAMPLE_NOW_UNIX_S);
    ck_assert_int_eq(writer_new(&loop, store, on_done, &loop, &writer), ERR_OK);
}

static void close_all(void)
{
    writer_free(writer);
    store_close(store);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void set_up(void)
{
    ck_assert_int_eq(keys_init(), ERR_OK);
    directory = sample_directory();
    open_all();
}

static void tear_down(void)
{
    close_all();
    sample_remove(directory);
}

static void submit(struct sample *s, uint64_t number)
{
    s->write.write = number;
    ck_assert_int_eq(writer_submit(writer, &s->write), ERR_OK);
}

/* Until nothing is under way: the loop lives as long as a worker has something. */
static void run(void)
{
    writer_flush(writer);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static bool has(const struct sample *s)
{
    struct stored out;
    struct store_reader reader = store_reader(store);
    const struct record *r = &s->write.record;
    return reader.get(reader.context, s->write.space, r->kind, &r->target, &out) == ERR_OK &&
           record_equal(&out.record, r);
}

START_TEST(a_lone_put_is_answered_and_readable)
{
    struct sample s;
    sample_single(&s, 1, 3, 500);
    ck_assert(!has(&s));
    submit(&s, 42);
    ck_assert_uint_eq(answer_count, 0);
    run();
    ck_assert_uint_eq(answer_count, 1);
    ck_assert_uint_eq(answers[0].write, 42);
    ck_assert_int_eq(answers[0].err, ERR_OK);
    ck_assert_int_eq(answers[0].seq, 3);
    ck_assert(has(&s));
}
END_TEST

START_TEST(a_bad_signature_is_refused_in_batches_of_any_size)
{
    static const size_t sizes[] = {1, 7, 8, 9, 40, 300};
    struct sample s;
    for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
        answer_count = 0;
        for (size_t i = 0; i < sizes[size]; i++) {
            sample_single(&s, (uint32_t)(size * 1000 + i), 1, 100);
            s.sig[i % KEYS_SIGNATURE_SIZE] ^= i % 3 == 0;
            submit(&s, i);
        }
        run();
        ck_assert_uint_eq(answer_count, sizes[size]);
        for (size_t i = 0; i < answer_count; i++) {
            ck_assert_uint_eq(answers[i].write, i);
            ck_assert_int_eq(answers[i].err, i % 3 == 0 ? ERR_BAD_SIGNATURE : ERR_OK);
        }
    }
    ck_assert(!has(&s) == ((sizes[5] - 1) % 3 == 0));
}
END_TEST

START_TEST(an_entry_is_bound_to_its_multi_by_its_signature)
{
    struct sample s;
    sample_entry(&s, &(struct sample_place){1, "readings", 1}, 1, SAMPLE_NOW_UNIX_S, 100);
    submit(&s, 0);
    s.write.record.target.b[0] ^= 1;
    submit(&s, 1);
    run();
    ck_assert_uint_eq(answer_count, 2);
    ck_assert_int_eq(answers[0].err, ERR_OK);
    ck_assert_int_eq(answers[1].err, ERR_BAD_SIGNATURE);
}
END_TEST

START_TEST(what_makes_room_for_others_is_counted)
{
    struct sample s;
    ck_assert_uint_eq(writer_evicted(writer), 0);
    for (uint32_t i = 0; i < MULTI_ENTRIES_DEFAULT + 9; i++) {
        sample_entry(&s, &(struct sample_place){1, "readings", i}, 1, SAMPLE_NOW_UNIX_S, 100);
        submit(&s, i);
    }
    run();
    ck_assert_uint_eq(answer_count, MULTI_ENTRIES_DEFAULT + 9);
    ck_assert_uint_eq(writer_evicted(writer), 9);
}
END_TEST

START_TEST(what_is_verified_is_not_verified_again)
{
    struct sample s;
    sample_single(&s, 1, 1, 100);
    s.sig[0] ^= 1;
    s.write.is_verified = true;
    submit(&s, 1);
    run();
    ck_assert_int_eq(answers[0].err, ERR_OK);
}
END_TEST

START_TEST(puts_of_one_target_are_decided_in_order)
{
    struct sample s;
    for (size_t i = 0; i < 200; i++) {
        sample_single(&s, 1, (int64_t)(i ^ 1), 100);
        submit(&s, i);
        if (i % 7 == 0) {
            writer_flush(writer);
            uv_run(&loop, UV_RUN_NOWAIT);
        }
    }
    run();
    ck_assert_uint_eq(answer_count, 200);
    for (size_t i = 0; i < 200; i++) {
        ck_assert_uint_eq(answers[i].write, i);
        ck_assert_int_eq(answers[i].err, i % 2 == 0 ? ERR_OK : ERR_STALE_SEQ);
        ck_assert_int_eq(answers[i].seq, (int64_t)(i | 1));
    }
}
END_TEST

START_TEST(more_than_it_may_hold_is_refused_and_not_answered)
{
    struct sample s;
    size_t accepted = 0;
    sample_immutable(&s, 1, 900);
    for (;;) {
        s.write.write = accepted;
        s.write.put_unix_s++;
        enum err err = writer_submit(writer, &s.write);
        if (err == ERR_BUSY)
            break;
        ck_assert_int_eq(err, ERR_OK);
        accepted++;
        ck_assert_uint_lt(accepted, ANSWERS_MAX);
    }
    ck_assert_uint_eq(accepted, 2 * WRITER_BATCH_MAX);
    run();
    ck_assert_uint_eq(answer_count, accepted);
    ck_assert_uint_eq(answers[accepted - 1].write, accepted - 1);
    ck_assert(has(&s));
}
END_TEST

static struct sample follower;

static void submit_on_done(void *context, const struct store_write *write, enum err err,
                           int64_t seq)
{
    on_done(context, write, err, seq);
    if (answer_count < 5) {
        follower.write.record.seq++;
        sample_sign(&follower);
        submit(&follower, answer_count);
        writer_flush(writer);
    }
}

START_TEST(an_answer_may_submit_the_next)
{
    writer_free(writer);
    ck_assert_int_eq(writer_new(&loop, store, submit_on_done, &loop, &writer), ERR_OK);
    sample_single(&follower, 1, 1, 100);
    submit(&follower, 0);
    run();
    ck_assert_uint_eq(answer_count, 5);
    ck_assert_int_eq(answers[4].seq, 5);
    ck_assert(has(&follower));
}
END_TEST

START_TEST(drain_tells_when_all_is_done)
{
    struct sample s;
    for (uint32_t i = 0; i < 300; i++) {
        sample_single(&s, i, 1, 100);
        submit(&s, i);
    }
    writer_drain(writer, on_drained);
    ck_assert_uint_eq(drained_count, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(drained_count, 1);
    ck_assert_uint_eq(answer_count, 300);
    writer_drain(writer, on_drained); /* with nothing to do: not from inside the call either */
    ck_assert_uint_eq(drained_count, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(drained_count, 2);
}
END_TEST

START_TEST(expiry_goes_on_until_nothing_is_left)
{
    struct sample s;
    struct store_usage usage;
    for (uint32_t i = 0; i < STORE_EXPIRE_MAX * 2 + 5; i++) {
        sample_immutable(&s, i, 30);
        submit(&s, i);
    }
    run();
    store_set_now(store, SAMPLE_NOW_UNIX_S + 7200);
    writer_expire(writer);
    uv_run(&loop, UV_RUN_DEFAULT);
    store_usage(store, STORE_HELD, &usage);
    ck_assert_uint_eq(usage.records, 0);
}
END_TEST

/* The child: puts with rising numbers, each told through the pipe once it is acknowledged. */
static int pipe_out;

static void tell(void *context, const struct store_write *done, enum err err, int64_t seq)
{
    uint32_t number = (uint32_t)done->write;
    (void)context;
    (void)seq;
    if (err != ERR_OK || write(pipe_out, &number, sizeof(number)) != sizeof(number))
        _exit(1);
}

static void run_child(uint32_t first)
{
    struct sample s;
    open_all();
    writer_free(writer);
    if (writer_new(&loop, store, tell, NULL, &writer) != ERR_OK)
        _exit(1);
    uint32_t next = first;
    for (;;) {
        for (int i = 0; i < 20; i++, next++) {
            sample_single(&s, next, 1, 400);
            s.write.write = next;
            if (writer_submit(writer, &s.write) != ERR_OK)
                break;
        }
        writer_flush(writer);
        uv_run(&loop, UV_RUN_ONCE);
    }
}

/* Lets a child acknowledge `count` puts, kills it in the midst of the next, and checks them all. */
static uint32_t kill_after(uint32_t first, uint32_t count)
{
    int ends[2], status;
    uint32_t number = first, last = first;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        pipe_out = ends[1];
        run_child(first);
    }
    close(ends[1]);
    for (uint32_t i = 0; i < count; i++)
        ck_assert_int_eq(read(ends[0], &number, sizeof(number)), sizeof(number));
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    do
        last = number; /* acknowledged too, before it died */
    while (read(ends[0], &number, sizeof(number)) == sizeof(number));
    close(ends[0]);
    return last;
}

START_TEST(what_was_acknowledged_outlives_a_kill)
{
    static const uint32_t counts[] = {1, 40, 7, 333, 150, 2, 90, 21};
    uint32_t next = 0;
    close_all();
    for (size_t round = 0; round < sizeof(counts) / sizeof(counts[0]); round++) {
        struct sample s;
        uint32_t end = kill_after(next, counts[round]) + 1;
        ck_assert_uint_ge(end, next + counts[round]);
        open_all();
        for (uint32_t i = 0; i < end; i++) {
            sample_single(&s, i, 1, 400);
            ck_assert_msg(has(&s), "record %u of %u is lost", i, end);
        }
        close_all();
        next = end;
    }
    open_all();
}
END_TEST

#define POOL_SIZE 4 /* libuv's threads */

static uv_sem_t is_over;

static void hold(uv_work_t *work)
{
    (void)work;
    uv_sem_wait(&is_over);
}

START_TEST(progress_stands_still_only_while_a_worker_is_stuck)
{
    struct sample s;
    uv_work_t held[POOL_SIZE];
    ck_assert(writer_is_idle(writer));
    ck_assert_int_eq(uv_sem_init(&is_over, 0), 0);
    for (size_t i = 0; i < POOL_SIZE; i++)
        ck_assert_int_eq(uv_queue_work(&loop, &held[i], hold, NULL), 0);
    sample_single(&s, 1, 1, 100);
    submit(&s, 1);
    writer_flush(writer);
    for (int i = 0; i < 10; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert(!writer_is_idle(writer));
    ck_assert_uint_eq(writer_progress(writer), 0);
    for (size_t i = 0; i < POOL_SIZE; i++)
        uv_sem_post(&is_over);
    run();
    uv_sem_destroy(&is_over);
    ck_assert(writer_is_idle(writer));
    ck_assert_uint_eq(writer_progress(writer), 1);
    for (uint32_t i = 0; i < 300; i++) {
        sample_single(&s, i, 2, 100);
        submit(&s, i);
    }
    run();
    ck_assert_uint_ge(writer_progress(writer), 3); /* signatures are a step of their own */
}
END_TEST

static size_t evicted_named, expired_named, expired_more;

static void on_removed(void *context, const struct store_removed *removed)
{
    ck_assert_ptr_eq(context, &loop);
    if (removed->more > 0) {
        ck_assert(removed->is_expired);
        expired_more += removed->more;
        return;
    }
    ck_assert_int_eq(removed->kind, RECORD_SINGLE);
    ck_assert_int_eq(removed->space, STORE_HELD);
    ck_assert_uint_gt(removed->size, 100);
    *(removed->is_expired ? &expired_named : &evicted_named) += 1;
}

/* The first are named, the rest counted; while nobody watches nobody is called. */
START_TEST(what_the_store_lets_go_is_told_to_who_watches)
{
    struct sample s;
    for (uint32_t i = 0; i < 100; i++) {
        sample_single(&s, i, 1, 100);
        submit(&s, i);
    }
    run();
    store_set_now(store, SAMPLE_NOW_UNIX_S + 7200);
    writer_watch(writer, on_removed);
    writer_expire(writer);
    run();
    ck_assert_uint_eq(evicted_named, 0);
    ck_assert_uint_eq(expired_named, STORE_REMOVALS_MAX);
    ck_assert_uint_eq(expired_more, 100 - STORE_REMOVALS_MAX);
    sample_single(&s, 1, 2, 100);
    submit(&s, 0);
    run();
    writer_watch(writer, NULL);
    store_set_now(store, SAMPLE_NOW_UNIX_S + 14400);
    writer_expire(writer);
    run();
    ck_assert(!has(&s));
    ck_assert_uint_eq(expired_named, STORE_REMOVALS_MAX);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_lone_put_is_answered_and_readable);
    tcase_add_test(tests, a_bad_signature_is_refused_in_batches_of_any_size);
    tcase_add_test(tests, an_entry_is_bound_to_its_multi_by_its_signature);
    tcase_add_test(tests, what_makes_room_for_others_is_counted);
    tcase_add_test(tests, what_is_verified_is_not_verified_again);
    tcase_add_test(tests, puts_of_one_target_are_decided_in_order);
    tcase_add_test(tests, more_than_it_may_hold_is_refused_and_not_answered);
    tcase_add_test(tests, an_answer_may_submit_the_next);
    tcase_add_test(tests, drain_tells_when_all_is_done);
    tcase_add_test(tests, expiry_goes_on_until_nothing_is_left);
    tcase_add_test(tests, what_the_store_lets_go_is_told_to_who_watches);
    tcase_add_test(tests, progress_stands_still_only_while_a_worker_is_stuck);
    tcase_add_test(tests, what_was_acknowledged_outlives_a_kill);
}
