/* One machine of the world: its address, its clocks, its disk, and the node that runs on it while
 * it is up. Its number, and with it its address, is its own for good. A process without a node is
 * an adversary: its packets go to whoever plays it. */
#ifndef XORD_TESTS_SIM_PROCESS_H
#define XORD_TESTS_SIM_PROCESS_H

#include "daemon/dht/node.h"
#include "tests/sim/clock.h"
#include "tests/sim/disk.h"

#define PROCESS_SAVED_MAX 256u /* contacts of the tables on disk, for a warm start */
#define PROCESS_PORT      4001
#define PROCESS_NONE      UINT32_MAX

enum process_state { PROCESS_DOWN, PROCESS_UP, PROCESS_PAUSED };

struct nat; /* whom it asked lately */

struct process {
    struct node *node;       /* NULL while down, and for adversaries */
    const uint64_t *time_ms; /* the world's */
    uint32_t number;
    uint32_t incarnation; /* starts so far */
    uint32_t live_at;     /* its place in the world's list of those that are up */
    uint8_t state;        /* enum process_state */
    uint8_t side;         /* of a partition: one of two halves */
    bool is_adversary, is_mainline, has_v6;
    struct id id;
    struct addr addr;
    struct clock clock;
    uint64_t tick_at_ms; /* planned in the agenda; UINT64_MAX: none */
    uint64_t ticked_ms;  /* the last one, and how many there were in that millisecond */
    uint32_t ticks;
    uint64_t leave_op;     /* it is leaving: 0 or the operation that ends it */
    uint64_t disk_free_ms; /* writes end one after the other */
    uint64_t expired_at_ms;
    uint64_t up_ms; /* since when it runs without a break */
    struct disk disk;
    struct contact *saved; /* owned */
    uint32_t saved_count;
    struct nat *nat; /* NULL: reachable by all; owned */
};

struct process *process_new(uint32_t number, const uint64_t *time_ms);
void process_free(struct process *p, struct blobs *blobs);

/* Public addresses, each in a /24 of its own: no cap of a table stands in the way. */
struct addr process_addr(uint32_t number);
/* The one beside it of a process that has_v6. */
struct addr process_addr6(uint32_t number);
/* The number that this address belongs to; PROCESS_NONE when it is no process's form. */
uint32_t process_number(const struct addr *addr);

struct now process_now(const struct process *p);
/* Starts the node, with the data that the process has. */
void process_boot(struct process *p, const uint8_t seed[RNG_SEED_SIZE], enum node_role role);
/* Its id is its node's, which may have taken another: on the public network the address that others
 * see decides some of it (BEP 42). */
void process_note_id(struct process *p);
/* What the shell saves of the tables once a minute. */
void process_save(struct process *p);
void process_set_nat(struct process *p, bool is_behind);
/* Behind a NAT: notes that it sent to `to`; and whether `from` may pass. */
void process_asked(struct process *p, const struct addr *to);
bool process_hears(const struct process *p, const struct addr *from);

#endif
