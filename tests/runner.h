/* The main() of every check program. A test file lists its tests; the runner runs each in a process
 * of its own and says which have failed. What a test leaves in its program's directory is a failure
 * too (scratch.h). */
#ifndef XORD_TESTS_RUNNER_H
#define XORD_TESTS_RUNNER_H

#include <check.h>

/* Each test file's own: adds its tests, its loops and its fixture. */
void add_tests(TCase *tests);

#endif
