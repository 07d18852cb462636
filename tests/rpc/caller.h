/* A dispatcher on a fake host, and one client of the full socket, whose lines come from the test.
 * Nothing is acted on. */
#ifndef XORD_TESTS_RPC_CALLER_H
#define XORD_TESTS_RPC_CALLER_H

#include <check.h>

#include "rpc/dispatch.h"
#include "tests/rpc/fake_host.h"

struct caller {
    struct fake_host fake;
    struct dispatch dispatch;
    struct rpc_client client; /* of this process's user */
};

/* Gives each of the tests a caller of its own, and returns where it is. */
struct caller *caller_fixture(TCase *tests);

#endif
