#include "rpc/client/client_args.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A walk over argv that options with a value move on. */
struct walk {
    int argc, at;
    char **argv;
    char *error;
};

const struct client_option *client_args_options(size_t *count)
{
    static const struct client_option options[] = {
        {"-q", NULL, "print the value alone: text and bytes as they are, other JSON as JSON"},
        {"-w", NULL, "wait until the daemon is there and ready, a minute at most"},
        {"-S", NULL, "a value is a string, whatever it looks like, and no @, - or key="},
        {"-b", NULL, "a value is bytes"},
        {"-C", "N", "end a stream after so many events"},
        {"-W", "SEC", "end a stream after so many seconds"},
        {"--json", NULL, "print JSON where a terminal would get a table (lookup)"},
        {"--exec", "CMD", "run this for each event of a stream, with the event on standard input"},
        {"--new-only", NULL, "listen: do not show what is stored already"},
        {"--reconnect", NULL, "listen: go on when the daemon is started again"},
        {"--rpc-socket", "PATH", "where the daemon listens"},
        {"--datadir", "DIR", "the data directory of the daemon, which has its socket"},
    };
    *count = sizeof options / sizeof options[0];
    return options;
}

const char *client_args_link(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    if (strcmp(name, "dhtlisten") == 0) {
        return "listen";
    }
    if (strcmp(name, "dhtget") == 0 || strcmp(name, "dhtput") == 0) {
        return name;
    }
    return NULL;
}

bool client_args_is_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0' && !isdigit((unsigned char)text[1]) && text[1] != '.';
}

static bool fail(struct walk *walk, const char *text, const char *option)
{
    snprintf(walk->error, CLIENT_ERROR_SIZE, "%s: %s", option, text);
    return false;
}

static void add_word(struct client_args *args, struct client_word word)
{
    if (args->method == NULL && word.param == NULL) {
        args->method = word.text;
        return;
    }
    args->words[args->word_count++] = word;
}

/* The value of the option --name, from `--name value` or `--name=value`; false when `text` is
 * another option. A missing value leaves *value NULL. */
static bool is_long(struct walk *walk, const char *name, const char **value)
{
    const char *text = walk->argv[walk->at];
    size_t size = strlen(name);
    if (strncmp(text, name, size) != 0 || (text[size] != '\0' && text[size] != '=')) {
        return false;
    }
    if (text[size] == '=') {
        *value = text + size + 1;
    } else if (walk->at + 1 < walk->argc) {
        *value = walk->argv[++walk->at];
    }
    return true;
}

/* Those that a bare --name sets; NULL for all others. */
static bool *flag_of(struct client_args *args, const char *option)
{
    return strcmp(option, "--json") == 0        ? &args->is_json
           : strcmp(option, "--new-only") == 0  ? &args->is_new_only
           : strcmp(option, "--reconnect") == 0 ? &args->is_reconnecting
                                                : NULL;
}

static bool take_long(struct client_args *args, struct walk *walk)
{
    const char *option = walk->argv[walk->at];
    const char **value = NULL;
    const char *given = NULL;
    bool *flag = flag_of(args, option);
    if (flag != NULL) {
        *flag = true;
        return true;
    }
    if (is_long(walk, "--rpc-socket", &given)) {
        value = &args->rpc_socket;
    } else if (is_long(walk, "--datadir", &given)) {
        value = &args->data_dir;
    } else if (is_long(walk, "--exec", &given)) {
        value = &args->command;
    }
    if (value != NULL) {
        *value = given;
        return (given != NULL && given[0] != '\0') || fail(walk, "needs a value", option);
    }
    const char *equals = strchr(option, '=');
    const char *name = option + 2;
    add_word(args, (struct client_word){
                       .param = name,
                       .param_size = equals != NULL ? (size_t)(equals - name) : strlen(name),
                       .text = equals != NULL ? equals + 1 : NULL,
                   });
    return true;
}

/* -C N, -CN, -W SEC. */
static bool take_value(struct walk *walk, const char *rest, const char **value)
{
    const char *option = walk->argv[walk->at];
    if (rest[0] != '\0') {
        *value = rest;
        return true;
    }
    if (walk->at + 1 == walk->argc) {
        return fail(walk, "needs a value", option);
    }
    *value = walk->argv[++walk->at];
    return true;
}

static bool take_short(struct client_args *args, struct walk *walk)
{
    const char *option = walk->argv[walk->at];
    for (const char *letter = option + 1; *letter != '\0'; letter++) {
        switch (*letter) {
        case 'q':
            args->is_quiet = true;
            break;
        case 'w':
            args->is_waiting = true;
            break;
        case 'S':
            args->is_string = true;
            break;
        case 'b':
            args->is_bytes = true;
            break;
        case 'C':
            return take_value(walk, letter + 1, &args->count);
        case 'W':
            return take_value(walk, letter + 1, &args->seconds);
        default:
            return fail(walk, "unknown option (after -- all is literal)", option);
        }
    }
    return true;
}

bool client_args_parse(struct client_args *out, int argc, char **argv,
                       char error[CLIENT_ERROR_SIZE])
{
    assert(argc > 0);
    *out = (struct client_args){.method = client_args_link(argv[0])};
    out->words = calloc((size_t)argc, sizeof *out->words);
    if (out->words == NULL) {
        snprintf(error, CLIENT_ERROR_SIZE, "out of memory");
        return false;
    }
    struct walk walk = {.argc = argc, .argv = argv, .error = error};
    bool is_literal = false;
    for (walk.at = 1; walk.at < argc; walk.at++) {
        const char *text = argv[walk.at];
        if (is_literal || !client_args_is_option(text)) {
            add_word(out, (struct client_word){.text = text, .is_literal = is_literal});
        } else if (strcmp(text, "--") == 0) {
            is_literal = true;
        } else if (!(text[1] == '-' ? take_long(out, &walk) : take_short(out, &walk))) {
            return false;
        }
    }
    if (out->is_string && out->is_bytes) {
        snprintf(error, CLIENT_ERROR_SIZE, "-S and -b: a value is a string or bytes, not both");
        return false;
    }
    return true;
}

void client_args_clear(struct client_args *args)
{
    free(args->words);
    *args = (struct client_args){0};
}
