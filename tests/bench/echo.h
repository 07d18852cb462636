/* The floor of the UDP figures: a bare libuv echo, received in batches (UV_UDP_RECVMMSG), sent with
 * uv_udp_try_send, in a process of its own. */
#ifndef XORD_BENCH_ECHO_H
#define XORD_BENCH_ECHO_H

#include <stdint.h>
#include <sys/types.h>

/* Starts it pinned to `core`; *port is where it listens. It dies with the caller. */
pid_t echo_start(int core, uint16_t *port);
void echo_stop(pid_t pid);

#endif
