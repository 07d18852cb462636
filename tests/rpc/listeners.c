#include "tests/rpc/listeners.h"

#include <stdio.h>

#include "daemon/dht/records/envelope.h"

#define TOLD_SIZE 65536
#define SUBS_MAX  64

static struct listeners fixture;

void listeners_init(struct listeners *l)
{
    *l = (struct listeners){0};
    struct fake_host *fake = &l->fake;
    fake_host_init(fake);
    ck_assert_int_eq(fake->host.key_create(fake, "alice", NULL, 0), ERR_OK);
    ck_assert_int_eq(fake->host.key_create(fake, "bob", NULL, 0), ERR_OK);
    dispatch_init(&l->dispatch, &fake->host, NULL);
    dispatch_client_init(&l->dispatch, &l->client, RPC_ACCESS_FULL, 0);
    dispatch_client_init(&l->dispatch, &l->reader, RPC_ACCESS_READ, 0);
}

void listeners_clear(struct listeners *l)
{
    dispatch_client_clear(&l->client);
    dispatch_client_clear(&l->reader);
    ck_assert_uint_eq(l->dispatch.feeds.by_key.count, 0);
    ck_assert_uint_eq(l->dispatch.feeds.by_op.count, 0);
    ck_assert_uint_eq(l->dispatch.feeds.read_count, 0);
    ck_assert_uint_eq(l->dispatch.feeds.budget.used, 0);
    ck_assert_uint_eq(l->dispatch.feeds.budget.read_used, 0);
    dispatch_clear(&l->dispatch);
    ck_assert_uint_eq(l->dispatch.feeds.fetches, 0);
    fake_host_clear(&l->fake);
}

static void set_up(void)
{
    listeners_init(&fixture);
}

static void tear_down(void)
{
    listeners_clear(&fixture);
}

struct listeners *listeners_fixture(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    return &fixture;
}

/* ---- calls ---- */

void listeners_call(struct rpc_client *client, const char *method, const char *params)
{
    char line[1024];
    int size =
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
    ck_assert_int_lt(size, (int)sizeof line);
    dispatch_line(client, bytes_of(line, (size_t)size));
}

static void begin(struct rpc_client *client, const char *what, const char *rest)
{
    char params[512];
    snprintf(params, sizeof params, "{%s%s}", what, rest);
    listeners_call(client, "listen", params);
    json_t *reply = listeners_line(client);
    json_t *result = json_object_get(reply, "result");
    ck_assert_msg(json_is_integer(json_object_get(result, "sub")), "%s: no sub", params);
    json_decref(reply);
}

void listeners_multi(struct rpc_client *client, const char *rest)
{
    begin(client, "\"username\":\"tag\",\"resource\":\"r\",\"type\":\"m\"", rest);
}

void listeners_single(struct rpc_client *client, const char *rest)
{
    begin(client, "\"username\":\"alice\",\"resource\":\"profile\",\"type\":\"s\"", rest);
}

/* ---- events ---- */

struct feed *listeners_feed(struct listeners *l)
{
    const struct chains *feeds = &l->dispatch.feeds.by_key;
    ck_assert_uint_eq(feeds->count, 1);
    for (uint32_t i = 0; i < feeds->capacity; i++)
        if (feeds->heads[i] != NULL)
            return (struct feed *)feeds->heads[i];
    return NULL;
}

/* Bytes that a record points to. */
struct made {
    uint8_t k[KEYS_PUBLIC_SIZE], sig[KEYS_SIGNATURE_SIZE];
    uint8_t v[RECORD_V_MAX];
    size_t v_size;
};

static void make_v(struct made *made, enum listen_what what, int content)
{
    char text[16];
    snprintf(text, sizeof text, "%d", content);
    const struct envelope envelope = {
        .content = what == LISTEN_DELETED ? ENVELOPE_DELETED : ENVELOPE_JSON,
        .body = what == LISTEN_DELETED ? (struct bytes){0} : bytes_of_string(text),
        .has_time = true,
        .time_unix_s = (uint64_t)content};
    struct wire_writer writer;
    wire_writer_init(&writer, made->v, sizeof made->v);
    envelope_write(&writer, &envelope);
    made->v_size = writer.used;
}

static struct record record_of(const struct feed *feed, struct made *made, char signer,
                               const char *slot, int64_t seq, struct bytes v)
{
    memset(made->k, signer, sizeof made->k);
    memset(made->sig, signer, sizeof made->sig);
    bool is_single = feed->kind == RECORD_SINGLE;
    return (struct record){.kind = feed->kind,
                           .target = feed->target,
                           .k = is_single ? feed->k : made->k,
                           .sig = made->sig,
                           .salt = is_single ? bytes_of(feed->salt, feed->salt_size)
                                             : bytes_of(slot, 1),
                           .seq = seq,
                           .v = v};
}

void listeners_tell_v(struct listeners *l, enum listen_what what, bool is_replay, char signer,
                      char slot, int64_t seq, struct bytes v)
{
    struct feed *feed = listeners_feed(l);
    struct made made;
    struct event event = {.kind = EVENT_LISTEN,
                          .op = feed->listening.number,
                          .listen = {.what = what, .is_replay = is_replay}};
    event.listen.record = record_of(feed, &made, signer, &slot, seq, v);
    if (what == LISTEN_EXPIRED) {
        event.listen.record.sig = NULL;
        event.listen.record.v = (struct bytes){0};
    }
    dispatch_event(&l->dispatch, &event);
}

