#include "tests/sim/process.h"

#include <assert.h>
#include <stdlib.h>

#define ADDR_BASE   0x14000000u /* 20.0.0.0 */
#define NUMBERS_MAX 0x00c00000u /* up to 223.255.255.1 */
#define NAT_SLOTS   512u        /* a home router's table, small */
#define NAT_KEPT_MS 120000u     /* RFC 4787: at least two minutes */
#define NETWORK     7
#define ADDR_HOST   1
#define ADDR6_HEAD  0x24 /* 2400::/16, a /48 for each process */

struct nat {
    struct {
        struct addr addr;
        uint64_t at_ms;
    } asked[NAT_SLOTS];
};

struct process *process_new(uint32_t number, const uint64_t *time_ms)
{
    struct process *p = calloc(1, sizeof *p);
    assert(p != NULL && number < NUMBERS_MAX);
    p->number = number;
    p->time_ms = time_ms;
    p->addr = process_addr(number);
    p->side = (uint8_t)((number * 0x9e3779b1u) >> 31);
    p->live_at = PROCESS_NONE;
    p->tick_at_ms = UINT64_MAX;
    p->clock.base_local_ms = 1000000;
    return p;
}

void process_free(struct process *p, struct blobs *blobs)
{
    node_free(p->node);
    disk_clear(&p->disk, blobs);
    free(p->saved);
    free(p->nat);
    free(p);
}

struct addr process_addr(uint32_t number)
{
    uint32_t host = ADDR_BASE + (number << 8) + ADDR_HOST;
    const uint8_t ip[4] = {(uint8_t)(host >> 24), (uint8_t)(host >> 16), (uint8_t)(host >> 8),
                           (uint8_t)host};
    return addr_v4(ip, PROCESS_PORT);
}

struct addr process_addr6(uint32_t number)
{
    const uint8_t ip[16] = {ADDR6_HEAD,
                            0,
                            [2] = (uint8_t)(number >> 24),
                            (uint8_t)(number >> 16),
                            (uint8_t)(number >> 8),
                            (uint8_t)number,
                            [15] = ADDR_HOST};
    return addr_v6(ip, PROCESS_PORT);
}

static uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t process_number6(const struct addr *addr)
{
    const struct addr own = process_addr6(load_u32(addr->ip + 2));
    return addr_equal(&own, addr) ? load_u32(addr->ip + 2) : PROCESS_NONE;
}

uint32_t process_number(const struct addr *addr)
{
    uint32_t host = load_u32(addr->ip);
    if (addr->family == ADDR_V6)
        return process_number6(addr);
    if (addr->family != ADDR_V4 || addr->port != PROCESS_PORT || host < ADDR_BASE ||
        addr->ip[3] != ADDR_HOST)
        return PROCESS_NONE;
    return (host - ADDR_BASE) >> 8;
}

struct now process_now(const struct process *p)
{
    return clock_now(&p->clock, *p->time_ms);
}

static enum err read_one(void *context, enum store_space space, enum record_kind kind,
                         const struct id *target, struct stored *out)
{
    const struct process *p = context;
    return disk_get(&p->disk, process_now(p).unix_s, space, kind, target, out);
}

static enum err read_next(void *context, enum store_space space, enum record_kind kind,
                          const struct id *target, struct stored *out)
{
    const struct process *p = context;
    return disk_next(&p->disk, process_now(p).unix_s, space, kind, target, out);
}

static enum err read_summary(void *context, enum store_space space, const struct id *target,
                             struct store_summary *out)
{
    const struct process *p = context;
    return disk_summary(&p->disk, space, target, out);
}

static enum err read_entry(void *context, enum store_space space, const struct id *target,
                           const struct store_position *after, struct stored *out)
{
    const struct process *p = context;
    return disk_entry(&p->disk, process_now(p).unix_s, space, target, after, out);
}

static enum err read_next_multi(void *context, enum store_space space, const struct id *target,
                                struct id *out)
{
    const struct process *p = context;
    return disk_next_multi(&p->disk, space, target, out);
}

void process_boot(struct process *p, const uint8_t seed[RNG_SEED_SIZE], enum node_role role)
{
    struct node_config config = {
        .id = p->id,
        .role = role,
        .has_v4 = true,
        .has_v6 = p->has_v6,
        .has_network = !p->is_mainline,
        .network = NETWORK,
        .version = {'X', 'O', 0, 1},
        .store = {.context = p,
                  .get = read_one,
                  .next = read_next,
                  .summary = read_summary,
                  .entry = read_entry,
                  .next_multi = read_next_multi},
    };
    memcpy(config.seed, seed, RNG_SEED_SIZE);
    p->node = node_new(&config, process_now(p));
    assert(p->node != NULL);
    process_note_id(p);
}

void process_note_id(struct process *p)
{
    p->id = node_routing(p->node, ADDR_V4)->self;
}

static void save_table(struct process *p, const struct routing *table, const struct routing *other)
{
    const struct routing_node *member;
    size_t bucket = 0, index = 0;
    while (p->saved_count < PROCESS_SAVED_MAX &&
           (member = routing_each(table, &bucket, &index)) != NULL)
        if (other == NULL || routing_find(other, &member->contact) == NULL)
            p->saved[p->saved_count++] = member->contact;
}

void process_save(struct process *p)
{
    const struct routing *all = node_routing(p->node, ADDR_V4);
    const struct routing *xord = node_routing_xord(p->node, ADDR_V4);
    p->saved_count = 0;
    free(p->saved);
    p->saved = malloc(PROCESS_SAVED_MAX * sizeof *p->saved);
    assert(p->saved != NULL);
    save_table(p, all, NULL);
    if (xord != NULL)
        save_table(p, xord, all);
}

void process_set_nat(struct process *p, bool is_behind)
{
    free(p->nat);
    p->nat = is_behind ? calloc(1, sizeof *p->nat) : NULL;
    assert(!is_behind || p->nat != NULL);
}

void process_asked(struct process *p, const struct addr *to)
{
    if (p->nat == NULL)
        return;
    size_t slot = addr_hash(to, 0) % NAT_SLOTS;
    p->nat->asked[slot].addr = *to;
    p->nat->asked[slot].at_ms = *p->time_ms;
}

bool process_hears(const struct process *p, const struct addr *from)
{
    if (p->nat == NULL)
        return true;
    size_t slot = addr_hash(from, 0) % NAT_SLOTS;
    return addr_equal(&p->nat->asked[slot].addr, from) &&
           *p->time_ms - p->nat->asked[slot].at_ms <= NAT_KEPT_MS;
}
