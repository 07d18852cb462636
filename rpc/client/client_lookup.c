#include "rpc/client/client_lookup.h"

#include <stdbool.h>
#include <string.h>

#include "common/hex.h"
#include "rpc/client/client_depth.h"

#define BAR_WIDTH  20
#define DEPTH_SIZE 8
#define ID_SHOWN   16 /* hex digits: enough to tell nodes apart */
#define ADDR_WIDTH 21 /* of an IPv4 address with its port; wider where there are longer ones */

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* How far, as the logarithm of the first 64 bits of the distance: finer than whole bits. */
static unsigned depth_of(const char *target, const json_t *step)
{
    uint8_t a[DEPTH_SIZE], b[DEPTH_SIZE];
    const char *id = text_of(step, "id");
    uint64_t distance = 0;
    if (strlen(target) < 2 * DEPTH_SIZE || strlen(id) < 2 * DEPTH_SIZE ||
        !hex_decode(target, 2 * DEPTH_SIZE, a, DEPTH_SIZE) ||
        !hex_decode(id, 2 * DEPTH_SIZE, b, DEPTH_SIZE)) {
        return 0;
    }
    for (size_t i = 0; i < DEPTH_SIZE; i++) {
        distance = distance << 8 | (a[i] ^ b[i]);
    }
    return client_depth(distance);
}

/* Distances lie close to each other, so the bars show what is between the least and the most. */
struct scale {
    const char *target;
    unsigned least, most; /* as client_depth has it */
    int addr_width;
};

static struct scale scale_of(const json_t *result)
{
    const json_t *trace = json_object_get(result, "trace");
    struct scale scale = {.target = text_of(result, "target"), .addr_width = ADDR_WIDTH};
    for (size_t i = 0; i < json_array_size(trace); i++) {
        unsigned depth = depth_of(scale.target, json_array_get(trace, i));
        scale.least = i == 0 || depth < scale.least ? depth : scale.least;
        scale.most = depth > scale.most ? depth : scale.most;
        int width = (int)strlen(text_of(json_array_get(trace, i), "addr"));
        scale.addr_width = width > scale.addr_width ? width : scale.addr_width;
    }
    return scale;
}

static void print_bar(FILE *out, const struct scale *scale, const json_t *step)
{
    unsigned span = scale->most - scale->least, filled = BAR_WIDTH;
    if (span > 0)
        filled = 1 + (depth_of(scale->target, step) - scale->least) * (BAR_WIDTH - 1) / span;
    for (unsigned i = 0; i < BAR_WIDTH; i++) {
        fputc(i < filled ? '#' : ' ', out);
    }
}

static bool is_closest(const json_t *closest, const char *id)
{
    for (size_t i = 0; i < json_array_size(closest); i++) {
        if (strcmp(text_of(json_array_get(closest, i), "id"), id) == 0) {
            return true;
        }
    }
    return false;
}

static void print_step(FILE *out, const struct scale *scale, const json_t *step, bool is_one)
{
    fprintf(out, "%c %3d  %3d ", is_one ? '*' : ' ', (int)number_of(step, "hop"),
            (int)number_of(step, "distance"));
    print_bar(out, scale, step);
    fprintf(out, "  %.*s  %-*s  ", ID_SHOWN, text_of(step, "id"), scale->addr_width,
            text_of(step, "addr"));
    if (json_is_true(json_object_get(step, "answered"))) {
        fprintf(out, "%3d ms\n", (int)number_of(step, "rtt_ms"));
    } else {
        fputs("silent\n", out);
    }
}

static size_t count_answered(const json_t *trace)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(trace); i++) {
        count += json_is_true(json_object_get(json_array_get(trace, i), "answered"));
    }
    return count;
}

void client_lookup_print(FILE *out, const json_t *result)
{
    const json_t *trace = json_object_get(result, "trace");
    const json_t *closest = json_object_get(result, "closest");
    const struct scale scale = scale_of(result);
    fprintf(out, "target %s\n\n", text_of(result, "target"));
    fprintf(out, "  hop  distance%*s  %-*s  %-*s  answer\n", BAR_WIDTH - 4, "", ID_SHOWN, "id",
            scale.addr_width, "address");
    for (size_t i = json_array_size(trace); i-- > 0;) {
        const json_t *step = json_array_get(trace, i);
        print_step(out, &scale, step, is_closest(closest, text_of(step, "id")));
    }
    int hops = (int)number_of(result, "hops");
    fprintf(out, "\n%zu asked, %zu answered, %d hop%s, %d ms; * the %zu closest\n",
            json_array_size(trace), count_answered(trace), hops, hops == 1 ? "" : "s",
            (int)number_of(result, "ms"), json_array_size(closest));
}