void listeners_tell(struct listeners *l, enum listen_what what, bool is_replay, char signer,
                    char slot, int64_t seq, int content)
{
    struct made made;
    make_v(&made, what, content);
    listeners_tell_v(l, what, is_replay, signer, slot, seq, bytes_of(made.v, made.v_size));
}

void listeners_value(struct listeners *l, bool is_replay, char signer, char slot, int64_t seq,
                     int content)
{
    listeners_tell(l, LISTEN_VALUE, is_replay, signer, slot, seq, content);
}

static void say(struct listeners *l, enum listen_what what, enum err err)
{
    const struct event event = {.kind = EVENT_LISTEN,
                                .op = listeners_feed(l)->listening.number,
                                .err = err,
                                .listen = {.what = what}};
    dispatch_event(&l->dispatch, &event);
}

void listeners_synced(struct listeners *l, enum err err)
{
    say(l, LISTEN_SYNCED, err);
}

void listeners_end(struct listeners *l, enum err err)
{
    say(l, LISTEN_END, err);
}

void listeners_read(struct listeners *l, const struct listeners_entry *entries, size_t count,
                    enum err err)
{
    static struct made made[8];
    struct event_entry found[8];
    struct feed *feed = listeners_feed(l);
    ck_assert_uint_le(count, 8);
    ck_assert_uint_ne(feed->reading.number, 0);
    for (size_t i = 0; i < count; i++) {
        make_v(&made[i], LISTEN_VALUE, entries[i].content);
        found[i] = (struct event_entry){.record = record_of(feed, &made[i], entries[i].signer,
                                                            &entries[i].slot, entries[i].seq,
                                                            bytes_of(made[i].v, made[i].v_size)),
                                        .next = i + 1 < count ? &found[i + 1] : NULL};
    }
    const struct event event = {.kind = EVENT_GATHER,
                                .op = feed->reading.number,
                                .err = err,
                                .stats = {.is_complete = true},
                                .gather = {.first = count > 0 ? found : NULL, .count = count}};
    dispatch_event(&l->dispatch, &event);
}

/* ---- what is told ---- */

json_t *listeners_line(struct rpc_client *client)
{
    struct json_text *out = &client->out;
    const char *feed = out->size > 0 ? memchr(out->data, '\n', out->size) : NULL;
    if (feed == NULL)
        return NULL;
    size_t size = (size_t)(feed - out->data);
    json_t *line = json_read(bytes_of(out->data, size), 64, NULL, 0);
    ck_assert_msg(line != NULL, "no JSON: %.*s", (int)size, out->data);
    out->size -= size + 1;
    memmove(out->data, feed + 1, out->size);
    return line;
}

static void append(char *text, const json_t *params)
{
    const char *event = json_string_value(json_object_get(params, "event"));
    const json_t *part = json_object_get(json_object_get(params, "value"), "p");
    const json_t *v = json_object_get(part, "v"), *dropped = json_object_get(params, "dropped");
    const json_t *data = json_object_get(json_object_get(params, "error"), "data");
    const char *name = json_string_value(json_object_get(data, "name"));
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, TOLD_SIZE - used, "%s%lld:%s", used > 0 ? "; " : "",
                             json_integer_value(json_object_get(params, "sub")), event);
    if (v != NULL || dropped != NULL)
        used += (size_t)snprintf(text + used, TOLD_SIZE - used, " %lld",
                                 json_integer_value(v != NULL ? v : dropped));
    if (name != NULL)
        snprintf(text + used, TOLD_SIZE - used, " %s", name);
}

/* The n of each sub rises by one a line; those that are not seen from their start on are taken as
 * they come first. */
static void check_number(json_int_t next[SUBS_MAX], const json_t *params)
{
    json_int_t sub = json_integer_value(json_object_get(params, "sub"));
    json_int_t n = json_integer_value(json_object_get(params, "n"));
    ck_assert_int_lt(sub, SUBS_MAX);
    ck_assert_int_ge(n, 1);
    if (next[sub] != 0)
        ck_assert_int_eq(n, next[sub]);
    next[sub] = n + 1;
}

const char *listeners_told(struct rpc_client *client)
{
    static char text[TOLD_SIZE];
    json_int_t next[SUBS_MAX] = {0};
    json_t *line;
    text[0] = '\0';
    while ((line = listeners_line(client)) != NULL) {
        const json_t *params = json_object_get(line, "params");
        ck_assert_str_eq(json_string_value(json_object_get(line, "method")), "listen");
        check_number(next, params);
        append(text, params);
        json_decref(line);
    }
    return text;
}

void listeners_expect(struct listeners *l, const char *told)
{
    ck_assert_str_eq(listeners_told(&l->client), told);
}

void listeners_stop_reading(struct rpc_client *client)
{
    client->sending = STREAM_OUTPUT_MAX;
}

void listeners_read_again(struct rpc_client *client)
{
    client->sending = 0;
    dispatch_client_room(client);
}

void listeners_join(struct listeners *l)
{
    listeners_multi(&l->client, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:synced");
}
