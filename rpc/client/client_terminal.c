#include "rpc/client/client_terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "rpc/json/json.h"

#define ENTER         "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define LEAVE         "\033[?25h\033[?1049l"
#define HOME          "\033[H"
#define CLEAR_LINE    "\033[K"
#define CLEAR_BELOW   "\033[J"
#define ROWS_USUAL    24u /* where the terminal does not say */
#define COLUMNS_USUAL 80u

static bool write_all(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_text(const char *text)
{
    return write_all(text, strlen(text));
}

static void measure(struct client_terminal *t)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    t->rows = is_known && size.ws_row > 0 ? size.ws_row : ROWS_USUAL;
    t->columns = is_known && size.ws_col > 0 ? size.ws_col : COLUMNS_USUAL;
}

/* In the background the system stops us here, until the terminal is ours; meanwhile signals do what
 * they do to others, so whoever is stopped can be ended. */
static void await_foreground(const struct client_terminal *t)
{
    struct termios modes;
    sigset_t ours;
    sigprocmask(SIG_SETMASK, &t->signals_before, &ours);
    if (tcgetattr(STDIN_FILENO, &modes) == 0) {
        tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    }
    sigprocmask(SIG_SETMASK, &ours, NULL);
}

static void enter(struct client_terminal *t)
{
    await_foreground(t);
    t->has_modes = tcgetattr(STDIN_FILENO, &t->modes_before) == 0;
    if (t->has_modes) {
        struct termios modes = t->modes_before;
        modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* keys at once and unseen; signals stay */
        tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    }
    write_text(ENTER);
    measure(t);
}

static void leave(const struct client_terminal *t)
{
    write_text(LEAVE);
    if (t->has_modes) {
        tcsetattr(STDIN_FILENO, TCSANOW, &t->modes_before);
    }
}

bool client_terminal_open(struct client_terminal *t, char error[CLIENT_ERROR_SIZE])
{
    const char *kind = getenv("TERM");
    sigset_t set;
    *t = (struct client_terminal){.signals = -1};
    if (isatty(STDOUT_FILENO) == 0) {
        snprintf(error, CLIENT_ERROR_SIZE, "it draws on a terminal, and standard output is none");
        return false;
    }
    if (kind == NULL || kind[0] == '\0' || strcmp(kind, "dumb") == 0) {
        snprintf(error, CLIENT_ERROR_SIZE,
                 "it draws on a terminal that can move its cursor, and TERM is %s",
                 kind != NULL && kind[0] != '\0' ? kind : "not set");
        return false;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, &t->signals_before);
    t->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (t->signals < 0) {
        snprintf(error, CLIENT_ERROR_SIZE, "signals cannot be read: %s", strerror(errno));
        sigprocmask(SIG_SETMASK, &t->signals_before, NULL);
        return false;
    }
    enter(t);
    return true;
}

void client_terminal_close(struct client_terminal *t)
{
    leave(t);
    close(t->signals);
    sigprocmask(SIG_SETMASK, &t->signals_before, NULL);
}

enum client_wish client_terminal_signal(struct client_terminal *t)
{
    struct signalfd_siginfo info;
    enum client_wish wish = CLIENT_GOES_ON;
    while (read(t->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTSTP) {
            leave(t);
            raise(SIGSTOP);
            enter(t);
        } else if (info.ssi_signo == SIGWINCH) {
            measure(t);
        } else {
            return CLIENT_ENDS;
        }
        wish = CLIENT_REDRAWS;
    }
    return wish;
}

enum client_wish client_terminal_key(const struct client_terminal *t)
{
    struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
    char keys[32];
    if (!t->has_modes || poll(&poll_fd, 1, 0) != 1 || (poll_fd.revents & POLLIN) == 0) {
        return CLIENT_GOES_ON;
    }
    ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
    if (count <= 0) {
        return CLIENT_ENDS; /* nobody is there any more */
    }
    for (ssize_t i = 0; i < count; i++) {
        if (keys[i] == 'q' || keys[i] == 'Q') {
            return CLIENT_ENDS;
        }
    }
    return CLIENT_REDRAWS;
}

#define APPEND(text, literal) json_text_append(text, literal, sizeof(literal) - 1)

/* One write, so that nothing flickers. The last line ends without a line feed, which would scroll.
 */
bool client_terminal_show(const char *text, size_t size)
{
    struct json_text frame = {0};
    APPEND(&frame, HOME);
    while (size > 0) {
        const char *feed = memchr(text, '\n', size);
        size_t line = feed != NULL ? (size_t)(feed - text) : size;
        size_t taken = feed != NULL ? line + 1 : line;
        json_text_append(&frame, text, line);
        APPEND(&frame, CLEAR_LINE);
        text += taken;
        size -= taken;
        if (size > 0) {
            APPEND(&frame, "\r\n");
        }
    }
    APPEND(&frame, CLEAR_BELOW);
    bool is_shown = !frame.failed && write_all(frame.data, frame.size);
    json_text_clear(&frame);
    return is_shown;
}
