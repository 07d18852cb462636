/* What listeners hear, and when, judged. */
#ifndef XORD_TESTS_SIM_SUBSCRIBERS_JUDGE_H
#define XORD_TESTS_SIM_SUBSCRIBERS_JUDGE_H

#include "tests/sim/subscribers.h"

/* An event of this listener other than its end. */
void subscribers_judge(struct subscribers *l, struct subscriber *listener, const struct process *p,
                       const struct event *event);
/* What has been acknowledged for long enough has come to everybody, and so has the end of what has
 * ended. To be called every second. */
void subscribers_judge_promises(struct subscribers *l);

#endif
