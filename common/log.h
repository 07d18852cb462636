/* Lines for a person, on standard error; never one a packet. Under the journal each line starts
 * with systemd's level prefix, else with the time in UTC; then follow room, level and text. A line
 * is cut at 1024 bytes and control characters in it are replaced, as peers' text may be among it.
 * Levels are kept by subsystem, info at first, and can be changed at run time. Safe from every
 * thread. The only module of common/ with state; nothing under daemon/dht/ uses it. */
#ifndef XORD_COMMON_LOG_H
#define XORD_COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };
enum log_room { LOG_DAEMON, LOG_NODE, LOG_NET, LOG_STORE, LOG_RPC, LOG_ROOM_COUNT };

void log_set_journal(bool is_journal); /* level prefixes instead of times */
void log_set_level(enum log_room room, enum log_level level);
enum log_level log_get_level(enum log_room room);
/* "info", or "info,rpc=debug,net=error": a level is for all rooms, a room's for that one, the later
 * item wins. False (and nothing changed) when malformed. */
bool log_set_levels(const char *text);
const char *log_level_name(enum log_level level);
const char *log_room_name(enum log_room room);
void log_write(enum log_level level, enum log_room room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The line that a process ends with, "xord: TEXT": whatever the levels are, and without a time, as
 * it may stand on a person's terminal. */
void log_failure(const char *text);

#define log_error(room, ...) log_write(LOG_ERROR, room, __VA_ARGS__)
#define log_warn(room, ...)  log_write(LOG_WARN, room, __VA_ARGS__)
#define log_info(room, ...)  log_write(LOG_INFO, room, __VA_ARGS__)
#define log_debug(room, ...) log_write(LOG_DEBUG, room, __VA_ARGS__)

#endif
