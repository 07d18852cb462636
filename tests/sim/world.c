#include "tests/sim/world.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/chance.h"
#include "tests/sim/world_parts.h"

#define SLOTS_START     256u
#define EXPIRE_MS       3600000u /* how often a disk forgets what has ended */
#define PAUSED_RETRY_MS 100u
#define START_MS        1000u /* the world's first moment */
#define WIRES_STREAM    0x77697265u

void world_init(struct world *w, const struct world_config *config)
{
    *w = (struct world){.config = *config, .now_ms = START_MS};
    rng_init_number(&w->rng, config->seed);
    wires_init(&w->wires, &config->wires, config->seed ^ WIRES_STREAM);
    trace_init(&w->trace);
    outbox_init(&w->out);
}

void world_clear(struct world *w)
{
    for (uint32_t i = 0; i < w->waiting_count; i++)
        if (w->waitings[i].is_used && w->waitings[i].item.blob != NULL)
            blobs_drop(&w->blobs, w->waitings[i].item.blob);
    for (uint32_t i = 0; i < w->process_count; i++)
        if (w->processes[i] != NULL)
            process_free(w->processes[i], &w->blobs);
    for (uint32_t i = 0; i < w->flight_count; i++)
        free(w->flights[i].data);
    free(w->processes);
    free(w->live);
    free(w->flights);
    free(w->waitings);
    free(w->planned);
    agenda_clear(&w->agenda);
    blobs_clear(&w->blobs);
    trace_clear(&w->trace);
    outbox_clear(&w->out);
}

void world_watch(struct world *w, const struct watcher *watcher)
{
    assert(w->watcher_count < WORLD_WATCHERS_MAX);
    w->watchers[w->watcher_count++] = *watcher;
}

void world_note(struct world *w, enum trace_kind kind, const struct process *p, uint32_t other,
                uint32_t size, uint64_t detail)
{
    const struct trace_entry entry = {
        .at_ms = w->now_ms,
        .detail = detail,
        .process = p != NULL ? p->number : PROCESS_NONE,
        .other = other,
        .size = size,
        .kind = kind,
    };
    trace_add(&w->trace, &entry);
}

/* A free slot of a pool that grows; `size` is that of its elements, whose next_free the caller
 * follows. */
static void *grow(void *pool, uint32_t count, size_t size)
{
    if (count >= SLOTS_START && (count & (count - 1)) != 0)
        return pool;
    if (count != 0 && count < SLOTS_START)
        return pool;
    void *grown = realloc(pool, (count ? 2 * (size_t)count : SLOTS_START) * size);
    assert(grown != NULL);
    return grown;
}

static uint32_t new_flight(struct world *w)
{
    uint32_t slot = w->free_flight;
    if (slot != 0) {
        w->free_flight = w->flights[slot - 1].next_free;
        return slot - 1;
    }
    w->flights = grow(w->flights, w->flight_count, sizeof *w->flights);
    return w->flight_count++;
}

static uint32_t new_waiting(struct world *w)
{
    uint32_t slot = w->free_waiting;
    if (slot != 0) {
        w->free_waiting = w->waitings[slot - 1].next_free;
        return slot - 1;
    }
    w->waitings = grow(w->waitings, w->waiting_count, sizeof *w->waitings);
    return w->waiting_count++;
}

static uint32_t new_planned(struct world *w)
{
    uint32_t slot = w->free_planned;
    if (slot != 0) {
        w->free_planned = w->planned[slot - 1].next_free;
        return slot - 1;
    }
    w->planned = grow(w->planned, w->planned_count, sizeof *w->planned);
    return w->planned_count++;
}

void world_at(struct world *w, uint64_t at_ms, world_action *run, void *context, uint64_t argument)
{
    uint32_t slot = new_planned(w);
    w->planned[slot] = (struct planned){.run = run, .context = context, .argument = argument};
    agenda_add(&w->agenda, at_ms > w->now_ms ? at_ms : w->now_ms, DUE_ACTION, slot);
}

static void carry(struct world *w, const struct addr *from, uint32_t to, struct bytes data,
                  uint32_t delay_ms, bool is_corrupt)
{
    uint32_t slot = new_flight(w);
    struct flight *flight = &w->flights[slot];
    *flight = (struct flight){.from = *from, .to = to, .size = (uint32_t)data.size};
    flight->data = malloc(data.size + 1);
    assert(flight->data != NULL);
    memcpy(flight->data, data.data, data.size);
    if (is_corrupt && data.size > 0)
        flight->data[rng_below(&w->wires.rng, flight->size)] ^=
            (uint8_t)(1 + rng_below(&w->wires.rng, 255));
    agenda_add(&w->agenda, w->now_ms + delay_ms, DUE_PACKET, slot);
}

