/* JSON-RPC calls over the daemon's socket, as small as a measuring client can be: one line out, one
 * line in. */
#ifndef XORD_BENCH_CALL_H
#define XORD_BENCH_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct call_connection {
    int fd;
    char *buffer; /* what was read and not yet taken */
    size_t used, taken, capacity;
};

/* False when nobody listens there. */
bool call_connect(struct call_connection *c, const char *socket);
void call_close(struct call_connection *c);

/* Sends one request. Takes `params` over; NULL for none. */
void call_send(struct call_connection *c, int id, const char *method, json_t *params);
/* One whole line, without its end; borrowed until the next call. Waits when `is_waiting`; else NULL
 * when there is no whole line yet. */
const char *call_line(struct call_connection *c, bool is_waiting, size_t *size);
/* Sends and waits; the result, owned by the caller. An error reply fails the program. */
json_t *call(struct call_connection *c, const char *method, json_t *params);
/* The reply in a line: its result (owned) or NULL for an error; *id is what it answers. */
json_t *call_result(const char *line, size_t size, int *id);

#endif
