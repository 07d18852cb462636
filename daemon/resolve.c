#include "daemon/resolve.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/addr_text.h"
#include "daemon/udp_addr.h"

#define HOST_SIZE 256 /* a name has at most 253 characters (RFC 1035) */

struct resolve_question {
    uv_getaddrinfo_t request;
    struct resolve *resolve;
    struct resolve_question *next;
    uint64_t ticket;
    struct addr addr; /* of a number; ADDR_NONE: on a worker */
    uint16_t port;
};

void resolve_init(struct resolve *r, uv_loop_t *loop, resolve_done *done, void *context)
{
    *r = (struct resolve){.loop = loop, .done = done, .context = context};
}

static bool is_name(const struct resolve_question *q)
{
    return q->addr.family == ADDR_NONE;
}

static void unlink_question(struct resolve_question *q)
{
    struct resolve_question **at = &q->resolve->questions;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    q->resolve->count--;
    q->resolve->names -= is_name(q);
}

static size_t take_addrs(const struct addrinfo *list, uint16_t port, struct addr *out)
{
    size_t count = 0;
    for (; list != NULL && count < RESOLVE_ADDRS_MAX; list = list->ai_next) {
        if (!udp_addr_from_sockaddr(list->ai_addr, &out[count]))
            continue;
        out[count].port = port;
        if (addr_is_usable(&out[count]))
            count++;
    }
    return count;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct resolve_question *q = request->data;
    struct resolve *r = q->resolve;
    struct addr addrs[RESOLVE_ADDRS_MAX];
    size_t count = status == 0 ? take_addrs(list, q->port, addrs) : 0;
    uv_freeaddrinfo(list);
    unlink_question(q);
    r->done(r->context, q->ticket, count > 0 ? ERR_OK : ERR_NOT_FOUND, addrs, count);
    free(q);
}

static enum err ask_worker(struct resolve_question *q, const char *host)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    q->request.data = q;
    if (uv_getaddrinfo(q->resolve->loop, &q->request, on_resolved, host, NULL, &hints) != 0)
        return ERR_NO_MEMORY;
    return ERR_OK;
}

enum err resolve_start(struct resolve *r, const char *text, uint64_t ticket)
{
    char host[HOST_SIZE];
    uint16_t port;
    if (!addr_split(text, host, sizeof(host), &port) || host[0] == '\0' || port == 0)
        return ERR_INVALID_PARAMS;
    struct addr addr;
    if (!addr_parse(text, &addr))
        addr = (struct addr){.family = ADDR_NONE};
    if (addr.family == ADDR_NONE && r->names == RESOLVE_NAMES_MAX)
        return ERR_BUSY;
    struct resolve_question *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return ERR_NO_MEMORY;
    *q = (struct resolve_question){.resolve = r, .ticket = ticket, .addr = addr, .port = port};
    if (is_name(q) && ask_worker(q, host) != ERR_OK) {
        free(q);
        return ERR_NO_MEMORY;
    }
    q->next = r->questions;
    r->questions = q;
    r->count++;
    r->names += is_name(q);
    return ERR_OK;
}

bool resolve_flush(struct resolve *r)
{
    bool has_answered = false;
    struct resolve_question *q = r->questions;
    while (q != NULL) {
        struct resolve_question *next = q->next;
        if (!is_name(q)) {
            unlink_question(q);
            r->done(r->context, q->ticket, ERR_OK, &q->addr, 1);
            free(q);
            has_answered = true;
        }
        q = next;
    }
    return has_answered;
}

void resolve_cancel(struct resolve *r)
{
    for (struct resolve_question *q = r->questions; q != NULL; q = q->next) {
        if (is_name(q))
            uv_cancel((uv_req_t *)&q->request);
    }
}

bool resolve_is_idle(const struct resolve *r)
{
    return r->count == 0;
}
