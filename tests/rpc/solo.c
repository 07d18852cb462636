#include "tests/rpc/solo.h"

#include <check.h>
#include <unistd.h>

#define WAIT_MS 60000u

static void sign(struct solo *solo, const struct event *event)
{
    struct fake_host *fake = &solo->fake;
    uint8_t message[RECORD_SIGNED_MAX], sig[KEYS_SIGNATURE_SIZE];
    struct wire_writer writer;
    wire_writer_init(&writer, message, sizeof message);
    record_write_signed(&writer, &event->sign);
    bool is_signed = fake->host.sign(fake->host.context, event->sign.k, wire_written(&writer), sig);
    is_signed = is_signed && !large_renew(&solo->dispatch, &event->sign);
    node_put_signed(fake->host.node, fake->now, event->op, is_signed ? sig : NULL, &fake->outbox);
}

static bool is_refused(struct solo *solo, const struct store_write *write)
{
    bool is_one = write->action == STORE_DROP && write->record.kind == RECORD_IMMUTABLE &&
                  solo->drops_refused > 0;
    solo->drops_refused -= is_one;
    return is_one;
}

/* Carries out the effects, and those that they have; packets have nowhere to go. */
static void act(struct solo *solo)
{
    struct fake_host *fake = &solo->fake;
    struct outbox *out = &fake->outbox;
    for (size_t event = 0, write = 0; event < out->event_count || write < out->write_count;) {
        if (write < out->write_count) {
            struct store_write next = out->writes[write++];
            if (solo->before_write != NULL) {
                solo->before_write(solo, &next);
            }
            int64_t seq = 0;
            enum err err =
                is_refused(solo, &next) ? ERR_IO : ram_write(&solo->fake.store, &next, &seq);
            node_watch_written(fake->host.node, &next, err, out);
            node_stored(fake->host.node, fake->now, next.write, err, seq, out);
            continue;
        }
        struct event next = out->events[event++];
        if (next.kind == EVENT_NEED_SIGNATURE) {
            if (solo->before_sign != NULL) {
                solo->before_sign(solo);
            }
            sign(solo, &next);
        } else {
            dispatch_event(&solo->dispatch, &next);
        }
    }
    outbox_reset(out);
}

static void resolve(struct solo *solo)
{
    const uint8_t loopback[4] = {127, 0, 0, 1};
    struct addr addr = addr_v4(loopback, 9);
    uint64_t ticket = solo->fake.resolve_ticket;
    solo->fake.resolve_ticket = 0;
    if (ticket != 0) {
        dispatch_resolved(&solo->dispatch, ticket, ERR_OK, &addr, 1);
    }
}

/* To the next thing that is due in the node or for a call, at most to `latest_ms`. */
static void pass_time(struct solo *solo, uint64_t latest_ms)
{
    struct fake_host *fake = &solo->fake;
    uint64_t node_ms = node_next_ms(fake->host.node);
    uint64_t call_ms = dispatch_next_ms(&solo->dispatch);
    uint64_t next_ms = node_ms < call_ms ? node_ms : call_ms;
    fake->now.ms = next_ms > latest_ms      ? latest_ms
                   : next_ms > fake->now.ms ? next_ms
                                            : fake->now.ms + 1;
}

static void do_what_is_due(struct solo *solo)
{
    fake_host_tick(&solo->fake);
    act(solo);
    dispatch_tick(&solo->dispatch);
    act(solo);
}

/* One step of time, at most a second. */
static void step(struct solo *solo)
{
    pass_time(solo, solo->fake.now.ms + 1000);
    do_what_is_due(solo);
}

void solo_init(struct solo *solo)
{
    *solo = (struct solo){0};
    struct fake_host *fake = &solo->fake;
    fake_host_init(fake);
    ck_assert_int_eq(fake->host.key_create(fake, "alice", NULL, 0), ERR_OK);
    dispatch_init(&solo->dispatch, &fake->host, NULL);
    dispatch_client_init(&solo->dispatch, &solo->client, RPC_ACCESS_FULL, geteuid());
    for (int i = 0; i < 10; i++) {
        step(solo);
    }
}

void solo_clear(struct solo *solo)
{
    dispatch_client_clear(&solo->client);
    dispatch_clear(&solo->dispatch);
    fake_host_clear(&solo->fake);
}

json_t *solo_call(struct solo *solo, const char *method, const char *params)
{
    struct json_text line = {0};
    char head[128];
    snprintf(head, sizeof head,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":", method);
    json_text_append(&line, head, strlen(head));
    json_text_append(&line, params, strlen(params));
    json_text_append(&line, "}", 1);
    uint64_t end_ms = solo->fake.now.ms + WAIT_MS;
    dispatch_line(&solo->client, bytes_of(line.data, line.size));
    json_text_clear(&line);
    act(solo);
    while (solo->client.out.size == 0 && solo->fake.now.ms < end_ms) {
        resolve(solo);
        step(solo);
    }
    json_t *reply = json_read(bytes_of(solo->client.out.data, solo->client.out.size), 64, NULL, 0);
    ck_assert_msg(reply != NULL, "%s was not answered", method);
    json_text_clear(&solo->client.out);
    return reply;
}

json_t *solo_result(struct solo *solo, const char *method, const char *params)
{
    json_t *reply = solo_call(solo, method, params);
    json_t *result = json_incref(json_object_get(reply, "result"));
    ck_assert_msg(result != NULL, "%s %s: %s", method, params,
                  json_string_value(json_object_get(json_object_get(reply, "error"), "message")));
    json_decref(reply);
    return result;
}

void solo_run(struct solo *solo, uint64_t seconds)
{
    struct fake_host *fake = &solo->fake;
    const uint64_t end_ms = fake->now.ms + seconds * 1000;
    const uint64_t start_ms = fake->now.ms, start_unix_s = fake->now.unix_s;
    while (fake->now.ms < end_ms) {
        pass_time(solo, end_ms);
        fake->now.unix_s = start_unix_s + (fake->now.ms - start_ms) / 1000;
        do_what_is_due(solo);
    }
}

size_t solo_count(const struct solo *solo, enum store_space space, enum record_kind kind)
{
    const struct disk *disk = &solo->fake.store.disk;
    size_t count = 0;
    for (uint32_t i = 0; i < disk->count; i++) {
        const struct disk_entry *entry = &disk->entries[i];
        count += entry->expiry_unix_s > solo->fake.now.unix_s && entry->space == space &&
                 entry->blob->record.kind == kind;
    }
    return count;
}
