/* Each key comes from the flag, else the environment, else the file, else its default; whatever is
 * wrong is refused with its place; xord.conf shows exactly the table. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/dht/records/multi.h"
#include "daemon/settings.h"
#include "daemon/settings_environment.h"
#include "daemon/settings_paths.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define ARGUMENTS_MAX 16

static struct settings settings;
static char error[SETTINGS_ERROR_SIZE];
static struct scratch scratch;
static char conf_path[PATH_MAX];

static enum err load(const char *const arguments[], const char *const environment[])
{
    char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "xord"};
    int argc = 1;
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[argc++] = (char *)(uintptr_t)arguments[i];
    struct settings_input input = {
        .argc = argc, .argv = argv, .environment = (char **)(uintptr_t)environment};
    settings_clear(&settings);
    return settings_load(&settings, &input, error);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOME      "HOME=/nonexistent"

static void write_conf(const char *text)
{
    scratch_write(&scratch, "conf", text, strlen(text));
}

static void setup(void)
{
    scratch_make(&scratch);
    scratch_path(&scratch, "conf", conf_path);
    write_conf("");
}

static void teardown(void)
{
    settings_clear(&settings);
    scratch_remove(&scratch);
}

#define assert_text(key, text) ck_assert_str_eq(settings_text(&settings, key), text)
#define assert_error(...)      assert_error_holds(LIST(__VA_ARGS__))

static void assert_error_holds(const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++)
        ck_assert_msg(strstr(error, words[i]) != NULL, "\"%s\" lacks \"%s\"", error, words[i]);
}

START_TEST(defaults_hold_alone)
{
    ck_assert_int_eq(load(LIST("--datadir", "d"), LIST(HOME)), ERR_OK);
    assert_text(SETTING_PORT, SETTINGS_PORT_DEFAULT);
    assert_text(SETTING_NETWORK, "xord");
    assert_text(SETTING_RPC_SOCKET, "d/rpc.sock");
    assert_text(SETTING_RPC_READONLY_SOCKET, "d/ro.sock");
    ck_assert_str_eq(settings_at(&settings, SETTING_BIND, 0), "0.0.0.0");
    ck_assert_str_eq(settings_at(&settings, SETTING_BIND, 1), "::");
    ck_assert_ptr_null(settings_text(&settings, SETTING_BOOTSTRAP));
    ck_assert_int_eq(settings_number(&settings, SETTING_MAX_BYTES), 256 << 20);
    ck_assert_int_eq(settings_number(&settings, SETTING_MULTI_ENTRIES), MULTI_ENTRIES_DEFAULT);
    ck_assert_int_eq(settings_number(&settings, SETTING_MULTI_BYTES), MULTI_BYTES_DEFAULT);
    ck_assert(!settings_is_loopback(&settings));
}
END_TEST

START_TEST(flag_beats_environment_beats_file)
{
    write_conf("port = 1\nrole = client\nnetwork = town\n");
    const char *const *environment = LIST(HOME, "XORD_PORT=2", "XORD_ROLE=server");
    ck_assert_int_eq(load(LIST("--conf", conf_path, "--port=3"), environment), ERR_OK);
    assert_text(SETTING_PORT, "3");
    assert_text(SETTING_ROLE, "server");
    assert_text(SETTING_NETWORK, "town");
    ck_assert_int_eq(settings.values[SETTING_PORT].source, SETTINGS_FLAG);
    ck_assert_str_eq(settings.values[SETTING_ROLE].where, "XORD_ROLE");
}
END_TEST

/* Each on a line; "" when all are known. */
static const char *unknown_variables(const char *const environment[])
{
    static char text[4 * SETTINGS_ERROR_SIZE];
    struct settings_input input = {.environment = (char **)(uintptr_t)environment};
    char line[SETTINGS_ERROR_SIZE];
    text[0] = '\0';
    for (size_t at = 0; settings_unknown_variable(&input, &at, line);)
        strcat(strcat(text, line), "\n");
    return text;
}

START_TEST(unknown_variables_are_named)
{
    ck_assert_str_eq(unknown_variables(LIST(HOME, "XORD_PRT=1", "XORD=x", "XORD_PORT=2", "PORT=3",
                                            "XORD_CHECK_CONFIG=1", "XORD_", "XORD_MAXBYTES=")),
                     "unknown variable \"XORD_PRT\" in the environment; did you mean "
                     "\"XORD_PORT\"?\n"
                     "unknown variable \"XORD_CHECK_CONFIG\" in the environment; xord --help lists "
                     "all\n"
                     "unknown variable \"XORD_\" in the environment; xord --help lists all\n"
                     "unknown variable \"XORD_MAXBYTES\" in the environment; did you mean "
                     "\"XORD_MAX_BYTES\"?\n");
    ck_assert_str_eq(unknown_variables(LIST(HOME, "XORD_CONF=c", "XORD_RPC_READONLY_SOCKET=s",
                                            "XORD_EVENT=value", "XORD_N=1", "XORD_REQUEST=7")),
                     "");
}
END_TEST

