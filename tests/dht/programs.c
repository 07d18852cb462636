#include "tests/dht/programs.h"

#include <assert.h>
#include <stdio.h>

#include "common/bencode.h"

static void respond(struct programs *programs, size_t index, uint64_t request)
{
    struct net *net = programs->net;
    const struct program *program = &programs->of[index];
    char text[24];
    snprintf(text, sizeof text, "i%zue", index);
    bool is_good = program->kind == PROGRAM_GOOD;
    if (program->kind == PROGRAM_READER)
        is_good = !programs->last.command.has_token;
    uint32_t error = program->kind == PROGRAM_NONE ? COMMAND_UNKNOWN : program->error;
    programs->responded = node_respond(
        net->nodes[index]->node, process_now(net->nodes[index]), request, is_good ? 0 : error,
        is_good ? bytes_of_string(text) : (struct bytes){0}, net->out);
}

/* The node and the request in one number. */
static void respond_later(struct world *w, void *context, uint64_t argument)
{
    struct programs *programs = context;
    size_t index = argument >> 48;
    if (!net_is_up(programs->net, index))
        return;
    respond(programs, index, argument & 0xffffffffffff);
    world_flush(w, programs->net->nodes[index]);
}

static void on_command(struct programs *programs, size_t index, const struct event *event)
{
    struct program *program = &programs->of[index];
    struct world *world = &programs->net->world;
    program->runs++;
    program->tokens += event->command.has_token;
    programs->last_node = index;
    programs->last = *event;
    assert(event->command.command.size <= COMMAND_NAME_MAX);
    memset(programs->last_name, 0, sizeof programs->last_name);
    memcpy(programs->last_name, event->command.command.data, event->command.command.size);
    programs->last_v_size = event->command.v.size;
    if (event->command.v.data != NULL)
        memcpy(programs->last_v, event->command.v.data, event->command.v.size);
    if (program->kind == PROGRAM_LAZY)
        return;
    if (program->delay_ms == 0)
        respond(programs, index, event->command.request);
    else
        world_at(world, world->now_ms + program->delay_ms, respond_later, programs,
                 (uint64_t)index << 48 | event->command.request);
}

static struct told told_of(const struct command_reply *reply)
{
    struct told told = {reply->from, reply->error, -1, reply->rtt_ms};
    if (reply->v.data == NULL)
        return told;
    struct bencode_reader r;
    bencode_reader_init(&r, reply->v);
    told.value = bencode_read_int(&r);
    return told;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct programs *programs = context;
    (void)w;
    if (event->kind == EVENT_COMMAND) {
        on_command(programs, p->number, event);
    } else if (event->kind == EVENT_REPLY) {
        assert(programs->reply_count < PROGRAMS_REPLIES_MAX);
        programs->replies[programs->reply_count++] = told_of(&event->reply);
    } else if (event->kind == EVENT_REQUEST) {
        programs->closest[0] = told_of(&event->reply);
    } else if (event->kind == EVENT_QUERY) {
        programs->closest_count = event->query.closest_count;
        for (size_t i = 0; i < event->query.closest_count; i++)
            programs->closest[i] = told_of(&event->query.closest[i]);
        for (size_t i = 0; i < event->query.commit.accepted + event->query.commit.refused; i++)
            programs->commits[i] = told_of(&event->query.commit.replies[i]);
    }
}

void programs_watch(struct programs *programs, struct net *net, enum program_kind kind)
{
    const struct watcher watcher = {.context = programs, .event = on_event};
    *programs = (struct programs){.net = net};
    for (size_t i = 0; i < NET_NODES_MAX; i++)
        programs->of[i].kind = kind;
    world_watch(&net->world, &watcher);
}

size_t programs_find(const struct programs *programs, const struct id *id)
{
    for (size_t i = 0; i < programs->net->count; i++) {
        const struct id own = net_info(programs->net, i).id;
        if (id_equal(&own, id))
            return i;
    }
    return NET_NODES_MAX;
}
