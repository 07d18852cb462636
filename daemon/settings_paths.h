/* Defaults that depend on who runs the daemon: systemd's directories, else the system's for root,
 * else the user's after the XDG base directory rules. */
#ifndef XORD_DAEMON_SETTINGS_PATHS_H
#define XORD_DAEMON_SETTINGS_PATHS_H

#include "daemon/settings.h"

/* A variable of input->environment, or NULL when it is unset or empty. */
const char *settings_variable(const struct settings_input *input, const char *name);
/* The configuration file's default path; false when there is none. */
bool settings_default_conf(const struct settings_input *input, char *out, size_t size);
/* Sets datadir and the two sockets where nothing set them; false with `error` filled. */
bool settings_default_paths(struct settings *s, const struct settings_input *input,
                            char error[SETTINGS_ERROR_SIZE]);

#endif
