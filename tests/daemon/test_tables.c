/* The saved table is read back exactly, and a file that is damaged anywhere is not used. */
#include <check.h>

#include "daemon/dht/node_state.h"
#include "daemon/tables.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define CONTACTS 20

static struct contact contacts[CONTACTS], read_back[TABLES_CONTACTS_MAX];
static uint8_t file[TABLES_FILE_MAX];
static size_t size, count;
static struct scratch scratch;
static uv_loop_t loop;

static enum err find_nothing(void *context, enum store_space space, enum record_kind kind,
                             const struct id *target, struct stored *out)
{
    (void)context, (void)space, (void)kind, (void)target, (void)out;
    return ERR_NOT_FOUND;
}

static struct node *make_node(void)
{
    struct node_config config = {
        .role = NODE_SERVER,
        .has_v4 = true,
        .has_v6 = true,
        .store = {.get = find_nothing, .next = find_nothing},
    };
    config.id.b[0] = 9;
    struct node *node = node_new(&config, (struct now){.ms = 1, .unix_s = 1});
    ck_assert_ptr_nonnull(node);
    return node;
}

static void setup(void)
{
    scratch_make(&scratch);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    for (uint8_t i = 0; i < CONTACTS; i++) {
        uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, [15] = i};
        contacts[i].id.b[0] = i;
        contacts[i].addr =
            i % 2 == 0 ? addr_v4((const uint8_t[4]){10, 0, 0, i}, 1000 + i) : addr_v6(ip, 1000 + i);
    }
    size = tables_pack(contacts, CONTACTS, file);
}

static void teardown(void)
{
    uv_loop_close(&loop);
    scratch_remove(&scratch);
}

START_TEST(what_was_packed_comes_back)
{
    ck_assert(tables_unpack(bytes_of(file, size), read_back, &count));
    ck_assert_uint_eq(count, CONTACTS);
    for (size_t i = 0; i < CONTACTS; i++) {
        ck_assert(id_equal(&contacts[i].id, &read_back[i].id));
        ck_assert(addr_equal(&contacts[i].addr, &read_back[i].addr));
    }
}
END_TEST

START_TEST(an_empty_table_is_a_table)
{
    size = tables_pack(NULL, 0, file);
    ck_assert(tables_unpack(bytes_of(file, size), read_back, &count));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(any_damage_is_seen)
{
    for (size_t i = 0; i < size; i++) {
        file[i] ^= 1;
        ck_assert(!tables_unpack(bytes_of(file, size), read_back, &count));
        file[i] ^= 1;
        ck_assert(!tables_unpack(bytes_of(file, i), read_back, &count));
    }
}
END_TEST

START_TEST(saved_contacts_are_pinged_at_the_start)
{
    struct tables tables;
    struct outbox out;
    char path[PATH_MAX];
    const struct now now = {.ms = 1, .unix_s = 1};
    struct node *node = make_node();
    outbox_init(&out);
    scratch_write(&scratch, "table", file, size);
    tables_init(&tables, &loop, scratch_path(&scratch, "table", path));
    ck_assert_uint_eq(tables_restore(&tables, node, now), CONTACTS);
    node_tick(node, now, &out);
    ck_assert(!outbox_is_empty(&out));
    outbox_clear(&out);
    node_free(node);
}
END_TEST

START_TEST(a_missing_or_damaged_file_is_a_start_without_it)
{
    struct tables tables;
    struct outbox out;
    char path[PATH_MAX];
    struct now now = {.ms = 1, .unix_s = 1};
    struct node *node = make_node();
    outbox_init(&out);
    tables_init(&tables, &loop, scratch_path(&scratch, "table", path));
    ck_assert_uint_eq(tables_restore(&tables, node, now), 0);
    scratch_write(&scratch, "table", file, size - 1);
    ck_assert_uint_eq(tables_restore(&tables, node, now), 0);
    node_tick(node, now, &out);
    ck_assert(outbox_is_empty(&out));
    outbox_clear(&out);
    node_free(node);
}
END_TEST

/* A member of the table of its family. */
static void know(struct node *node, size_t index)
{
    const unsigned family = family_index(contacts[index].addr.family);
    ck_assert_int_eq(routing_answered(&node->tables[family], &contacts[index], true, 10, 1),
                     ROUTING_ADDED);
}

START_TEST(what_the_node_knows_is_saved_and_restored)
{
    static const size_t known[] = {0, 1, 2, 4}; /* one of them of IPv6 */
    struct tables tables, other;
    char path[PATH_MAX];
    const struct now now = {.ms = 1, .unix_s = 1};
    struct node *node = make_node(), *next = make_node();
    tables_init(&tables, &loop, scratch_path(&scratch, "table", path));
    tables_init(&other, &loop, path);
    for (size_t i = 0; i < 4; i++)
        know(node, known[i]);
    tables_save(&tables, node);
    ck_assert(!tables_is_idle(&tables));
    know(node, 6);
    tables_save(&tables, node); /* one at a time */
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(tables_is_idle(&tables));
    ck_assert_uint_eq(tables_restore(&other, next, now), 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert(restored_has(&next->maintain.restored, &contacts[known[i]]));
    tables_save(&tables, node);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(tables_restore(&other, next, now), 5);
    tables_save(&tables, node); /* it is there already */
    ck_assert(tables_is_idle(&tables));
    node_free(node);
    node_free(next);
}
END_TEST

START_TEST(an_empty_table_replaces_no_file)
{
    struct tables tables;
    char path[PATH_MAX];
    struct node *node = make_node();
    scratch_write(&scratch, "table", file, size);
    tables_init(&tables, &loop, scratch_path(&scratch, "table", path));
    tables_save(&tables, node);
    ck_assert(tables_is_idle(&tables));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(scratch_size(&scratch, "table"), (long)size);
    node_free(node);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_packed_comes_back);
    tcase_add_test(tests, an_empty_table_is_a_table);
    tcase_add_test(tests, any_damage_is_seen);
    tcase_add_test(tests, saved_contacts_are_pinged_at_the_start);
    tcase_add_test(tests, a_missing_or_damaged_file_is_a_start_without_it);
    tcase_add_test(tests, what_the_node_knows_is_saved_and_restored);
    tcase_add_test(tests, an_empty_table_replaces_no_file);
}
