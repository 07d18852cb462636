/* The client's arguments: options out of the way, words in their order. Opens nothing and knows no
 * method: what the words mean is client_params.h's. */
#ifndef XORD_RPC_CLIENT_ARGS_H
#define XORD_RPC_CLIENT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define CLIENT_ERROR_SIZE 512 /* room for one line that says what is wrong */

/* One argument of the method. */
struct client_word {
    const char *param; /* named by an option: --param, --param=text; NULL: by its place */
    size_t param_size;
    const char *text; /* NULL for a bare --param: true */
    bool is_literal;  /* after `--`: no @, -, key= */
};

struct client_args {
    const char *rpc_socket; /* these two NULL when not given */
    const char *data_dir;
    bool is_quiet;             /* -q: the value alone */
    bool is_waiting;           /* -w: until the daemon is there */
    bool is_string;            /* -S: a value is a string, whatever it looks like */
    bool is_bytes;             /* -b: a value is bytes */
    bool is_json;              /* --json: no table, not even on a terminal */
    const char *count;         /* -C N, of streams */
    const char *seconds;       /* -W SEC, of streams */
    const char *command;       /* --exec CMD, likewise; NULL: print */
    bool is_new_only;          /* --new-only, of listen */
    bool is_reconnecting;      /* --reconnect, of listen */
    const char *method;        /* NULL when there is none */
    struct client_word *words; /* owned; strings are borrowed from argv */
    size_t word_count;
};

/* What stands beside a call and is no parameter of it, as help and pages show it. */
struct client_option {
    const char *name;  /* as it is typed: "-q", "--datadir" */
    const char *value; /* what follows it; NULL: nothing */
    const char *help;  /* one clause */
};

const struct client_option *client_args_options(size_t *count);
/* The method that a link's name stands for, or NULL: dhtget, dhtput, dhtlisten. */
const char *client_args_link(const char *program);
/* `-` is standard input, and `-5` a number: words, not options. */
bool client_args_is_option(const char *text);
/* False with one line in `error` when it is not usable; client_args_clear in either case. */
bool client_args_parse(struct client_args *out, int argc, char **argv,
                       char error[CLIENT_ERROR_SIZE]);
void client_args_clear(struct client_args *args);

#endif