void world_post(struct world *w, struct process *from, const struct addr *as,
                const struct out_packet *packet)
{
    struct way way;
    uint32_t number = process_number(&packet->to);
    struct process *to = world_find(w, &packet->to);
    w->packets++;
    w->bytes += packet->data.size;
    process_asked(from, &packet->to);
    world_note(w, TRACE_SENT, from, number, (uint32_t)packet->data.size,
               trace_content(packet->data));
    wires_way(&w->wires, from->side, to != NULL ? to->side : 0, &way);
    bool is_dropped = w->is_dropped != NULL && w->is_dropped(w->filter_context, packet->data);
    if (way.copies == 0 || to == NULL || is_dropped) {
        world_note(w, TRACE_LOST, from, number, 0, 0);
        return;
    }
    for (uint32_t i = 0; i < way.copies; i++)
        carry(w, as, number, packet->data, way.delay_ms[i], way.is_corrupt && i == 0);
}

void world_answer(struct world *w, const struct addr *as, struct process *to, struct bytes data)
{
    struct way there, back;
    wires_way(&w->wires, to->side, to->side, &there);
    wires_way(&w->wires, to->side, to->side, &back);
    if (there.copies > 0 && back.copies > 0)
        carry(w, as, to->number, data, there.delay_ms[0] + back.delay_ms[0], back.is_corrupt);
}

struct process *world_find(const struct world *w, const struct addr *addr)
{
    uint32_t number = process_number(addr);
    struct process *p = number < w->process_count ? w->processes[number] : NULL;
    return p != NULL && addr->family == ADDR_V6 && !p->has_v6 ? NULL : p;
}

static void plan_write(struct world *w, struct process *p, const struct store_write *write)
{
    uint32_t slot = new_waiting(w);
    struct waiting *waiting = &w->waitings[slot];
    *waiting = (struct waiting){.item = {.write = *write},
                                .process = p->number,
                                .incarnation = p->incarnation,
                                .is_used = true};
    if (write->action == STORE_PUT) {
        waiting->item.blob = blobs_take(&w->blobs, &write->record);
        waiting->item.write.record = waiting->item.blob->record;
    }
    uint64_t start_ms = p->disk_free_ms > w->now_ms ? p->disk_free_ms : w->now_ms;
    uint64_t wait_ms = w->config.disk_min_ms;
    if (w->config.disk_median_ms > 0)
        wait_ms += chance_exponential(&w->rng, w->config.disk_median_ms);
    /* Writes share a sync: one that comes while another waits ends with it or just after. */
    uint64_t end_ms = w->now_ms + wait_ms;
    p->disk_free_ms = end_ms > start_ms ? end_ms : start_ms;
    world_note(w, TRACE_WRITE, p, (uint32_t)write->space, (uint32_t)write->action, write->write);
    agenda_add(&w->agenda, p->disk_free_ms, DUE_DISK, slot);
}

void world_flush(struct world *w, struct process *p)
{
    struct outbox *out = &w->out;
    size_t packets = 0, writes = 0, events = 0;
    if (p->node != NULL)
        process_note_id(p);
    while (packets < out->packet_count || writes < out->write_count || events < out->event_count) {
        while (packets < out->packet_count) {
            const struct out_packet packet = out->packets[packets++];
            TELL(w, sent, p, &packet);
            const struct addr own =
                packet.to.family == ADDR_V6 ? process_addr6(p->number) : p->addr;
            world_post(w, p, &own, &packet);
        }
        if (writes < out->write_count) {
            const struct store_write write = out->writes[writes++];
            TELL(w, writing, p, &write);
            plan_write(w, p, &write);
        } else if (events < out->event_count) {
            const struct event event = out->events[events++];
            world_note(w, event.kind == EVENT_NEED_SIGNATURE ? TRACE_REQUEST : TRACE_COMPLETION, p,
                       (uint32_t)event.err, (uint32_t)event.kind, event.op);
            if (event.kind == EVENT_LEFT && event.op == p->leave_op)
                world_left(w, p);
            else
                TELL(w, event, p, &event);
        }
    }
    assert(out->lost == 0);
    outbox_reset(out);
    world_rearm(w, p);
}

