#include "rpc/client/client_top_state.h"

#include <stdio.h>
#include <string.h>

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

void top_state_clear(struct top_state *state)
{
    json_decref(state->info);
    *state = (struct top_state){0};
}

/* ---- getinfo ---- */

static json_int_t counter_of(const json_t *info, enum top_rate rate)
{
    static const char *const names[TOP_RATE_COUNT] = {
        [TOP_PACKETS_IN] = "packets_in", [TOP_PACKETS_OUT] = "packets_out",
        [TOP_BYTES_IN] = "bytes_in",     [TOP_BYTES_OUT] = "bytes_out",
        [TOP_SERVED] = "queries_served", [TOP_SENT] = "queries_sent",
    };
    return number_of(json_object_get(info, "traffic"), names[rate]);
}

/* A daemon that was restarted counts from 0 again. */
void top_state_info(struct top_state *state, json_t *info, uint64_t now_ms)
{
    double seconds = (double)(now_ms - state->info_ms) / 1000;
    for (unsigned i = 0; i < TOP_RATE_COUNT; i++) {
        json_int_t now = counter_of(info, i), before = counter_of(state->info, i);
        bool is_known = state->info != NULL && seconds > 0 && now >= before;
        state->rates[i] = is_known ? (double)(now - before) / seconds : 0;
    }
    json_decref(state->info);
    state->info = json_incref(info);
    state->info_ms = now_ms;
}

/* ---- listnodes ---- */

static void count_nodes(struct top_bucket *bucket, const json_t *nodes)
{
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        if (number_of(json_array_get(nodes, i), "fails") > 0) {
            bucket->failing++;
        } else {
            bucket->live++;
        }
    }
}

void top_state_nodes(struct top_state *state, const json_t *buckets)
{
    bool has_v4 = false, has_v6 = false;
    memset(state->buckets, 0, sizeof state->buckets);
    state->bucket_count = 0;
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        const json_t *shown = json_array_get(buckets, i);
        json_int_t number = number_of(shown, "bucket");
        if (number < 0 || number >= (json_int_t)TOP_BUCKETS_MAX) {
            continue;
        }
        count_nodes(&state->buckets[number], json_object_get(shown, "nodes"));
        if (number >= state->bucket_count) {
            state->bucket_count = (unsigned)number + 1;
        }
        bool is_v6 = strcmp(text_of(shown, "family"), "ipv6") == 0;
        has_v6 = has_v6 || is_v6;
        has_v4 = has_v4 || !is_v6;
    }
    state->families = (unsigned)has_v4 + (unsigned)has_v6;
}

/* ---- lookups ---- */

static struct top_lookup *find(struct top_state *state, json_int_t number)
{
    for (unsigned i = state->lookup_count; i-- > 0;) {
        if (state->lookups[i].number == number && state->lookups[i].ended_ms == 0) {
            return &state->lookups[i];
        }
    }
    return NULL;
}

static void remove_at(struct top_state *state, unsigned at)
{
    state->lookup_count--;
    memmove(&state->lookups[at], &state->lookups[at + 1],
            (state->lookup_count - at) * sizeof state->lookups[0]);
}

/* The oldest that has ended, or else the oldest, makes way. */
static void make_room(struct top_state *state)
{
    if (state->lookup_count < TOP_LOOKUPS_MAX) {
        return;
    }
    unsigned at = 0;
    while (at < state->lookup_count && state->lookups[at].ended_ms == 0) {
        at++;
    }
    remove_at(state, at < state->lookup_count ? at : 0);
}

static struct top_lookup *begin(struct top_state *state, const json_t *event)
{
    make_room(state);
    struct top_lookup *lookup = &state->lookups[state->lookup_count++];
    *lookup = (struct top_lookup){.number = number_of(event, "lookup"), .shared_bits = -1};
    snprintf(lookup->purpose, sizeof lookup->purpose, "%s", text_of(event, "for"));
    snprintf(lookup->target, sizeof lookup->target, "%s", text_of(event, "target"));
    return lookup;
}

static void take_answer(struct top_lookup *lookup, const json_t *event)
{
    int shared_bits = (int)number_of(event, "shared_bits");
    unsigned hop = (unsigned)number_of(event, "hop");
    lookup->answered++;
    if (shared_bits > lookup->shared_bits) {
        lookup->shared_bits = shared_bits;
    }
    if (hop > lookup->hop) {
        lookup->hop = hop;
    }
}

static void take_step(struct top_lookup *lookup, const json_t *event)
{
    const char *step = text_of(event, "step");
    if (strcmp(step, "asked") == 0) {
        lookup->asked++;
    } else if (strcmp(step, "answered") == 0) {
        take_answer(lookup, event);
    } else if (strcmp(step, "dead") == 0 || strcmp(step, "refused") == 0) {
        lookup->unanswered++;
    }
}

static void take_end(struct top_lookup *lookup, const json_t *event, uint64_t now_ms)
{
    lookup->ended_ms = now_ms;
    lookup->took_ms = (unsigned)number_of(event, "ms");
    lookup->is_complete = json_is_true(json_object_get(event, "complete"));
}

void top_state_event(struct top_state *state, const json_t *event, uint64_t now_ms)
{
    const char *name = text_of(event, "event");
    if (strcmp(name, "gap") == 0) {
        state->missed += (uint64_t)number_of(event, "dropped");
        return;
    }
    if (strcmp(text_of(event, "class"), "lookups") != 0) {
        return;
    }
    struct top_lookup *lookup = find(state, number_of(event, "lookup"));
    if (lookup == NULL && strcmp(name, "ended") != 0) {
        lookup = begin(state, event); /* it may have begun before us */
    }
    if (lookup != NULL && strcmp(name, "step") == 0) {
        take_step(lookup, event);
    } else if (lookup != NULL && strcmp(name, "ended") == 0) {
        take_end(lookup, event, now_ms);
    }
}

void top_state_tidy(struct top_state *state, uint64_t now_ms)
{
    uint64_t silent_ms = state->info != NULL ? now_ms - state->info_ms : 0;
    state->silent_s = silent_ms >= TOP_SILENT_MS ? (unsigned)(silent_ms / 1000) : 0;
    for (unsigned i = 0; i < state->lookup_count;) {
        const struct top_lookup *lookup = &state->lookups[i];
        if (lookup->ended_ms != 0 && now_ms - lookup->ended_ms > TOP_LOOKUP_KEPT_MS) {
            remove_at(state, i);
        } else {
            i++;
        }
    }
}
