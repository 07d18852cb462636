/* Daemons as processes: started in a data directory on a free port of 127.0.0.1, pinned to a core,
 * looked at through /proc, and stopped. A daemon dies with the program that started it. */
#ifndef XORD_BENCH_PROCESS_H
#define XORD_BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_PATH_SIZE   100 /* fits a Unix socket's name */
#define PROCESS_ALL_CORES   (-1)
#define PROCESS_SERVER_CORE 0
#define PROCESS_LOAD_CORE   1

struct process {
    pid_t pid;
    uint16_t port;
    char datadir[PROCESS_PATH_SIZE];
    char socket[PROCESS_PATH_SIZE];
    double ready_ms; /* from fork to the answer to waitready */
};

struct process_options {
    const char *binary;
    const char *datadir;   /* made when it is missing */
    const char *network;   /* "mainline": packets without a tag */
    const char *bootstrap; /* HOST:PORT or "none" */
    int core;              /* or PROCESS_ALL_CORES */
};

/* Starts it, without waiting; what it says goes to DATADIR/log. */
void process_start(struct process *p, const struct process_options *options);
/* Waits until it is ready; fills port and ready_ms. Fails the program after 20 s. */
void process_wait_ready(struct process *p);
void process_stop(struct process *p); /* SIGTERM, then SIGKILL after 8 s */
void process_kill(struct process *p); /* SIGKILL */

/* The calling thread, and every thread of a process. */
void process_pin_self(int core);
void process_pin(pid_t pid, int core);

uint64_t process_cpu_ns(pid_t pid);
/* A line of /proc/PID/status by its name: kilobytes, or a count. */
long process_status(const struct process *p, const char *name);
/* Disk blocks under the data directory, in bytes; what it logged is left out. */
uint64_t process_disk_bytes(const struct process *p);

#endif
