/* Settings in the environment: XORD_MAX_BYTES is max-bytes. Reads variables; changes none. */
#ifndef XORD_DAEMON_SETTINGS_ENVIRONMENT_H
#define XORD_DAEMON_SETTINGS_ENVIRONMENT_H

#include "daemon/settings.h"

/* Takes over all that are set; false with `error` filled. */
bool settings_load_environment(struct settings *s, const struct settings_input *input,
                               char error[SETTINGS_ERROR_SIZE]);
/* The next variable, from *at on, that is named as a setting would be and is none: `text` says so
 * in one line, with what may have been meant. False after the last. Such a variable is no error, as
 * an unknown key of the file is: who runs the daemon need not have set it. */
bool settings_unknown_variable(const struct settings_input *input, size_t *at,
                               char text[SETTINGS_ERROR_SIZE]);

#endif
