/* The world: processes, the wires between them, their disks and their time, in one thread and from
 * one seed. Runs events in their order; whoever watches (the client, the oracle, adversaries) is
 * told through one table of functions. Decides no scenario: plan and session do. */
#ifndef XORD_TESTS_SIM_WORLD_H
#define XORD_TESTS_SIM_WORLD_H

#include "tests/sim/agenda.h"
#include "tests/sim/process.h"
#include "tests/sim/trace.h"
#include "tests/sim/wires.h"

#define WORLD_LEAVE_MS   5000u /* as the shell allows */
#define WORLD_TICKS_MAX  1000u /* of one node in one millisecond: more is a loop without an end */
#define WORLD_BOOTSTRAPS 3u    /* addresses a process starts from, drawn from those that are up */

struct world;

/* What happens, told while it happens. Each may be NULL. In `event` nothing may be started but the
 * answer to EVENT_NEED_SIGNATURE; all else waits for an action. */
struct watcher {
    void *context;
    void (*event)(void *context, struct world *w, struct process *p, const struct event *event);
    void (*sent)(void *context, struct world *w, struct process *p,
                 const struct out_packet *packet);
    void (*arrived)(void *context, struct world *w, struct process *p, const struct addr *from,
                    struct bytes packet); /* before the node, or the adversary, sees it */
    void (*writing)(void *context, struct world *w, struct process *p,
                    const struct store_write *write);
    void (*placed)(void *context, struct world *w, struct process *p, enum store_space space,
                   struct blob *blob);
    void (*removed)(void *context, struct world *w, struct process *p, enum store_space space,
                    struct blob *blob);
    /* Its node wants tick after tick while no time passes. */
    void (*spun)(void *context, struct world *w, struct process *p);
    void (*started)(void *context, struct world *w, struct process *p);
    void (*stopped)(void *context, struct world *w, struct process *p);
};

#define WORLD_WATCHERS_MAX 12

/* Where a process that starts knows addresses of. */
enum world_sources {
    SOURCES_ANY,   /* WORLD_BOOTSTRAPS of those that are up */
    SOURCES_FIRST, /* process 0 alone */
    SOURCES_NONE   /* whoever spawns it says so */
};

/* A packet that is lost on its way for what it says. */
typedef bool world_filter(void *context, struct bytes packet);

typedef void world_action(struct world *w, void *context, uint64_t argument);

struct world_config {
    uint64_t seed;
    struct wires_config wires;
    uint32_t disk_min_ms, disk_median_ms; /* until a write is synced */
    uint32_t disk_error_permille;         /* writes that end in ERR_IO */
    uint32_t drift_ppm;                   /* each clock's own, up to this, either way */
    uint32_t nat_permille;                /* of processes, clients all */
    uint32_t multi_entries;               /* of one multi on a disk; 0: the usual */
    bool is_mainline;                     /* packets without a network tag */
    bool has_v6;                          /* processes are bound to both families */
    enum world_sources sources;
};

struct flight { /* a packet on its way */
    struct addr from;
    uint32_t to; /* number */
    uint32_t size;
    uint32_t next_free;
    uint8_t *data; /* owned */
};

struct waiting { /* a write on its way to a disk */
    struct disk_write item;
    uint32_t process, incarnation;
    uint32_t next_free;
    bool is_used;
};

struct planned {
    world_action *run;
    void *context;
    uint64_t argument;
    uint32_t next_free;
};

struct world {
    struct world_config config;
    uint64_t now_ms;
    struct agenda agenda;
    struct wires wires;
    struct blobs blobs;
    struct trace trace;
    struct outbox out;
    struct rng rng;             /* of processes' seeds and lives */
    struct process **processes; /* by number; NULL once forgotten */
    uint32_t process_count, process_capacity;
    uint32_t *live; /* numbers of those that are up or paused, in no order */
    uint32_t live_count;
    struct flight *flights;
    struct waiting *waitings;
    struct planned *planned;
    uint32_t flight_count, waiting_count, planned_count; /* slots, used or free */
    uint32_t free_flight, free_waiting, free_planned;    /* first free slot + 1 */
    struct watcher watchers[WORLD_WATCHERS_MAX];
    uint32_t watcher_count;
    world_filter *is_dropped; /* NULL: the wires alone decide */
    void *filter_context;
    bool is_stopped;         /* somebody has seen enough */
    uint64_t packets, bytes; /* sent */
};

void world_init(struct world *w, const struct world_config *config);
void world_clear(struct world *w);
void world_watch(struct world *w, const struct watcher *watcher);

/* Runs what is due until `until_ms`, or until somebody stops the world. */
void world_run(struct world *w, uint64_t until_ms);
void world_at(struct world *w, uint64_t at_ms, world_action *run, void *context, uint64_t argument);

/* Sends a packet as from any address: a process's own, or a spoofed one. */
void world_post(struct world *w, struct process *from, const struct addr *as,
                const struct out_packet *packet);
/* A reply to `to` from an address that no process has: of a network that is only played. Takes the
 * way there and the way back. */
void world_answer(struct world *w, const struct addr *as, struct process *to, struct bytes data);
/* The next process gets this number: those below are played, or nobody's. */
void world_number_from(struct world *w, uint32_t number);
/* Carries out what is in w->out as the effects of `p`: to be called after each call into its node.
 */
void world_flush(struct world *w, struct process *p);

/* A new process that is up: an honest node, or an adversary without one. */
struct process *world_spawn(struct world *w, bool is_adversary);
/* Ends it at once; its data stays. What was on its way to the disk is kept or lost by chance. */
void world_crash(struct world *w, struct process *p);
/* Begins to end it in order: it hands over, its writes reach the disk, and after at most
 * WORLD_LEAVE_MS it is down. */
void world_leave(struct world *w, struct process *p);
void world_restart(struct world *w, struct process *p);
void world_pause(struct world *w, struct process *p);
void world_resume(struct world *w, struct process *p);
/* It never comes back, and its data is gone. */
void world_forget(struct world *w, struct process *p);

struct process *world_find(const struct world *w, const struct addr *addr); /* or NULL */
/* One of those that are up with a node; NULL when there is none. */
struct process *world_pick(struct world *w, struct rng *rng);
void world_note(struct world *w, enum trace_kind kind, const struct process *p, uint32_t other,
                uint32_t size, uint64_t detail);

#endif
