/* Every error has a number, a name and a sentence, names are unique, and a peer's numbers come back
 * as the errors they stand for. */
#include "common/err.h"
#include "tests/runner.h"

#include <check.h>
#include <string.h>

START_TEST(every_error_is_described)
{
    enum err err = (enum err)_i;
    size_t length = strlen(err_text(err));
    ck_assert_uint_gt(strlen(err_name(err)), 0);
    ck_assert_uint_gt(length, 0);
    ck_assert_int_ne(err_text(err)[length - 1], '.');
    ck_assert_int_eq(err_code(err) == 0, err == ERR_OK);
    for (int other = 0; other < _i; other++)
        ck_assert_str_ne(err_name(err), err_name((enum err)other));
}
END_TEST

START_TEST(numbers_are_those_of_the_standards)
{
    ck_assert_int_eq(err_code(ERR_PARSE), -32700);
    ck_assert_int_eq(err_code(ERR_INVALID_PARAMS), -32602);
    ck_assert_int_eq(err_code(ERR_CAS_MISMATCH), 301);
    ck_assert_int_eq(err_code(ERR_STORAGE_FULL), 507);
    ck_assert_str_eq(err_name(ERR_STALE_SEQ), "stale_seq");
    ck_assert_str_eq(err_text(ERR_OK), "ok");
}
END_TEST

START_TEST(krpc_numbers_become_errors)
{
    ck_assert_int_eq(err_from_krpc(201), ERR_GENERIC);
    ck_assert_int_eq(err_from_krpc(202), ERR_SERVER);
    ck_assert_int_eq(err_from_krpc(203), ERR_BAD_TOKEN);
    ck_assert_int_eq(err_from_krpc(204), ERR_METHOD_UNKNOWN);
    ck_assert_int_eq(err_from_krpc(205), ERR_TOO_BIG);
    ck_assert_int_eq(err_from_krpc(206), ERR_BAD_SIGNATURE);
    ck_assert_int_eq(err_from_krpc(207), ERR_SALT_TOO_LONG);
    ck_assert_int_eq(err_from_krpc(301), ERR_CAS_MISMATCH);
    ck_assert_int_eq(err_from_krpc(302), ERR_STALE_SEQ);
}
END_TEST

START_TEST(unknown_krpc_numbers_are_generic)
{
    static const int64_t unknown[] = {0, -1, 208, 300, 404, -32700, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        ck_assert_int_eq(err_from_krpc(unknown[i]), ERR_GENERIC);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, every_error_is_described, 0, ERR_COUNT);
    tcase_add_test(tests, numbers_are_those_of_the_standards);
    tcase_add_test(tests, krpc_numbers_become_errors);
    tcase_add_test(tests, unknown_krpc_numbers_are_generic);
}
