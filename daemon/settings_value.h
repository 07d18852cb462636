/* The text of one setting, read as the type of its row. Private to the files of settings.h. */
#ifndef XORD_DAEMON_SETTINGS_VALUE_H
#define XORD_DAEMON_SETTINGS_VALUE_H

#include "daemon/settings.h"

/* Of numbers and sizes; whether it is within the row's bounds is not asked. */
bool settings_read_number(enum setting key, const char *text, int64_t *out);
bool settings_read_bool(const char *text, bool *out);
/* The word that stands for no value. */
bool settings_is_none(enum setting key, const char *text);

#endif
