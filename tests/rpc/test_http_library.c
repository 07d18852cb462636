/* libmicrohttpd is loaded when it is asked for, whole or not at all. */
#include "rpc/server/http_library.h"

#include <check.h>
#include <string.h>

#include "rpc/server/http.h"
#include "tests/runner.h"

static struct http_library library;
static char detail[RPC_DETAIL_SIZE];

static void check_unloaded(void)
{
    static const struct http_library none;

    ck_assert_int_eq(memcmp(&library, &none, sizeof library), 0);
}

START_TEST(its_functions_can_be_called)
{
    unsigned char filled[sizeof library];

    ck_assert_msg(http_library_load(&library, HTTP_LIBRARY, detail), "%s", detail);
    memcpy(filled, &library, sizeof filled);
    for (size_t at = 0; at < sizeof filled; at += sizeof(void *)) {
        void *pointer;
        memcpy(&pointer, filled + at, sizeof pointer);
        ck_assert_ptr_nonnull(pointer);
    }
    char body[] = "body";
    struct MHD_Response *response =
        library.create_response_from_buffer(sizeof body, body, MHD_RESPMEM_PERSISTENT);
    ck_assert_ptr_nonnull(response);
    library.destroy_response(response);
    http_library_unload(&library);
    check_unloaded();
    http_library_unload(&library);
}
END_TEST

START_TEST(a_library_that_is_missing)
{
    ck_assert(!http_library_load(&library, "libxord-none.so.1", detail));
    ck_assert_ptr_nonnull(strstr(detail, "libmicrohttpd"));
    ck_assert_ptr_nonnull(strstr(detail, "libxord-none.so.1"));
    check_unloaded();
}
END_TEST

START_TEST(a_library_that_is_another)
{
    ck_assert(!http_library_load(&library, "libm.so.6", detail));
    ck_assert_ptr_nonnull(strstr(detail, "MHD_"));
    check_unloaded();
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, its_functions_can_be_called);
    tcase_add_test(tests, a_library_that_is_missing);
    tcase_add_test(tests, a_library_that_is_another);
}
