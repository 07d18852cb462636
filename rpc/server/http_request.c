/* One HTTP request: who may ask what, the calls it makes, and its answer. */
#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "rpc/metrics/exposition.h"
#include "rpc/server/http_parts.h"
#include "rpc/server/status_page.h"

#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain; charset=utf-8"

#define EVENTS_BLOCK_SIZE 4096 /* sent at once; a chunk of the answer each */

struct http_route {
    const char *method, *path;
    const char *allow; /* what the path takes */
    enum MHD_Result (*answer)(struct http_request *request);
};

static const struct http_library *mhd_of(const struct http_request *request)
{
    return &request->link->http->mhd;
}

/* ---- answers ---- */

/* Queues an answer, which is taken. `policy` may be NULL. */
static enum MHD_Result queue(struct http_request *request, unsigned status, const char *type,
                             struct MHD_Response *response, const char *policy)
{
    const struct http_library *mhd = mhd_of(request);

    metrics_http(&request->link->http->dispatch->metrics, status);
    mhd->add_response_header(response, "Content-Type", type);
    mhd->add_response_header(response, "X-Content-Type-Options", "nosniff");
    mhd->add_response_header(response, "Cache-Control", "no-store");
    if (policy != NULL)
        mhd->add_response_header(response, "Content-Security-Policy", policy);
    if (request->allow != NULL)
        mhd->add_response_header(response, "Allow", request->allow);
    enum MHD_Result result = mhd->queue_response(request->connection, status, response);
    mhd->destroy_response(response);
    return result;
}

/* Takes `data` where `mode` says so. */
static enum MHD_Result answer(struct http_request *request, unsigned status, const char *type,
                              struct bytes data, enum MHD_ResponseMemoryMode mode,
                              const char *policy)
{
    void *body = (void *)(uintptr_t)data.data; /* changed by nobody */
    struct MHD_Response *response =
        mhd_of(request)->create_response_from_buffer(data.size, body, mode);

    if (response != NULL)
        return queue(request, status, type, response, policy);
    if (mode == MHD_RESPMEM_MUST_FREE)
        free(body);
    return MHD_NO;
}

static enum MHD_Result refuse(struct http_request *request, unsigned status, const char *why)
{
    return answer(request, status, TEXT_TYPE, bytes_of_string(why), MHD_RESPMEM_PERSISTENT, NULL);
}

/* Hands the text's memory over. */
static enum MHD_Result answer_text(struct http_request *request, const char *type,
                                   struct json_text *text)
{
    struct bytes data = bytes_of(text->data, text->size);

    if (text->failed) {
        json_text_clear(text);
        return refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    }
    *text = (struct json_text){0};
    if (data.size == 0) { /* nothing but notifications was sent */
        free((void *)(uintptr_t)data.data);
        return answer(request, MHD_HTTP_NO_CONTENT, type, bytes_of("", 0), MHD_RESPMEM_PERSISTENT,
                      NULL);
    }
    return answer(request, MHD_HTTP_OK, type, data, MHD_RESPMEM_MUST_FREE, NULL);
}

/* ---- calls ---- */

static struct http_request *request_of(struct rpc_client *client)
{
    return (struct http_request *)(void *)((char *)client - offsetof(struct http_request, client));
}

static void mark_dirty(struct http_request *request)
{
    struct http *http = request->link->http;

    if (request->is_dirty)
        return;
    request->is_dirty = true;
    request->next_dirty = http->dirty;
    http->dirty = request;
}

static void on_output(struct rpc_client *client)
{
    mark_dirty(request_of(client));
}

static void drop_dirty(struct http_request *request)
{
    struct http_request **at = &request->link->http->dirty;

    if (!request->is_dirty)
        return;
    while (*at != request)
        at = &(*at)->next_dirty;
    *at = request->next_dirty;
    request->is_dirty = false;
}

bool http_request_resume(struct http_request *request)
{
    bool is_due = http_events_is_open(&request->events)
                      ? http_events_is_due(&request->events)
                      : request->client.call_count == 0 || request->client.out.failed;

    is_due = is_due && request->is_suspended;
    if (is_due) {
        request->is_suspended = false;
        mhd_of(request)->resume_connection(request->connection);
    }
    return is_due;
}

static void end_work(struct http_request *request)
{
    if (http_events_is_open(&request->events)) {
        http_events_close(&request->events);
        request->link->http->events_count--;
    }
    if (request->has_client)
        dispatch_client_clear(&request->client);
    request->has_client = false;
    drop_dirty(request);
}

