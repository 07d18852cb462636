#include "tests/rpc/caller.h"

#include <unistd.h>

static struct caller fixture;

static void set_up(void)
{
    fake_host_init(&fixture.fake);
    dispatch_init(&fixture.dispatch, &fixture.fake.host, NULL);
    dispatch_client_init(&fixture.dispatch, &fixture.client, RPC_ACCESS_FULL, geteuid());
}

static void tear_down(void)
{
    dispatch_client_clear(&fixture.client);
    dispatch_clear(&fixture.dispatch);
    fake_host_clear(&fixture.fake);
}

struct caller *caller_fixture(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    return &fixture;
}
