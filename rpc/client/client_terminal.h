/* The terminal while a program draws on all of it: another screen, no cursor, keys at once, signals
 * as events. client_terminal_close leaves it as it was found, and so does every way out of a
 * program that polls `signals`. Plain ANSI, no library. */
#ifndef XORD_RPC_CLIENT_TERMINAL_H
#define XORD_RPC_CLIENT_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "rpc/client/client_args.h"

struct client_terminal {
    unsigned rows, columns;
    int signals; /* becomes readable when a signal has come */
    struct termios modes_before;
    sigset_t signals_before;
    bool has_modes; /* there are keys to read */
};

enum client_wish { CLIENT_GOES_ON, CLIENT_REDRAWS, CLIENT_ENDS };

/* False with one line in `error` where standard output is no terminal, or one that cannot move its
 * cursor; then nothing has changed. */
bool client_terminal_open(struct client_terminal *t, char error[CLIENT_ERROR_SIZE]);
void client_terminal_close(struct client_terminal *t);
/* What the signals that have come mean. SIGTSTP stops the process in here, its terminal restored,
 * until it is continued. */
enum client_wish client_terminal_signal(struct client_terminal *t);
/* What the keys that were pressed mean: q ends. */
enum client_wish client_terminal_key(const struct client_terminal *t);
/* Replaces what is shown; `text` holds a line for each row, ended by line feeds. */
bool client_terminal_show(const char *text, size_t size);

#endif