void http_request_stop(struct http_request *request)
{
    if (request->has_client)
        dispatch_client_stop(&request->client);
    if (http_events_is_open(&request->events))
        http_events_end(&request->events);
}

void http_request_abandon(struct http_request *request)
{
    end_work(request);
    request->is_gone = true;
    if (request->is_suspended) {
        request->is_suspended = false;
        mhd_of(request)->resume_connection(request->connection);
    }
}

static void suspend(struct http_request *request)
{
    request->is_suspended = true;
    mhd_of(request)->suspend_connection(request->connection);
}

/* Makes the call, or the batch of calls, in `line`; answers when all of it has been answered. */
static enum MHD_Result answer_calls(struct http_request *request, enum rpc_access access,
                                    struct bytes line)
{
    struct http *http = request->link->http;

    if (!request->has_client) {
        dispatch_client_init(http->dispatch, &request->client, access, request->link->uid);
        request->client.on_output = on_output;
        request->client.takes_one = true;
        request->client.streams.is_closed = true;
        request->has_client = true;
        dispatch_line(&request->client, line);
        json_text_clear(&request->body);
    }
    if (request->client.call_count > 0) {
        suspend(request);
        return MHD_YES;
    }
    return answer_text(request, JSON_TYPE, &request->client.out);
}

/* ---- events ---- */

static void on_more(void *context)
{
    mark_dirty(context);
}

/* libmicrohttpd asks for more to send; told none, it asks again at once unless it is suspended. */
static ssize_t read_events(void *context, uint64_t position, char *out, size_t size)
{
    struct http_request *request = context;

    (void)position;
    if (!http_events_is_open(&request->events))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t taken = http_events_take(&request->events, out, size);
    if (taken == 0 && request->events.is_ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (taken == 0)
        suspend(request);
    return (ssize_t)taken;
}

static enum MHD_Result answer_events(struct http_request *request)
{
    struct http *http = request->link->http;

    if (http->events_count >= HTTP_EVENTS_MAX || http->is_stopping)
        return refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "too many streams of events; close some of the pages\n");
    struct MHD_Response *response = mhd_of(request)->create_response_from_callback(
        MHD_SIZE_UNKNOWN, EVENTS_BLOCK_SIZE, read_events, request, NULL);
    if (response == NULL)
        return MHD_NO;
    http_events_open(&request->events, http->dispatch, on_more, request);
    http->events_count++;
    return queue(request, MHD_HTTP_OK, "text/event-stream", response, NULL);
}

/* ---- the routes ---- */

static enum MHD_Result answer_post(struct http_request *request)
{
    if (request->is_too_big)
        return refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "a call longer than 2 MiB\n");
    if (request->body.failed)
        return answer_text(request, JSON_TYPE, &request->body);
    return answer_calls(request, request->link->access,
                        bytes_of(request->body.data, request->body.size));
}

static enum MHD_Result answer_metrics(struct http_request *request)
{
    struct json_text text = {0};

    dispatch_write_metrics(request->link->http->dispatch, &text);
    return answer_text(request, EXPOSITION_TYPE, &text);
}

/* What the page shows, in one answer: whatever the door allows, never more than reading. */
static enum MHD_Result answer_status(struct http_request *request)
{
    static const char calls[] = "[{\"jsonrpc\":\"2.0\",\"id\":\"info\",\"method\":\"getinfo\"},"
                                "{\"jsonrpc\":\"2.0\",\"id\":\"nodes\",\"method\":\"listnodes\"}]";

    return answer_calls(request, RPC_ACCESS_READ, bytes_of_string(calls));
}

static enum MHD_Result answer_page(struct http_request *request)
{
    return answer(request, MHD_HTTP_OK, "text/html; charset=utf-8", status_page(),
                  MHD_RESPMEM_PERSISTENT, STATUS_PAGE_POLICY);
}

static const struct http_route routes[] = {
    {"POST", "/", "GET, HEAD, POST", answer_post},
    {"GET", "/", "GET, HEAD, POST", answer_page},
    {"GET", "/status", "GET, HEAD", answer_status},
    {"GET", "/metrics", "GET, HEAD", answer_metrics},
    {"GET", "/events", "GET", answer_events}, /* of a stream there is no head alone */
};

static bool is_taken(const struct http_route *route, const char *method)
{
    bool is_head = strcmp(method, "HEAD") == 0 && strstr(route->allow, "HEAD") != NULL;

    return strcmp(route->method, is_head ? "GET" : method) == 0;
}

