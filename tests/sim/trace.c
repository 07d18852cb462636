#include "tests/sim/trace.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void trace_init(struct trace *t)
{
    *t = (struct trace){.entries = calloc(TRACE_KEPT, sizeof *t->entries)};
    assert(t->entries != NULL);
}

void trace_clear(struct trace *t)
{
    free(t->entries);
    *t = (struct trace){0};
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

void trace_add(struct trace *t, const struct trace_entry *entry)
{
    uint64_t hash = mix(t->hash, entry->at_ms);
    hash = mix(hash, entry->detail);
    hash = mix(hash, (uint64_t)entry->process << 32 | entry->other);
    t->hash = mix(hash, (uint64_t)entry->size << 32 | entry->kind);
    t->entries[t->count++ % TRACE_KEPT] = *entry;
}

/* Little-endian whatever the machine, so that a hash can be compared between machines. */
static uint64_t read_word(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

uint64_t trace_content(struct bytes content)
{
    uint64_t hash = content.size;
    size_t at = 0;
    for (; at + 8 <= content.size; at += 8)
        hash = mix(hash, read_word(content.data + at, 8));
    return mix(hash, read_word(content.data + at, content.size - at));
}

static bool is_one_of(uint32_t process, const uint32_t *processes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (processes[i] == process)
            return true;
    return false;
}

static void print_entry(const struct trace_entry *e, FILE *to)
{
#define TRACE_NAME(symbol, name) name,
    static const char *const names[] = {TRACE_TABLE(TRACE_NAME)};
#undef TRACE_NAME
    fprintf(to, "  %10" PRIu64 ".%03u s  node %-6u %-15s other %-6u size %-5u %016" PRIx64 "\n",
            e->at_ms / 1000, (unsigned)(e->at_ms % 1000), e->process, names[e->kind], e->other,
            e->size, e->detail);
}

void trace_print(const struct trace *t, const uint32_t *processes, size_t count, size_t max,
                 FILE *to)
{
    uint64_t oldest = t->count > TRACE_KEPT ? t->count - TRACE_KEPT : 0;
    uint64_t at = t->count;
    for (size_t found = 0; at > oldest && found < max; at--)
        found += is_one_of(t->entries[(at - 1) % TRACE_KEPT].process, processes, count);
    for (; at < t->count; at++)
        if (is_one_of(t->entries[at % TRACE_KEPT].process, processes, count))
            print_entry(&t->entries[at % TRACE_KEPT], to);
}
