/* Cuts a failing session down: fewer faults, fewer nodes, fewer keys, while it still fails. */
#ifndef XORD_TESTS_SIM_SHRINK_H
#define XORD_TESTS_SIM_SHRINK_H

#include <stdio.h>

#include "tests/sim/session.h"

/* `options` fail; they are changed to the smallest found that fail too. Tells of each step. */
void shrink(struct session_options *options, FILE *to);

#endif