START_TEST(repeated_keys_gather_and_a_stronger_source_replaces_all)
{
    write_conf("bootstrap = a.example:1\nbootstrap = b.example:2\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_OK);
    ck_assert_uint_eq(settings.values[SETTING_BOOTSTRAP].count, 2);
    ck_assert_int_eq(
        load(LIST("--conf", conf_path), LIST(HOME, "XORD_BOOTSTRAP=[::1]:5, c.example:3")), ERR_OK);
    ck_assert_str_eq(settings_at(&settings, SETTING_BOOTSTRAP, 0), "[::1]:5");
    ck_assert_str_eq(settings_at(&settings, SETTING_BOOTSTRAP, 1), "c.example:3");
    ck_assert_uint_eq(settings.values[SETTING_BOOTSTRAP].count, 2);
    ck_assert_int_eq(load(LIST("--conf", conf_path, "--bootstrap", "none"), LIST(HOME)), ERR_OK);
    ck_assert_uint_eq(settings.values[SETTING_BOOTSTRAP].count, 0);
}
END_TEST

START_TEST(a_wrong_file_names_key_file_line_and_the_nearest_key)
{
    write_conf("# mine\nprot = 4001\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error(conf_path, ":2:", "\"prot\"", "\"port\"");
    write_conf("port = many\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error(conf_path, ":1:", "port", "0 to 65535", "many");
    write_conf("port = 1\nport = 2\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error(":2:", "port", "twice");
    write_conf("port = 1 ; mine\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error(conf_path, ":1:", "comment");
    write_conf("check-config = true\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    ck_assert_int_eq(load(LIST("--conf", "/nonexistent/x.conf"), LIST(HOME)), ERR_MALFORMED);
    assert_error("/nonexistent/x.conf");
}
END_TEST

START_TEST(a_wrong_value_is_wrong_even_when_overridden)
{
    write_conf("role = king\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path, "--role", "auto"), LIST(HOME)), ERR_MALFORMED);
    assert_error(":1:", "role", "king");
}
END_TEST

START_TEST(a_wrong_command_line_is_a_usage_error)
{
    ck_assert_int_eq(load(LIST("--prot", "1"), LIST(HOME)), ERR_INVALID_PARAMS);
    assert_error("--prot", "--port");
    ck_assert_int_eq(load(LIST("--port"), LIST(HOME)), ERR_INVALID_PARAMS);
    assert_error("--port", "needs a value");
    ck_assert_int_eq(load(LIST("-q"), LIST(HOME)), ERR_INVALID_PARAMS);
    assert_error("unknown option \"-q\"");
    ck_assert_int_eq(load(LIST("--http-public", "true"), LIST(HOME)), ERR_INVALID_PARAMS);
    assert_error("no option", "\"true\"");
    ck_assert_int_eq(load(LIST("--port", "65536"), LIST(HOME)), ERR_INVALID_PARAMS);
    ck_assert_int_eq(load(LIST("--check-config=perhaps"), LIST(HOME)), ERR_INVALID_PARAMS);
}
END_TEST

START_TEST(a_wrong_variable_is_named)
{
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST(HOME, "XORD_MAX_BYTES=5Q")), ERR_MALFORMED);
    assert_error("XORD_MAX_BYTES", "max-bytes", "5Q");
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST(HOME, "XORD_LOG_LEVEL=loud")),
                     ERR_MALFORMED);
    assert_error("XORD_LOG_LEVEL", "loud");
}
END_TEST

START_TEST(mainline_starts_from_public_nodes_unless_told_otherwise)
{
    const char *const *environment = LIST(HOME);
    ck_assert_int_eq(load(LIST("--network", "mainline", "--bind", "127.0.0.1"), environment),
                     ERR_OK);
    ck_assert_uint_eq(settings.values[SETTING_BOOTSTRAP].count, 0);
    ck_assert(settings_is_mainline(&settings) && settings_is_loopback(&settings));
    ck_assert_int_eq(load(LIST("--network", "mainline"), environment), ERR_OK);
    ck_assert_uint_eq(settings.values[SETTING_BOOTSTRAP].count, 4);
    ck_assert_int_eq(load(LIST("--network", "mainline", "--bootstrap", "none"), environment),
                     ERR_OK);
    ck_assert_uint_eq(settings.values[SETTING_BOOTSTRAP].count, 0);
}
END_TEST

START_TEST(a_socket_path_that_libuv_would_cut_is_refused)
{
    char path[SETTINGS_SOCKET_MAX + 2];
    memset(path, 's', sizeof(path));
    path[SETTINGS_SOCKET_MAX] = '\0';
    ck_assert_int_eq(load(LIST("--rpc-socket", path), LIST(HOME)), ERR_OK);
    path[SETTINGS_SOCKET_MAX] = 's';
    path[SETTINGS_SOCKET_MAX + 1] = '\0';
    ck_assert_int_eq(load(LIST("--rpc-socket", path), LIST(HOME)), ERR_MALFORMED);
    assert_error("rpc-socket", "108", "107");
    ck_assert_int_eq(load(LIST("--rpc-socket", "a", "--rpc-readonly-socket", "a"), LIST(HOME)),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(one_address_a_family_is_bound)
{
    const char *const *environment = LIST(HOME);
    ck_assert_int_eq(load(LIST("--bind", "127.0.0.1", "--bind", "::1"), environment), ERR_OK);
    ck_assert(settings_is_loopback(&settings));
    ck_assert_int_eq(load(LIST("--bind", "127.0.0.1", "--bind", "127.0.0.2"), environment),
                     ERR_MALFORMED);
    assert_error("--bind", "127.0.0.2");
    ck_assert_int_eq(
        load(LIST("--bind", "::1", "--bind", "127.0.0.1", "--bind", "::2"), environment),
        ERR_MALFORMED);
    assert_error("::2");
}
END_TEST

START_TEST(log_levels_are_checked)
{
    const char *const *environment = LIST(HOME);
    ck_assert_int_eq(load(LIST("--log-level", "warn,rpc=debug"), environment), ERR_OK);
    ck_assert_int_eq(load(LIST("--log-level", "net=debug"), environment), ERR_OK);
    ck_assert_int_eq(load(LIST("--log-level", "warn,"), environment), ERR_MALFORMED);
    ck_assert_int_eq(load(LIST("--log-level", "cellar=warn"), environment), ERR_MALFORMED);
    ck_assert_int_eq(load(LIST("--log-level", "rpc=loud"), environment), ERR_MALFORMED);
}
END_TEST

START_TEST(paths_follow_systemd_then_xdg)
{
    ck_assert_int_eq(load(LIST("--role", "auto"),
                          LIST(HOME, "STATE_DIRECTORY=/s/xord:/t", "RUNTIME_DIRECTORY=/r/xord")),
                     ERR_OK);
    assert_text(SETTING_DATADIR, "/s/xord");
    assert_text(SETTING_RPC_SOCKET, "/r/xord/rpc.sock");
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST(HOME, "XDG_RUNTIME_DIR=/r")), ERR_OK);
    assert_text(SETTING_DATADIR, "/nonexistent/.local/state/xord");
    assert_text(SETTING_RPC_SOCKET, "/r/xord/rpc.sock");
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST("XDG_STATE_HOME=/x")), ERR_OK);
    assert_text(SETTING_RPC_SOCKET, "/x/xord/rpc.sock");
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST("A=b")), ERR_MALFORMED);
    assert_error("HOME", "--datadir");
}
END_TEST

