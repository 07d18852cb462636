/* What a gather of the signers' has to bring. */
#ifndef XORD_TESTS_SIM_SIGNERS_JUDGE_H
#define XORD_TESTS_SIM_SIGNERS_JUDGE_H

#include "tests/sim/signers.h"

/* The place with this record_key; NULL: none of the signers'. */
struct signers_place *signers_find(const struct signers *c, const struct id *key);
/* Whether what is put with this seq deletes. */
bool signers_is_deletion(int64_t seq);
/* Breaks a rule where an entry is not genuine, shown twice or out of order, or, while all is well,
 * missing; counts what is there. */
void signers_judge(struct signers *c, const struct process *p, const struct signers_op *op,
                   const struct event *event);

#endif
