#include "tests/rpc/serving.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct serving serving;

static void on_prepare(uv_prepare_t *handle)
{
    (void)handle;
    rpc_server_flush(serving.server);
}

static void setup(void)
{
    char detail[RPC_DETAIL_SIZE];

    fake_host_init(&serving.fake);
    scratch_make(&serving.scratch);
    scratch_path(&serving.scratch, "rpc.sock", serving.path);
    uv_loop_init(&serving.loop);
    uv_prepare_init(&serving.loop, &serving.prepare);
    uv_prepare_start(&serving.prepare, on_prepare);
    serving.server = rpc_server_new(&serving.loop, &serving.fake.host);
    ck_assert_ptr_nonnull(serving.server);
    ck_assert_int_eq(rpc_server_listen(serving.server, serving.path, 0600, RPC_ACCESS_FULL, detail),
                     ERR_OK);
}

static void teardown(void)
{
    rpc_server_close(serving.server);
    rpc_server_close(serving.server);
    for (int i = 0; i < SERVING_TURNS_MAX && !rpc_server_is_closed(serving.server); i++)
        uv_run(&serving.loop, UV_RUN_ONCE);
    ck_assert(rpc_server_is_closed(serving.server));
    uv_close((uv_handle_t *)&serving.prepare, NULL);
    uv_run(&serving.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&serving.loop), 0);
    rpc_server_free(serving.server);
    ck_assert_int_eq(access(serving.path, F_OK), -1);
    scratch_remove(&serving.scratch);
    json_text_clear(&serving.got);
    fake_host_clear(&serving.fake);
}

int serving_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void serving_turn(struct serving *s)
{
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

void serving_say(struct serving *s, int fd, const char *data, size_t size)
{
    for (int i = 0; i < SERVING_TURNS_MAX && size > 0; i++) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        }
        serving_turn(s);
    }
    ck_assert_uint_eq(size, 0);
}

void serving_say_text(struct serving *s, int fd, const char *text)
{
    serving_say(s, fd, text, strlen(text));
}

const char *serving_hear(struct serving *s, int fd, size_t lines)
{
    char chunk[65536];

    json_text_clear(&s->got);
    for (int i = 0; i < SERVING_TURNS_MAX && lines > 0; i++) {
        serving_turn(s);
        ssize_t size = recv(fd, chunk, sizeof chunk, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN)) {
            ck_assert_uint_eq(lines, SIZE_MAX);
            lines = 0;
        }
        for (ssize_t at = 0; at < size; at++)
            if (chunk[at] == '\n' && lines != SIZE_MAX)
                lines--;
        if (size > 0)
            json_text_append(&s->got, chunk, (size_t)size);
    }
    ck_assert_uint_eq(lines, 0);
    json_text_append(&s->got, "", 1);
    return s->got.data;
}

void serving_wait_clients(struct serving *s, size_t count)
{
    for (int i = 0; i < SERVING_TURNS_MAX && rpc_server_clients(s->server) != count; i++)
        serving_turn(s);
    ck_assert_uint_eq(rpc_server_clients(s->server), count);
}

struct serving *serving_fixture(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    return &serving;
}