START_TEST(an_authority_is_a_name_a_key_or_none)
{
    static const char key[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST(HOME)), ERR_OK);
    ck_assert_ptr_null(settings_text(&settings, SETTING_AUTHORITY));
    ck_assert_int_eq(load(LIST("--authority", key), LIST(HOME)), ERR_OK);
    assert_text(SETTING_AUTHORITY, key);
    write_conf("authority = wabi\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_OK);
    assert_text(SETTING_AUTHORITY, "wabi");
    ck_assert_int_eq(load(LIST("--conf", conf_path, "--authority", "none"), LIST(HOME)), ERR_OK);
    ck_assert_ptr_null(settings_text(&settings, SETTING_AUTHORITY));
    write_conf("\nauthority = wabi@city\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error(conf_path, ":2:", "authority", "64 hex digits", "wabi@city");
}
END_TEST

START_TEST(http_stays_on_loopback_unless_said_otherwise)
{
    char reason[128];
    ck_assert_int_eq(load(LIST("--role", "auto"), LIST(HOME)), ERR_OK);
    ck_assert_ptr_null(settings_text(&settings, SETTING_HTTP));
    ck_assert_int_eq(load(LIST("--http", "127.0.0.1:0"), LIST(HOME)), ERR_OK);
    assert_text(SETTING_HTTP, "127.0.0.1:0");
    ck_assert_int_eq(load(LIST("--http", "[::1]:80"), LIST(HOME)), ERR_OK);
    write_conf("http = 192.0.2.1:80\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error(conf_path, ":1:", "192.0.2.1:80", "http-public");
    ck_assert_int_eq(load(LIST("--conf", conf_path, "--http-public"), LIST(HOME)), ERR_OK);
    ck_assert_int_eq(load(LIST("--conf", conf_path, "--http", "off"), LIST(HOME)), ERR_OK);
    ck_assert_ptr_null(settings_text(&settings, SETTING_HTTP));
    ck_assert(settings_is_valid(SETTING_HTTP_HOST, "a-1.Example.org", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_HTTP_HOST, "a.org:80", reason, sizeof(reason)));
    write_conf("http-host = a\nhttp-host = b\nhttp-host = c\nhttp-host = d\nhttp-host = e\n"
               "http-host = f\nhttp-host = g\nhttp-host = h\nhttp-host = i\n");
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_MALFORMED);
    assert_error("http-host", "8 times");
}
END_TEST

START_TEST(sizes_and_numbers_are_read_whole)
{
    char reason[128];
    ck_assert(settings_is_valid(SETTING_MULTI_ENTRIES, "4096", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_MULTI_ENTRIES, "4097", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_MULTI_ENTRIES, "0", reason, sizeof(reason)));
    ck_assert(settings_is_valid(SETTING_MULTI_BYTES, "16K", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_MULTI_BYTES, "15K", reason, sizeof(reason)));
    ck_assert(settings_is_valid(SETTING_MAX_BYTES, "64k", reason, sizeof(reason)));
    ck_assert(settings_is_valid(SETTING_MAX_BYTES, "1T", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_MAX_BYTES, "2T", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_MAX_BYTES, "1", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_MAX_BYTES, "9999999999999999999G", reason, 128));
    ck_assert(!settings_is_valid(SETTING_MAX_BYTES, "64KB", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_PORT, "-1", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_PORT, "1 ", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_BIND, "127.0.0.1:1", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_NETWORK, "Town", reason, sizeof(reason)));
    ck_assert(!settings_is_valid(SETTING_BOOTSTRAP, "host", reason, sizeof(reason)));
}
END_TEST

/* The part of xord.conf that a row stands for. */
static void expect_row(const struct setting_row *row, char *out, size_t size)
{
    char shown[128], reason[128];
    int used = snprintf(out, size, "\n# %s\n", row->help);
    snprintf(shown, sizeof(shown), "%s", row->shown);
    char *rest = shown, *word;
    while ((word = strsep(&rest, " ")) != NULL) {
        ck_assert(settings_is_valid((enum setting)(row - settings_row(SETTING_CONF)), word, reason,
                                    sizeof(reason)));
        used += snprintf(out + used, size - (size_t)used, "#%s = %s\n", row->name, word);
    }
}

START_TEST(the_conf_file_is_the_table)
{
    char text[8192], expected[512];
    FILE *file = fopen("conf/xord.conf", "r");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *at = strstr(text, "\n\n");
    ck_assert_ptr_nonnull(at);
    at++;
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *row = settings_row((enum setting)i);
        if (row->is_flag_only)
            continue;
        expect_row(row, expected, sizeof(expected));
        ck_assert_msg(strncmp(at, expected, strlen(expected)) == 0,
                      "conf/xord.conf should have here:%s", expected);
        at += strlen(expected);
    }
    ck_assert_str_eq(at, "");
    write_conf(text);
    ck_assert_int_eq(load(LIST("--conf", conf_path), LIST(HOME)), ERR_OK);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, defaults_hold_alone);
    tcase_add_test(tests, flag_beats_environment_beats_file);
    tcase_add_test(tests, unknown_variables_are_named);
    tcase_add_test(tests, repeated_keys_gather_and_a_stronger_source_replaces_all);
    tcase_add_test(tests, a_wrong_file_names_key_file_line_and_the_nearest_key);
    tcase_add_test(tests, a_wrong_value_is_wrong_even_when_overridden);
    tcase_add_test(tests, a_wrong_command_line_is_a_usage_error);
    tcase_add_test(tests, a_wrong_variable_is_named);
    tcase_add_test(tests, mainline_starts_from_public_nodes_unless_told_otherwise);
    tcase_add_test(tests, a_socket_path_that_libuv_would_cut_is_refused);
    tcase_add_test(tests, one_address_a_family_is_bound);
    tcase_add_test(tests, log_levels_are_checked);
    tcase_add_test(tests, paths_follow_systemd_then_xdg);
    tcase_add_test(tests, an_authority_is_a_name_a_key_or_none);
    tcase_add_test(tests, http_stays_on_loopback_unless_said_otherwise);
    tcase_add_test(tests, sizes_and_numbers_are_read_whole);
    tcase_add_test(tests, the_conf_file_is_the_table);
}