/* Finds the route, or the reason why there is none. */
static void find_route(struct http_request *request, const char *method, const char *path)
{

    request->status = MHD_HTTP_NOT_FOUND;
    request->why = "no such page\n";
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, path) != 0)
            continue;
        if (is_taken(&routes[i], method)) {
            request->allow = NULL;
            request->route = &routes[i];
            return;
        }
        request->allow = routes[i].allow;
        request->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        request->why = "this page takes another method\n";
    }
}

static const char *header(const struct http_request *request, const char *name)
{
    return mhd_of(request)->lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* A page of another site could not read the answer, but hold all streams of events. */
static bool is_foreign(const char *origin, const char *host)
{
    const char *named = strstr(origin, "://");

    return named == NULL || host == NULL || strcasecmp(named + 3, host) != 0;
}

/* True when the door lets this in. `host` is what the request names. */
static bool is_let_in(struct http_request *request, const char *method, const char *host)
{
    const struct http_link *link = request->link;

    request->status = MHD_HTTP_FORBIDDEN;
    if (!link->is_local && !http_host_is_ours(&link->http->hosts, host)) {
        request->why = "the Host is none of this daemon's; http-host in its configuration names "
                       "more\n";
        return false;
    }
    const char *origin = header(request, "Origin");
    if (origin != NULL && (strcmp(method, "POST") == 0 || is_foreign(origin, host))) {
        request->why = "pages in a browser may not call methods, nor those of other sites ask\n";
        return false;
    }
    return true;
}

/* ---- what a head may say once ---- */

struct framing {
    unsigned hosts, lengths, encodings;
    bool is_strange; /* an encoding that nobody here reads */
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct framing *framing = context;

    (void)kind;
    framing->hosts += strcasecmp(name, "Host") == 0;
    framing->lengths += strcasecmp(name, "Content-Length") == 0;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->is_strange = value == NULL || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

/* Where the request ends, or whom it is for, could be read in two ways (RFC 9112, 3.2 and 6.3): a
 * proxy before us may have read it in the other. */
static bool is_ambiguous(const struct http_request *request)
{
    struct framing framing = {0};

    mhd_of(request)->get_connection_values(request->connection, MHD_HEADER_KIND, count_header,
                                           &framing);
    return framing.hosts > 1 || framing.lengths + framing.encodings > 1 || framing.is_strange;
}

/* ---- what libmicrohttpd calls ---- */

static struct http_link *link_of(const struct http *http, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        http->mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info->socket_context;
}

/* The head has come. What is refused is told so after its body: who is still sending one would not
 * hear it; but not when the body's end is not known, and then the connection ends too. */
static enum MHD_Result begin(const struct http *http, struct MHD_Connection *connection,
                             const char *method, const char *url, void **state)
{
    struct http_link *link = link_of(http, connection);
    struct http_request *request = calloc(1, sizeof *request);
    char host[HTTP_HOST_SIZE];
    const char *path = http_host_path(url, host);

    if (request == NULL)
        return MHD_NO;
    request->link = link;
    request->connection = connection;
    link->request = request;
    link->http->request_count++;
    *state = request;
    if (is_ambiguous(request))
        return refuse(request, MHD_HTTP_BAD_REQUEST,
                      "what this request is can be read in two ways\n");
    if (is_let_in(request, method, path != url ? host : header(request, "Host")))
        find_route(request, method, path);
    return MHD_YES;
}

static void take_body(struct http_request *request, const char *data, size_t size)
{
    if (request->route == NULL)
        return;
    request->is_too_big = request->is_too_big || request->body.size + size > RPC_LINE_MAX;
    if (!request->is_too_big)
        json_text_append(&request->body, data, size);
}

enum MHD_Result http_on_request(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **state)
{
    struct http_request *request = *state;

    (void)version;
    if (request == NULL)
        return begin(context, connection, method, url, state);
    if (request->is_gone)
        return MHD_NO;
    if (*upload_size > 0) {
        take_body(request, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    request->link->waiting_ms = 0; /* it is whole */
    return request->route != NULL ? request->route->answer(request)
                                  : refuse(request, request->status, request->why);
}

void http_on_completed(void *context, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code)
{
    struct http *http = context;
    struct http_request *request = *state;

    (void)connection;
    (void)code;
    if (request == NULL)
        return;
    end_work(request);
    request->link->request = NULL;
    request->link->waiting_ms = http->dispatch->host.now(http->dispatch->host.context).ms;
    http->request_count--;
    json_text_clear(&request->body);
    free(request);
    *state = NULL;
}
