#include "tests/bench/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/report.h"

#define READ_SIZE (64 * 1024)

bool call_connect(struct call_connection *c, const char *socket_path)
{
    *c = (struct call_connection){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", socket_path);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
        call_close(c);
        return false;
    }
    return true;
}

void call_close(struct call_connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->buffer);
    *c = (struct call_connection){.fd = -1};
}

static void send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            report_fail("the daemon closed the connection");
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

void call_send(struct call_connection *c, int id, const char *method, json_t *params)
{
    json_t *request = json_pack("{s:s, s:i, s:s, s:o*}", "jsonrpc", "2.0", "id", id, "method",
                                method, "params", params);
    char *text = json_dumps(request, JSON_COMPACT);
    size_t size = strlen(text);
    text[size] = '\n';
    send_all(c->fd, text, size + 1);
    free(text);
    json_decref(request);
}

/* Reads once; false when there is nothing to read and it is not to wait. */
static bool receive(struct call_connection *c, bool is_waiting)
{
    memmove(c->buffer, c->buffer + c->taken, c->used - c->taken);
    c->used -= c->taken;
    c->taken = 0;
    if (c->capacity - c->used < READ_SIZE) {
        c->capacity += 2 * READ_SIZE;
        c->buffer = realloc(c->buffer, c->capacity);
        if (c->buffer == NULL)
            report_fail("no memory");
    }
    ssize_t size = recv(c->fd, c->buffer + c->used, READ_SIZE, is_waiting ? 0 : MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0)
        report_fail("the daemon closed the connection");
    c->used += (size_t)size;
    return true;
}

const char *call_line(struct call_connection *c, bool is_waiting, size_t *size)
{
    for (;;) {
        size_t have = c->used - c->taken;
        const char *start = c->buffer + c->taken;
        const char *end = have > 0 ? memchr(start, '\n', have) : NULL;
        if (end != NULL) {
            *size = (size_t)(end - start);
            c->taken += *size + 1;
            return start;
        }
        if (!receive(c, is_waiting) && !is_waiting)
            return NULL;
    }
}

json_t *call_result(const char *line, size_t size, int *id)
{
    json_t *reply = json_loadb(line, size, 0, NULL);
    *id = (int)json_integer_value(json_object_get(reply, "id"));
    json_t *result = json_incref(json_object_get(reply, "result"));
    json_decref(reply);
    return result;
}

json_t *call(struct call_connection *c, const char *method, json_t *params)
{
    size_t size;
    int id;
    call_send(c, 1, method, params);
    const char *line = call_line(c, true, &size);
    json_t *result = call_result(line, size, &id);
    if (result == NULL)
        report_fail("%s: %.*s", method, (int)size, line);
    return result;
}
