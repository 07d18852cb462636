/* Contacts are pinned once on disk, replaced by name, found by name and key in sorted order, and
 * come back after a restart. */
#include <check.h>

#include "daemon/contacts.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static uv_loop_t loop;
static struct contacts contacts;
static char directory[PATH_MAX], detail[NAME_DIR_DETAIL_SIZE];
static unsigned answers;

static void on_done(void *context, uint64_t ticket, enum err err, const char *text)
{
    (void)context;
    (void)ticket;
    ck_assert_int_eq(err, ERR_OK);
    ck_assert_ptr_null(text);
    answers++;
}

static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "contacts", directory);
    ck_assert_int_eq(keys_init(), ERR_OK);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(contacts_init(&contacts, &loop, directory, on_done, NULL, detail), ERR_OK);
    answers = 0;
}

static void teardown(void)
{
    contacts_clear(&contacts);
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

static void add(const char *name, uint8_t first)
{
    uint8_t key[KEYS_PUBLIC_SIZE] = {first};
    ck_assert_int_eq(contacts_add(&contacts, name, key, 1), ERR_OK);
}

static void settle(unsigned expected)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(contacts_is_idle(&contacts));
    ck_assert_uint_eq(answers, expected);
}

START_TEST(contacts_are_sorted_and_come_back)
{
    struct rpc_identity found;
    const uint8_t carols[KEYS_PUBLIC_SIZE] = {3};
    add("carol", 3);
    add("alice", 1);
    add("bob", 2);
    settle(3);
    contacts_clear(&contacts);
    ck_assert_int_eq(contacts_init(&contacts, &loop, directory, on_done, NULL, detail), ERR_OK);
    ck_assert_uint_eq(contacts.list.count, 3);
    ck_assert(identities_copy_at(&contacts.list, 0, &found));
    ck_assert_str_eq(found.name, "alice");
    ck_assert(identities_copy_at(&contacts.list, 2, &found));
    ck_assert_str_eq(found.name, "carol");
    ck_assert(!identities_copy_at(&contacts.list, 3, &found));
    ck_assert(identities_copy(identities_by_public(&contacts.list, carols), &found));
    ck_assert_str_eq(found.name, "carol");
}
END_TEST

START_TEST(a_name_is_pinned_anew)
{
    struct rpc_identity found;
    add("bob", 1);
    settle(1);
    add("bob", 2);
    settle(2);
    ck_assert_uint_eq(contacts.list.count, 1);
    ck_assert(identities_copy(identities_by_name(&contacts.list, "bob"), &found));
    ck_assert_uint_eq(found.public_key[0], 2);
}
END_TEST

START_TEST(a_dropped_contact_is_gone)
{
    ck_assert_int_eq(contacts_drop(&contacts, "bob", 1), ERR_UNKNOWN_NAME);
    add("bob", 1);
    settle(1);
    ck_assert_int_eq(contacts_drop(&contacts, "bob", 1), ERR_OK);
    settle(2);
    ck_assert_uint_eq(contacts.list.count, 0);
    ck_assert_int_eq(scratch_size(&scratch, "contacts/bob"), -1);
}
END_TEST

START_TEST(too_many_changes_at_once_are_refused)
{
    const uint8_t key[KEYS_PUBLIC_SIZE] = {1};
    char name[16];
    for (unsigned i = 0; i < NAME_DIR_CHANGES_MAX; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        add(name, 1);
    }
    ck_assert_int_eq(contacts_add(&contacts, "more", key, 1), ERR_BUSY);
    settle(NAME_DIR_CHANGES_MAX);
    add("more", 1);
    settle(NAME_DIR_CHANGES_MAX + 1);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, contacts_are_sorted_and_come_back);
    tcase_add_test(tests, a_name_is_pinned_anew);
    tcase_add_test(tests, a_dropped_contact_is_gone);
    tcase_add_test(tests, too_many_changes_at_once_are_refused);
}
