#include "rpc/client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "rpc/client/client_args.h"
#include "rpc/client/client_bar.h"
#include "rpc/client/client_handle.h"
#include "rpc/client/client_listen.h"
#include "rpc/client/client_lookup.h"
#include "rpc/client/client_output.h"
#include "rpc/client/client_params.h"
#include "rpc/client/client_socket.h"
#include "rpc/client/client_stream.h"
#include "rpc/client/client_top.h"
#include "rpc/help.h"
#include "rpc/method.h"

#define CALL_ID 1

/* A flag has no value: the daemon's own, and what a method takes as true or false. */
static bool is_flag(const char *name)
{
    static const char *const flags[] = {"check-config", "help",      "json",
                                        "new-only",     "reconnect", "version"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(name, flags[i]) == 0) {
            return true;
        }
    }
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        for (const struct param *p = rows[i].params; p->name != NULL; p++) {
            if (p->type == PARAM_BOOL && strcmp(p->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool client_is_meant(int argc, char **argv)
{
    if (argc > 0 && client_args_link(argv[0]) != NULL) {
        return true;
    }
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (!client_args_is_option(text)) {
            return true;
        }
        if (strcmp(text, "--") == 0) {
            return i + 1 < argc;
        }
        bool takes_value = text[1] == '-' ? strchr(text, '=') == NULL && !is_flag(text + 2)
                                          : strcmp(text, "-C") == 0 || strcmp(text, "-W") == 0;
        i += takes_value;
    }
    return false;
}

/* Why nothing was sent. */
static enum client_exit refuse(const struct client_args *args, const char *reason)
{
    fprintf(stderr, "xord: %s%s%s\n", args->method != NULL ? args->method : "",
            args->method != NULL ? ": " : "", reason);
    fprintf(stderr, "xord: see: xord help%s%s\n", args->method != NULL ? " " : "",
            args->method != NULL ? args->method : "");
    return CLIENT_USAGE;
}

/* The row that says what the parameters are and what the result is like. */
static const struct method *find_row(const char *name)
{
    const struct method *row = method_find(name);
    return row != NULL && row->alias_of != NULL ? method_find(row->alias_of) : row;
}

static json_t *make_request(const char *method, json_t *params, int id)
{
    return json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", id, "method", method, "params",
                     params);
}

static const char *name_at(size_t index)
{
    size_t count;
    const struct method *rows = method_table(&count);
    return index < count ? rows[index].name : NULL;
}

static enum client_exit refuse_method(const char *name)
{
    const char *nearest = config_nearest(name, name_at);
    fprintf(stderr, "xord: no such method: %s%s%s\nxord: see: xord help\n", name,
            nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
    return CLIENT_USAGE;
}

/* Help needs no daemon: the table is in this program too. */
static enum client_exit help_alone(const char *command)
{
    char *text = help_text(command);
    if (text == NULL && command != NULL) {
        return refuse_method(command);
    }
    json_t *reply = json_pack("{s:s}", "result", text);
    free(text);
    enum client_exit code = client_output(stdout, stderr, "help", reply, false);
    json_decref(reply);
    return code;
}

static void draw(void *bar, const json_t *notification)
{
    client_bar_draw(bar, notification);
}

/* Somebody looks on: a method that can tell how far it has come is asked to. */
static void ask_progress(struct client_socket *socket, struct client_bar *bar,
                         const struct method *row, json_t *params)
{
    for (const struct param *p = row->params; p->name != NULL; p++) {
        if (strcmp(p->name, "progress") == 0 && isatty(STDERR_FILENO) != 0 &&
            json_object_get(params, p->name) == NULL &&
            json_object_set_new(params, p->name, json_true()) == 0) {
            socket->on_notification = draw;
            socket->context = bar;
        }
    }
}

/* A person looks on, and a table says it better. */
static bool wants_table(const struct client_args *args, const struct method *row,
                        const json_t *reply)
{
    return strcmp(row->name, "lookup") == 0 && !args->is_json && !args->is_quiet &&
           isatty(STDOUT_FILENO) != 0 && json_is_object(json_object_get(reply, "result"));
}

static enum client_exit call_once(const struct client_args *args, const struct method *row,
                                  json_t *params, struct client_socket *socket)
{
    char error[CLIENT_ERROR_SIZE] = "";
    struct client_bar bar = {.out = stderr};
    ask_progress(socket, &bar, row, params);
    if (strcmp(row->name, "query") == 0 && !args->is_quiet) {
        socket->on_notification = client_output_notice;
        socket->context = stdout;
    }
    json_t *request = make_request(row->name, params, CALL_ID);
    json_t *reply = client_socket_call(socket, request, error);
    client_bar_erase(&bar);
    enum client_exit code = CLIENT_NO_DAEMON;
    if (reply != NULL && wants_table(args, row, reply)) {
        client_lookup_print(stdout, json_object_get(reply, "result"));
        code = CLIENT_OK;
    } else if (reply != NULL) {
        code = client_output(stdout, stderr, row->name, reply, args->is_quiet);
    } else {
        fprintf(stderr, "xord: %s: %s\n", row->name, error);
    }
    json_decref(reply);
    json_decref(request);
    return code;
}

static enum client_exit call_stream(const struct client_args *args, struct client_stream *stream,
                                    const struct method *row, json_t *params,
                                    struct client_socket *socket)
{
    struct client_handling handling = {0};
    json_t *request = make_request(row->name, params, CALL_ID);
    stream->is_printing = args->command == NULL;
    if (args->command != NULL) {
        client_handle_begin(&handling, stream, args);
    }
    enum client_exit code = client_stream_run(stream, socket, row->name, request);
    client_handle_end(&handling, stream->is_daemon_gone);
    json_decref(request);
    return code;
}

/* Sends the call and prints its reply, or what follows it. */
static enum client_exit call(const struct client_args *args, const struct method *row,
                             json_t *params)
{
    char error[CLIENT_ERROR_SIZE] = "";
    struct client_socket socket;
    struct client_stream stream;
    if (strcmp(row->name, "listen") == 0) {
        return client_listen(args, params);
    }
    if (row->is_stream && !client_stream_init(&stream, args, error)) {
        return refuse(args, error);
    }
    if (!client_socket_open(&socket, args, row->access == RPC_ACCESS_READ, error)) {
        if (strcmp(row->name, "help") == 0) {
            return help_alone(json_string_value(json_object_get(params, "command")));
        }
        fprintf(stderr, "xord: %s\n", error);
        return CLIENT_NO_DAEMON;
    }
    enum client_exit code = CLIENT_NO_DAEMON;
    if (args->is_waiting && !client_socket_wait_ready(&socket, error)) {
        fprintf(stderr, "xord: %s: %s\n", row->name, error);
    } else if (row->is_stream) {
        code = call_stream(args, &stream, row, params, &socket);
    } else {
        code = call_once(args, row, params, &socket);
    }
    client_socket_close(&socket);
    return code;
}

/* `xord METHOD --help` */
static bool wants_help(const struct client_args *args)
{
    for (size_t i = 0; i < args->word_count; i++) {
        const struct client_word *word = &args->words[i];
        if (word->param != NULL && word->text == NULL && strcmp(word->param, "help") == 0) {
            return true;
        }
    }
    return false;
}

/* `xord help top` */
static bool is_about_top(const struct client_args *args)
{
    return strcmp(args->method, "help") == 0 && args->word_count == 1 &&
           args->words[0].text != NULL && strcmp(args->words[0].text, "top") == 0;
}

/* What the client does by itself, with more calls than one. */
static enum client_exit run_top(const struct client_args *args)
{
    if (wants_help(args) || is_about_top(args)) {
        fputs(client_top_help(), stdout);
        return CLIENT_OK;
    }
    if (args->word_count > 0 || args->count != NULL || args->seconds != NULL) {
        return refuse(args, "it takes no arguments");
    }
    return client_top(args);
}

/* Why an option does not go with the method; NULL when all do. */
static const char *unfit_option(const struct client_args *args, const struct method *row)
{
    bool is_listen = strcmp(row->name, "listen") == 0;
    bool is_handle = strcmp(row->name, "handle") == 0;
    if (!row->is_stream && (args->count != NULL || args->seconds != NULL)) {
        return "-C and -W end a stream, and this method is none";
    }
    if (!is_listen && !is_handle && args->command != NULL) {
        return "--exec is for listen and handle";
    }
    if (!is_listen && (args->is_new_only || args->is_reconnecting)) {
        return "--new-only and --reconnect are for listen";
    }
    return NULL;
}

static enum client_exit run(const struct client_args *args)
{
    char error[CLIENT_ERROR_SIZE] = "";
    if (args->method == NULL) {
        return refuse(args, "no method given");
    }
    if (strcmp(args->method, "top") == 0 || is_about_top(args)) {
        return run_top(args);
    }
    const struct method *row = find_row(args->method);
    if (row == NULL) {
        return refuse_method(args->method);
    }
    if (wants_help(args)) {
        return help_alone(args->method);
    }
    const char *fault = unfit_option(args, row);
    if (fault != NULL) {
        return refuse(args, fault);
    }
    json_t *params = client_params(args, row, error);
    if (params == NULL) {
        return refuse(args, error);
    }
    enum client_exit code = call(args, row, params);
    json_decref(params);
    return code;
}

int client_main(int argc, char **argv)
{
    char error[CLIENT_ERROR_SIZE] = "";
    struct client_args args;
    enum client_exit code =
        client_args_parse(&args, argc, argv, error) ? run(&args) : refuse(&args, error);
    client_args_clear(&args);
    return (int)code;
}
