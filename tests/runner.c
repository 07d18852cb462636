#include "tests/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/keys.h"
#include "tests/daemon/scratch.h"

/* A test that hangs is ended; check's own 4 s are too few for a good one on a busy machine or under
 * sanitizers. */
#define TIMEOUT_S 120

/* The suite is named as its program. */
int main(void)
{
    if (keys_init() != ERR_OK)
        return EXIT_FAILURE;
    Suite *suite = suite_create(program_invocation_short_name);
    TCase *tests = tcase_create(program_invocation_short_name);
    tcase_set_timeout(tests, TIMEOUT_S);
    add_tests(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    scratch_begin();
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    bool is_clean = scratch_end();
    if (failed == 0 && !is_clean)
        fprintf(stderr, "%s: a test has left files behind\n", program_invocation_short_name);
    return failed == 0 && is_clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