void world_rearm(struct world *w, struct process *p)
{
    if (p->node == NULL || p->state != PROCESS_UP)
        return;
    uint64_t next_ms = node_next_ms(p->node);
    if (next_ms == UINT64_MAX)
        return;
    next_ms = clock_when(&p->clock, next_ms);
    if (next_ms < w->now_ms)
        next_ms = w->now_ms;
    if (next_ms >= p->tick_at_ms)
        return;
    p->tick_at_ms = next_ms;
    agenda_add(&w->agenda, next_ms, DUE_TICK, p->number);
}

static void deliver(struct world *w, uint32_t slot)
{
    const struct flight flight = w->flights[slot];
    struct process *p = w->processes[flight.to];
    const struct bytes packet = bytes_of(flight.data, flight.size);
    w->flights[slot].data = NULL;
    w->flights[slot].next_free = w->free_flight;
    w->free_flight = slot + 1;
    if (p != NULL && p->state == PROCESS_UP && process_hears(p, &flight.from)) {
        world_note(w, TRACE_ARRIVED, p, process_number(&flight.from), flight.size, 0);
        TELL(w, arrived, p, &flight.from, packet);
        if (p->node != NULL) {
            node_recv(p->node, process_now(p), &flight.from, packet.data, packet.size, &w->out);
            world_flush(w, p);
        }
    }
    free(flight.data);
}

static void tick(struct world *w, uint32_t number, uint64_t at_ms)
{
    struct process *p = w->processes[number];
    if (p == NULL || p->tick_at_ms != at_ms)
        return; /* an earlier one has been planned since */
    p->tick_at_ms = UINT64_MAX;
    if (p->node == NULL || p->state != PROCESS_UP)
        return;
    struct now now = process_now(p);
    p->ticks = p->ticked_ms == w->now_ms ? p->ticks + 1 : 1;
    p->ticked_ms = w->now_ms;
    if (p->ticks > WORLD_TICKS_MAX)
        TELL(w, spun, p);
    if (node_next_ms(p->node) <= now.ms)
        node_tick(p->node, now, &w->out);
    world_flush(w, p);
}

static void finish_write(struct world *w, uint32_t slot)
{
    if (!w->waitings[slot].is_used) {
        w->waitings[slot].next_free = w->free_waiting;
        w->free_waiting = slot + 1;
        return;
    }
    struct process *p = w->processes[w->waitings[slot].process];
    if (p->state == PROCESS_PAUSED) { /* it hears of it when it goes on */
        agenda_add(&w->agenda, w->now_ms + PAUSED_RETRY_MS, DUE_DISK, slot);
        return;
    }
    uint64_t write = w->waitings[slot].item.write.write;
    int64_t seq;
    bool is_failed = chance_permille(&w->rng, w->config.disk_error_permille);
    enum err err = world_apply(w, p, slot, is_failed, &seq);
    w->waitings[slot].next_free = w->free_waiting;
    w->free_waiting = slot + 1;
    world_note(w, TRACE_STORED, p, (uint32_t)err, 0, write);
    if (p->node != NULL) {
        node_stored(p->node, process_now(p), write, err, seq, &w->out);
        world_flush(w, p);
    }
    if (p->expired_at_ms + EXPIRE_MS <= w->now_ms)
        world_expire(w, p);
}

static void act(struct world *w, uint32_t slot)
{
    const struct planned planned = w->planned[slot];
    w->planned[slot].next_free = w->free_planned;
    w->free_planned = slot + 1;
    planned.run(w, planned.context, planned.argument);
}

void world_run(struct world *w, uint64_t until_ms)
{
    struct due due;
    while (!w->is_stopped && agenda_next(&w->agenda, until_ms, &due)) {
        assert(due.at_ms >= w->now_ms);
        w->now_ms = due.at_ms;
        switch ((enum due_kind)due.kind) {
        case DUE_PACKET:
            deliver(w, due.index);
            break;
        case DUE_TICK:
            tick(w, due.index, due.at_ms);
            break;
        case DUE_DISK:
            finish_write(w, due.index);
            break;
        case DUE_ACTION:
            act(w, due.index);
            break;
        }
    }
    if (!w->is_stopped)
        w->now_ms = until_ms;
}
