/* What listeners hear, and when, judged. */
#ifndef XORD_TESTS_SIM_LISTENERS_JUDGE_H
#define XORD_TESTS_SIM_LISTENERS_JUDGE_H

#include "tests/sim/listeners.h"

/* An event of this listener other than its end. */
void listeners_judge(struct listeners *l, struct listener *listener, const struct process *p,
                     const struct event *event);
/* What has been acknowledged for long enough has come to everybody, and so has the end of what has
 * ended. To be called every second. */
void listeners_judge_promises(struct listeners *l);

#endif
