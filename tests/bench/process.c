#include "tests/bench/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/call.h"
#include "tests/bench/report.h"

#define READY_NS    20000000000u
#define STOP_NS     8000000000u
#define POLL_NS     50000 /* between two looks: adds this much to a start at most */
#define STATUS_SIZE 256

static void nap(void)
{
    struct timespec pause = {.tv_nsec = POLL_NS};
    nanosleep(&pause, NULL);
}

static void set_affinity(pid_t thread, int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < 64; i++) {
        if (core == PROCESS_ALL_CORES || core == i)
            CPU_SET(i, &set);
    }
    if (sched_setaffinity(thread, sizeof(set), &set) != 0)
        report_fail("cannot pin to core %d: the figures need two cores", core);
}

void process_pin_self(int core)
{
    set_affinity(0, core);
}

void process_pin(pid_t pid, int core)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        report_fail("%s: the daemon is gone", path);
    const struct dirent *entry;
    while ((entry = readdir(threads)) != NULL) {
        if (entry->d_name[0] != '.')
            set_affinity((pid_t)atoi(entry->d_name), core);
    }
    closedir(threads);
}

static void run_daemon(const struct process *p, const struct process_options *options)
{
    char log[PROCESS_PATH_SIZE + 8];
    snprintf(log, sizeof(log), "%s/log", p->datadir);
    int fd = open(log, O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    set_affinity(0, options->core);
    execl(options->binary, options->binary, "--datadir", p->datadir, "--rpc-socket", p->socket,
          "--port", "0", "--bind", "127.0.0.1", "--bootstrap", options->bootstrap, "--network",
          options->network, "--log-level", "warn", (char *)NULL);
    _exit(127);
}

void process_start(struct process *p, const struct process_options *options)
{
    *p = (struct process){0};
    if (strlen(options->datadir) + sizeof("/rpc.sock") > PROCESS_PATH_SIZE)
        report_fail("%s: too long for a socket's name", options->datadir);
    snprintf(p->datadir, sizeof(p->datadir), "%s", options->datadir);
    snprintf(p->socket, sizeof(p->socket), "%.*s/rpc.sock", PROCESS_PATH_SIZE - 10, p->datadir);
    mkdir(p->datadir, 0700);
    p->ready_ms = (double)report_now_ns();
    p->pid = fork();
    if (p->pid == 0)
        run_daemon(p, options);
    if (p->pid < 0)
        report_fail("fork failed");
}

static void read_port(struct process *p, struct call_connection *connection)
{
    json_t *info = call(connection, "getinfo", NULL);
    p->port = (uint16_t)json_integer_value(json_object_get(info, "port"));
    json_decref(info);
    if (p->port == 0)
        report_fail("getinfo shows no port");
}

void process_wait_ready(struct process *p)
{
    uint64_t started_ns = (uint64_t)p->ready_ms;
    struct call_connection connection;
    while (!call_connect(&connection, p->socket)) {
        if (waitpid(p->pid, NULL, WNOHANG) != 0)
            report_fail("the daemon ended while starting; see %s/log", p->datadir);
        if (report_now_ns() - started_ns > READY_NS)
            report_fail("the daemon is not ready; see %s/log", p->datadir);
        nap();
    }
    json_decref(call(&connection, "waitready", NULL));
    p->ready_ms = (double)(report_now_ns() - started_ns) / 1e6;
    read_port(p, &connection);
    call_close(&connection);
}

void process_kill(struct process *p)
{
    if (p->pid <= 0)
        return;
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

void process_stop(struct process *p)
{
    if (p->pid <= 0)
        return;
    uint64_t asked_ns = report_now_ns();
    kill(p->pid, SIGTERM);
    while (waitpid(p->pid, NULL, WNOHANG) == 0) {
        if (report_now_ns() - asked_ns > STOP_NS)
            report_fail("the daemon does not stop; see %s/log", p->datadir);
        nap();
    }
    p->pid = 0;
}

uint64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec used = {0};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        report_fail("no processor time of process %d", (int)pid);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

long process_status(const struct process *p, const char *name)
{
    char path[64], line[STATUS_SIZE];
    long value = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        report_fail("%s: the daemon is gone", path);
    size_t size = strlen(name);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, size) == 0 && line[size] == ':')
            value = strtol(line + size + 1, NULL, 10);
    }
    fclose(file);
    return value;
}

/* nftw takes no context. */
static uint64_t walked_bytes;

static int walk(const char *path, const struct stat *status, int type, struct FTW *place)
{
    if (type == FTW_F && strcmp(path + place->base, "log") != 0)
        walked_bytes += (uint64_t)status->st_blocks * 512;
    return 0;
}

uint64_t process_disk_bytes(const struct process *p)
{
    walked_bytes = 0;
    if (nftw(p->datadir, walk, 8, FTW_PHYS) != 0)
        report_fail("%s: cannot be read", p->datadir);
    return walked_bytes;
}
