#include "rpc/client/client_top.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rpc/client/client_socket.h"
#include "rpc/client/client_terminal.h"
#include "rpc/client/client_top_draw.h"
#include "rpc/client/client_top_state.h"

#define ASK_MS    1000u /* between two questions to the daemon */
#define REDRAW_MS 100u  /* between two pictures, when lookups go on */

enum top_question { ASK_MONITOR = 1, ASK_INFO, ASK_NODES }; /* ids of the calls */

struct top {
    struct client_socket socket;
    struct client_terminal terminal;
    struct top_state state;
    unsigned awaited;  /* answers to the last questions */
    uint64_t ask_ms;   /* when to ask again */
    uint64_t drawn_ms; /* the last picture */
    bool is_changed;   /* since then */
    bool has_more;     /* lines that were not looked at in this turn */
    char error[CLIENT_ERROR_SIZE];
};

const char *client_top_summary(void)
{
    return "shows a running daemon on the terminal";
}

const char *client_top_help(void)
{
    return "xord top\n"
           "Shows a daemon on the terminal, as it is now, drawn anew each second; q ends it.\n\n"
           "Its state and role, the nodes it knows by bucket (the bits that they share with it; a "
           "- is one that did not\n"
           "answer last time), lookups as they step closer, the store, listeners and traffic. On "
           "the read-only socket\n"
           "no lookups are shown. Needs a terminal of 40 by 10 or more.\n";
}

static bool ask(struct top *top, const char *method, enum top_question id)
{
    json_t *request =
        json_pack("{s:s, s:i, s:s}", "jsonrpc", "2.0", "id", (int)id, "method", method);
    if (id == ASK_MONITOR) {
        json_object_set_new(request, "params", json_pack("[s]", "lookups"));
    }
    bool is_sent = client_socket_send(&top->socket, request, top->error);
    json_decref(request);
    return is_sent;
}

static bool ask_again(struct top *top, uint64_t now_ms)
{
    top->ask_ms = now_ms + ASK_MS;
    if (top->awaited > 0) {
        return true; /* a daemon that is slow is not asked more */
    }
    top->awaited = 2;
    return ask(top, "getinfo", ASK_INFO) && ask(top, "listnodes", ASK_NODES);
}

static void take_reply(struct top *top, const json_t *reply, uint64_t now_ms)
{
    json_int_t id = json_integer_value(json_object_get(reply, "id"));
    json_t *result = json_object_get(reply, "result");
    if (id == ASK_MONITOR) {
        top->state.is_blind = result == NULL;
        return;
    }
    top->awaited -= top->awaited > 0;
    if (id == ASK_INFO && json_is_object(result)) {
        top_state_info(&top->state, result, now_ms);
    } else if (id == ASK_NODES && json_is_array(result)) {
        top_state_nodes(&top->state, result);
    }
}

/* False when it says that the daemon goes. */
static bool take_line(struct top *top, const json_t *line)
{
    const json_t *params = json_object_get(line, "params");
    const char *event = json_string_value(json_object_get(params, "event"));
    if (params != NULL) {
        top_state_event(&top->state, params, client_socket_now_ms());
    } else {
        take_reply(top, line, client_socket_now_ms());
    }
    top->is_changed = true;
    if (event == NULL || strcmp(event, "end") != 0) {
        return true;
    }
    snprintf(top->error, sizeof top->error, "the daemon stops");
    return false;
}

/* What has come, as long as a picture can wait. False when the daemon is gone or goes. */
static bool take_lines(struct top *top)
{
    uint64_t end_ms = client_socket_now_ms() + REDRAW_MS;
    bool is_going_on = true;
    enum client_wait why;
    while (is_going_on && client_socket_now_ms() < end_ms) {
        json_t *line = client_socket_next(&top->socket, 0, &why, top->error);
        if (line == NULL) {
            top->has_more = false;
            return why == CLIENT_WAIT_LATE;
        }
        is_going_on = take_line(top, line);
        json_decref(line);
    }
    top->has_more = true;
    return is_going_on;
}

static bool draw(struct top *top, uint64_t now_ms)
{
    struct json_text text = {0};
    top_state_tidy(&top->state, now_ms);
    top_draw(&text, &top->state, top->terminal.rows, top->terminal.columns);
    bool is_shown = client_terminal_show(text.data, text.size);
    json_text_clear(&text);
    top->drawn_ms = now_ms;
    top->is_changed = false;
    return is_shown;
}

/* Until something comes, or is due. */
static void wait_for_something(const struct top *top, struct pollfd polls[3], uint64_t now_ms)
{
    uint64_t due_ms = top->ask_ms;
    if (top->is_changed && top->drawn_ms + REDRAW_MS < due_ms) {
        due_ms = top->drawn_ms + REDRAW_MS;
    }
    polls[0] = (struct pollfd){.fd = top->socket.fd, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = top->terminal.signals, .events = POLLIN};
    polls[2] = (struct pollfd){.fd = top->terminal.has_modes ? STDIN_FILENO : -1, .events = POLLIN};
    poll(polls, 3, !top->has_more && due_ms > now_ms ? (int)(due_ms - now_ms) : 0);
}

/* One turn: false at the end, and *code says how. */
static bool turn(struct top *top, enum client_exit *code)
{
    struct pollfd polls[3];
    uint64_t now_ms = client_socket_now_ms();
    *code = CLIENT_NO_DAEMON;
    if (now_ms >= top->ask_ms && !ask_again(top, now_ms)) {
        return false;
    }
    wait_for_something(top, polls, now_ms);
    if ((polls[0].revents != 0 || top->has_more) && !take_lines(top)) {
        return false;
    }
    enum client_wish wish =
        polls[1].revents != 0 ? client_terminal_signal(&top->terminal) : CLIENT_GOES_ON;
    enum client_wish key = client_terminal_key(&top->terminal);
    *code = CLIENT_OK;
    if (wish == CLIENT_ENDS || key == CLIENT_ENDS) {
        return false;
    }
    now_ms = client_socket_now_ms();
    bool is_due = top->is_changed && now_ms >= top->drawn_ms + REDRAW_MS;
    if (wish == CLIENT_REDRAWS || key == CLIENT_REDRAWS || is_due || now_ms >= top->ask_ms) {
        return draw(top, now_ms);
    }
    return true;
}

enum client_exit client_top(const struct client_args *args)
{
    struct top top = {0};
    enum client_exit code = CLIENT_NO_DAEMON;
    if (!client_socket_open(&top.socket, args, true, top.error)) {
        fprintf(stderr, "xord: top: %s\n", top.error);
        return CLIENT_NO_DAEMON;
    }
    if (!client_terminal_open(&top.terminal, top.error)) {
        fprintf(stderr, "xord: top: %s\n", top.error);
        client_socket_close(&top.socket);
        return CLIENT_USAGE;
    }
    if (ask(&top, "monitor", ASK_MONITOR) && draw(&top, client_socket_now_ms())) {
        while (turn(&top, &code)) {
        }
    }
    client_terminal_close(&top.terminal);
    if (code != CLIENT_OK) {
        fprintf(stderr, "xord: top: %s\n", top.error);
    }
    top_state_clear(&top.state);
    client_socket_close(&top.socket);
    return code;
}
