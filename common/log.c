#include "common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE_MAX 1024 /* a longer line is cut: nobody reads further */

static const char *const level_names[LOG_LEVEL_COUNT] = {"error", "warn", "info", "debug"};
static const char *const room_names[LOG_ROOM_COUNT] = {"daemon", "node", "net", "store", "rpc"};

/* What systemd calls these levels (sd-daemon(3)). */
static const char journal_levels[LOG_LEVEL_COUNT] = {'3', '4', '6', '7'};

/* The worker thread logs too, so these are atomic. */
static atomic_int levels[LOG_ROOM_COUNT] = {LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO};
static atomic_bool is_under_journal;

void log_set_journal(bool is_journal)
{
    is_under_journal = is_journal;
}

void log_set_level(enum log_room room, enum log_level level)
{
    levels[room] = (int)level;
}

enum log_level log_get_level(enum log_room room)
{
    return (enum log_level)levels[room];
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

const char *log_room_name(enum log_room room)
{
    return room_names[room];
}

/* The index of the name that `text` of `length` is, or -1. */
static int find_name(const char *const names[], int count, const char *text, size_t length)
{
    for (int i = 0; i < count; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
            return i;
    }
    return -1;
}

/* One item of the list, LEVEL or ROOM=LEVEL, into `wanted`. */
static bool parse_item(const char *item, size_t length, int wanted[LOG_ROOM_COUNT])
{
    const char *equals = memchr(item, '=', length);
    const char *name = equals != NULL ? equals + 1 : item;
    int level = find_name(level_names, LOG_LEVEL_COUNT, name, length - (size_t)(name - item));
    if (level < 0)
        return false;
    if (equals == NULL) {
        for (int room = 0; room < LOG_ROOM_COUNT; room++)
            wanted[room] = level;
        return true;
    }
    int room = find_name(room_names, LOG_ROOM_COUNT, item, (size_t)(equals - item));
    if (room < 0)
        return false;
    wanted[room] = level;
    return true;
}

bool log_set_levels(const char *text)
{
    int wanted[LOG_ROOM_COUNT];
    for (int room = 0; room < LOG_ROOM_COUNT; room++)
        wanted[room] = levels[room];
    for (;;) {
        size_t length = strcspn(text, ",");
        if (!parse_item(text, length, wanted))
            return false;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    for (int room = 0; room < LOG_ROOM_COUNT; room++)
        levels[room] = wanted[room];
    return true;
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    if (is_under_journal)
        return (size_t)snprintf(line, size, "<%c>", journal_levels[level]);
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    return strftime(line, size, "%Y-%m-%dT%H:%M:%SZ ", &parts);
}

/* What others sent may be in the text: it must not start lines of its own or drive a terminal. */
static void replace_controls(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            text[i] = '?';
    }
}

/* Closes the line, which has room for one byte more, and writes it. One write a line, so that lines
 * of threads do not mix. A log that is gone ends nothing. */
static void write_line(char *line, size_t used)
{
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}

void log_write(enum log_level level, enum log_room room, const char *format, ...)
{
    if ((int)level > levels[room])
        return;
    char line[LINE_SIZE_MAX];
    size_t room_left = sizeof line - 1; /* the last byte is the line feed's */
    size_t used = write_prefix(line, room_left, level);
    used += (size_t)snprintf(line + used, room_left - used, "%s: %s: ", room_names[room],
                             level_names[level]);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, room_left - used, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t fits = room_left - used - 1;
    size_t text_length = (size_t)length < fits ? (size_t)length : fits;
    replace_controls(line + used, text_length);
    write_line(line, used + text_length);
}

void log_failure(const char *text)
{
    char line[LINE_SIZE_MAX];
    size_t size = sizeof line - 1;
    size_t used = is_under_journal ? write_prefix(line, size, LOG_ERROR) : 0;
    int length = snprintf(line + used, size - used, "xord: %s", text);
    if (length < 0)
        return;
    size_t fits = size - used - 1;
    size_t text_length = (size_t)length < fits ? (size_t)length : fits;
    replace_controls(line + used, text_length);
    write_line(line, used + text_length);
}
