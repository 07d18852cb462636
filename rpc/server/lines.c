#include "rpc/server/lines.h"

static bool hand_on(struct lines *lines, struct bytes line, lines_take *take, void *context)
{
    if (lines->is_skipping) {
        lines->is_skipping = false; /* this was the rest of it */
        return true;
    }
    return take(context, line.size > RPC_LINE_MAX ? (struct bytes){0} : line);
}

/* Hands on the whole lines in `data`, of which the first `scanned` bytes hold no line feed; returns
 * how many bytes are done with. */
static size_t cut(struct lines *lines, struct bytes data, size_t scanned, lines_take *take,
                  void *context, bool *is_wanted)
{
    size_t done = 0;

    *is_wanted = true;
    while (done < data.size && *is_wanted) {
        const uint8_t *start = data.data + done, *from = start + scanned;
        const uint8_t *feed = memchr(from, '\n', (size_t)(data.data + data.size - from));
        if (feed == NULL)
            break;
        *is_wanted = hand_on(lines, bytes_of(start, (size_t)(feed - start)), take, context);
        done = (size_t)(feed + 1 - data.data);
        scanned = 0;
    }
    return done;
}

/* The last `size` bytes of what was kept. */
static void keep_rest(struct lines *lines, size_t size)
{
    struct json_text *kept = &lines->kept;

    if (size == 0 && kept->capacity > LINES_KEPT_MAX)
        json_text_clear(kept);
    else if (size > 0)
        memmove(kept->data, kept->data + kept->size - size, size);
    kept->size = size;
}

/* The first line that is kept is too long, or is the rest of such a line: nothing of it stays. */
static void drop_long(struct lines *lines, lines_take *take, void *context)
{
    bool was_skipping = lines->is_skipping;

    lines_clear(lines);
    lines->is_skipping = true;
    if (!was_skipping)
        take(context, (struct bytes){0});
}

void lines_go_on(struct lines *lines, lines_take *take, void *context)
{
    struct json_text *kept = &lines->kept;
    bool is_wanted;

    size_t done =
        cut(lines, bytes_of(kept->data, kept->size), lines->scanned, take, context, &is_wanted);
    keep_rest(lines, kept->size - done);
    lines->scanned = is_wanted ? kept->size : 0;
    if (is_wanted && (kept->size > RPC_LINE_MAX || (lines->is_skipping && kept->size > 0)))
        drop_long(lines, take, context);
}

void lines_add(struct lines *lines, struct bytes data, lines_take *take, void *context)
{
    size_t done = 0;
    bool is_wanted = true;

    if (lines->kept.size == 0)
        done = cut(lines, data, 0, take, context, &is_wanted);
    lines_keep(lines, bytes_of(data.data + done, data.size - done));
    if (is_wanted && lines->kept.size > 0)
        lines_go_on(lines, take, context);
}

void lines_keep(struct lines *lines, struct bytes data)
{
    json_text_append(&lines->kept, (const char *)data.data, data.size);
}

void lines_end(struct lines *lines, lines_take *take, void *context)
{
    const struct lines last = *lines;

    *lines = (struct lines){0};
    if (last.kept.size > 0 && !last.is_skipping)
        take(context, bytes_of(last.kept.data, last.kept.size));
    struct json_text kept = last.kept;
    json_text_clear(&kept);
}

size_t lines_kept(const struct lines *lines)
{
    return lines->kept.size;
}

void lines_clear(struct lines *lines)
{
    json_text_clear(&lines->kept);
    *lines = (struct lines){0};
}
