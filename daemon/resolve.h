/* HOST:PORT to addresses without blocking the loop: numbers at once, names on a worker. */
#ifndef XORD_DAEMON_RESOLVE_H
#define XORD_DAEMON_RESOLVE_H

#include <uv.h>

#include "common/addr.h"
#include "common/err.h"

#define RESOLVE_NAMES_MAX 64 /* on workers at once; numbers are answered in the same turn */
#define RESOLVE_ADDRS_MAX 16 /* addresses taken of one name */

/* ERR_OK with at least one address, else ERR_NOT_FOUND or ERR_IO. Borrowed for the call. */
typedef void resolve_done(void *context, uint64_t ticket, enum err err, const struct addr *addrs,
                          size_t count);

struct resolve_question;

struct resolve {
    uv_loop_t *loop;
    resolve_done *done;
    void *context;
    struct resolve_question *questions; /* not yet answered */
    size_t count, names;                /* of all, and of those on a worker */
};

void resolve_init(struct resolve *r, uv_loop_t *loop, resolve_done *done, void *context);
/* ERR_OK: `done` follows exactly once, never from inside this call. ERR_INVALID_PARAMS: not
 * HOST:PORT; ERR_BUSY: too many names; ERR_NO_MEMORY. */
enum err resolve_start(struct resolve *r, const char *text, uint64_t ticket);
/* Answers what needed no worker; before the loop sleeps. True when it answered something. */
bool resolve_flush(struct resolve *r);
/* Asks the workers to give up what they have not begun. */
void resolve_cancel(struct resolve *r);
bool resolve_is_idle(const struct resolve *r);

#endif
