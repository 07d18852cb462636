#include "daemon/settings_paths.h"

#include <limits.h>
#include <stdarg.h>

const char *settings_variable(const struct settings_input *input, const char *name)
{
    size_t size = strlen(name);
    for (char **at = input->environment; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, name, size) == 0 && (*at)[size] == '=' && (*at)[size + 1] != '\0')
            return *at + size + 1;
    }
    return NULL;
}

__attribute__((format(printf, 3, 4))) static bool put(char *out, size_t size, const char *format,
                                                      ...)
{
    va_list list;
    va_start(list, format);
    int written = vsnprintf(out, size, format, list);
    va_end(list);
    return written > 0 && (size_t)written < size;
}

/* systemd's variables may hold several paths with colons between; the first is ours. */
static bool from_systemd(const struct settings_input *input, const char *variable, char *out,
                         size_t size)
{
    const char *paths = settings_variable(input, variable);
    return paths != NULL && put(out, size, "%.*s", (int)strcspn(paths, ":"), paths);
}

/* A directory of the user's by XDG: $variable/xord, else $HOME/under/xord. */
static bool from_user(const struct settings_input *input, const char *variable, const char *under,
                      char *out, size_t size)
{
    const char *base = settings_variable(input, variable);
    const char *home = settings_variable(input, "HOME");
    if (base != NULL && base[0] == '/')
        return put(out, size, "%s/xord", base);
    return under != NULL && home != NULL && put(out, size, "%s/%s/xord", home, under);
}

bool settings_default_conf(const struct settings_input *input, char *out, size_t size)
{
    char directory[PATH_MAX];
    if (from_systemd(input, "CONFIGURATION_DIRECTORY", directory, sizeof(directory)))
        return put(out, size, "%s/xord.conf", directory);
    if (input->is_root)
        return put(out, size, "/etc/xord/xord.conf");
    return from_user(input, "XDG_CONFIG_HOME", ".config", directory, sizeof(directory)) &&
           put(out, size, "%s/xord.conf", directory);
}

static bool default_datadir(const struct settings_input *input, char *out, size_t size)
{
    if (from_systemd(input, "STATE_DIRECTORY", out, size))
        return true;
    if (input->is_root)
        return put(out, size, "/var/lib/xord");
    return from_user(input, "XDG_STATE_HOME", ".local/state", out, size);
}

/* Where the socket goes: into a data directory that was chosen, else where the system or the user
 * has run-time files, else into the data directory. */
static bool default_run_directory(const struct settings *s, const struct settings_input *input,
                                  char *out, size_t size)
{
    if (s->values[SETTING_DATADIR].source == SETTINGS_DEFAULT) {
        if (from_systemd(input, "RUNTIME_DIRECTORY", out, size))
            return true;
        if (input->is_root)
            return put(out, size, "/run/xord");
        if (from_user(input, "XDG_RUNTIME_DIR", NULL, out, size))
            return true;
    }
    return put(out, size, "%s", settings_text(s, SETTING_DATADIR));
}

static bool default_socket(struct settings *s, const struct settings_input *input,
                           char error[SETTINGS_ERROR_SIZE])
{
    char directory[PATH_MAX], path[PATH_MAX];
    if (settings_text(s, SETTING_RPC_SOCKET) != NULL)
        return true;
    return default_run_directory(s, input, directory, sizeof(directory)) &&
           put(path, sizeof(path), "%s/rpc.sock", directory) &&
           settings_add(s, SETTING_RPC_SOCKET, SETTINGS_DEFAULT, NULL, path, error);
}

static bool default_readonly_socket(struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    char path[PATH_MAX];
    const char *beside = settings_text(s, SETTING_RPC_SOCKET);
    if (settings_text(s, SETTING_RPC_READONLY_SOCKET) != NULL)
        return true;
    const char *slash = strrchr(beside, '/');
    int directory = slash != NULL ? (int)(slash - beside + 1) : 0;
    return put(path, sizeof(path), "%.*sro.sock", directory, beside) &&
           settings_add(s, SETTING_RPC_READONLY_SOCKET, SETTINGS_DEFAULT, NULL, path, error);
}

bool settings_default_paths(struct settings *s, const struct settings_input *input,
                            char error[SETTINGS_ERROR_SIZE])
{
    char path[PATH_MAX];
    if (settings_text(s, SETTING_DATADIR) == NULL) {
        if (!default_datadir(input, path, sizeof(path))) {
            snprintf(error, SETTINGS_ERROR_SIZE,
                     "no place for data: HOME is not set; give --datadir");
            return false;
        }
        if (!settings_add(s, SETTING_DATADIR, SETTINGS_DEFAULT, NULL, path, error))
            return false;
    }
    snprintf(error, SETTINGS_ERROR_SIZE, "the data directory's path is too long");
    return default_socket(s, input, error) && default_readonly_socket(s, error);
}
