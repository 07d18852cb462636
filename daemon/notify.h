/* The wire to a service manager: systemd's notification protocol (sd_notify(3)), VARIABLE=value
 * lines in a datagram to the Unix socket that NOTIFY_SOCKET names; one that begins with @ lies in
 * the abstract name space. Never blocks. What is said is the caller's. */
#ifndef XORD_DAEMON_NOTIFY_H
#define XORD_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd;           /* -1: nobody wants to be told, or the name is no address */
    const char *name; /* as it was given */
    struct sockaddr_un address;
    socklen_t size; /* of the address */
    bool has_failed;
};

/* `name` is NOTIFY_SOCKET's value, borrowed until the end; NULL: nobody wants to be told. One that
 * is no address is warned of, and then all sends do nothing. */
void notify_open(struct notify *n, const char *name);
/* False when the manager has not read what was sent before: worth another try later. A socket that
 * cannot be reached is warned of once; there is nothing to try again, so it is true. */
bool notify_send(struct notify *n, const char *lines);
void notify_close(struct notify *n);

#endif
