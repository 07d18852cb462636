#include "daemon/background.h"

#include <stdlib.h>

struct job {
    uv_work_t work;
    background_run *run;
    background_done *done;
    void *argument;
    enum err err;
};

static void on_work(uv_work_t *work)
{
    struct job *job = work->data;
    job->err = job->run(job->argument);
}

/* Nobody cancels jobs, so `status` is 0. */
static void on_after(uv_work_t *work, int status)
{
    struct job job = *(struct job *)work->data;
    (void)status;
    free(work->data);
    job.done(job.argument, job.err);
}

enum err background_start(uv_loop_t *loop, background_run *run, background_done *done,
                          void *argument)
{
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return ERR_NO_MEMORY;
    *job = (struct job){.run = run, .done = done, .argument = argument};
    job->work.data = job;
    if (uv_queue_work(loop, &job->work, on_work, on_after) != 0) {
        free(job);
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}
