/* A job runs off the loop's thread, and its end is told on it, once, with what it came to. */
#include "daemon/background.h"
#include "tests/runner.h"

#include <check.h>

struct job {
    uv_thread_t ran_on, told_on;
    enum err result;
    enum err told;
    int told_count;
};

static enum err run(void *argument)
{
    struct job *job = argument;
    job->ran_on = uv_thread_self();
    return job->result;
}

static void done(void *argument, enum err err)
{
    struct job *job = argument;
    job->told_on = uv_thread_self();
    job->told = err;
    job->told_count++;
}

START_TEST(each_job_is_told_of_once)
{
    uv_loop_t loop;
    uv_thread_t own = uv_thread_self();
    struct job jobs[10] = {0};
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    for (int i = 0; i < 10; i++) {
        jobs[i].result = i % 2 == 0 ? ERR_OK : ERR_IO;
        ck_assert_int_eq(background_start(&loop, run, done, &jobs[i]), ERR_OK);
        ck_assert_int_eq(jobs[i].told_count, 0);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(jobs[i].told_count, 1);
        ck_assert_int_eq(jobs[i].told, jobs[i].result);
        ck_assert(!uv_thread_equal(&jobs[i].ran_on, &own));
        ck_assert(uv_thread_equal(&jobs[i].told_on, &own));
    }
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, each_job_is_told_of_once);
}
