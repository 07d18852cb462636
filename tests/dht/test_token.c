/* A token must be good for the address, port and target it was made for, in its epoch and the next,
 * and for nothing else. */
#include <check.h>

#include "daemon/dht/serve/token.h"
#include "tests/runner.h"

#define NOW_MS (7 * (uint64_t)TOKEN_EPOCH_MS + 1000)

static struct token_secret secret;
static struct addr addr;
static struct id target;
static uint8_t token[TOKEN_SIZE];

static void set_up(void)
{
    struct rng rng;

    rng_init_number(&rng, 1);
    token_secret_init(&secret, &rng);
    addr = addr_v4((const uint8_t[]){1, 2, 3, 4}, 5);
    id_random(&target, &rng);
    token_make(&secret, &addr, &target, NOW_MS, token);
}

static bool is_valid_at(uint64_t now_ms)
{
    return token_is_valid(&secret, &addr, &target, now_ms, bytes_of(token, TOKEN_SIZE));
}

START_TEST(test_valid_for_two_epochs)
{
    ck_assert(is_valid_at(NOW_MS));
    ck_assert(is_valid_at(NOW_MS + TOKEN_EPOCH_MS));
    ck_assert(!is_valid_at(NOW_MS + 2 * TOKEN_EPOCH_MS));
    ck_assert(!is_valid_at(NOW_MS - TOKEN_EPOCH_MS));
}
END_TEST

START_TEST(test_first_epoch_has_none_before)
{
    token_make(&secret, &addr, &target, 10, token);
    ck_assert(is_valid_at(0));
    token[0] ^= 1;
    ck_assert(!is_valid_at(0));
}
END_TEST

START_TEST(test_refused_for_another_address)
{
    struct addr mine = addr;

    addr.ip[3]++;
    ck_assert(!is_valid_at(NOW_MS));
    addr = mine;
    addr.port++;
    ck_assert(!is_valid_at(NOW_MS));
    addr = mine;
    addr.family = ADDR_V6;
    ck_assert(!is_valid_at(NOW_MS));
    addr = mine;
    ck_assert(is_valid_at(NOW_MS));
}
END_TEST

START_TEST(test_refused_for_another_target_or_secret)
{
    target.b[ID_SIZE - 1] ^= 1;
    ck_assert(!is_valid_at(NOW_MS));
    target.b[ID_SIZE - 1] ^= 1;
    secret.key[0] ^= 1;
    ck_assert(!is_valid_at(NOW_MS));
}
END_TEST

START_TEST(test_refused_when_changed_or_of_another_size)
{
    uint8_t longer[TOKEN_SIZE + 1] = {0};

    memcpy(longer, token, TOKEN_SIZE);
    ck_assert(!token_is_valid(&secret, &addr, &target, NOW_MS, bytes_of(longer, sizeof longer)));
    ck_assert(!token_is_valid(&secret, &addr, &target, NOW_MS, bytes_of(token, TOKEN_SIZE - 1)));
    ck_assert(!token_is_valid(&secret, &addr, &target, NOW_MS, bytes_of(NULL, 0)));
    for (size_t i = 0; i < TOKEN_SIZE; i++) {
        token[i] ^= 0x10;
        ck_assert(!is_valid_at(NOW_MS));
        token[i] ^= 0x10;
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, test_valid_for_two_epochs);
    tcase_add_test(tests, test_first_epoch_has_none_before);
    tcase_add_test(tests, test_refused_for_another_address);
    tcase_add_test(tests, test_refused_for_another_target_or_secret);
    tcase_add_test(tests, test_refused_when_changed_or_of_another_size);
}
