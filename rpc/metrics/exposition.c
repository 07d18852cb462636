#include "rpc/metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>

#define NS_PER_S   UINT64_C(1000000000)
#define FAMILY_MAX 64 /* of a family, with its suffix */
#define NUMBER_MAX 40 /* digits of seconds, the point and nine more */

static void append(struct json_text *out, const char *text)
{
    json_text_append(out, text, strlen(text));
}

/* A label's value may hold anything but these three as they are. */
static void append_escaped(struct json_text *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            append(out, "\\n");
        else if (*text == '"' || *text == '\\')
            json_text_append(out, (char[]){'\\', *text}, 2);
        else
            json_text_append(out, text, 1);
    }
}

static void append_label(struct json_text *out, struct exposition_label label, const char *before)
{
    append(out, before);
    append(out, label.name);
    append(out, "=\"");
    append_escaped(out, label.value);
    append(out, "\"");
}

static void append_labels(struct json_text *out, struct exposition_label first,
                          struct exposition_label second)
{
    const char *before = "{";

    if (first.name != NULL) {
        append_label(out, first, before);
        before = ",";
    }
    if (second.name != NULL)
        append_label(out, second, before);
    if (first.name != NULL || second.name != NULL)
        append(out, "}");
}

static void append_value(struct json_text *out, const char *value)
{
    append(out, " ");
    append(out, value);
    append(out, "\n");
}

void exposition_family(struct json_text *out, const char *name, const char *type, const char *help)
{
    append(out, "# HELP ");
    append(out, name);
    append(out, " ");
    append(out, help);
    append(out, "\n# TYPE ");
    append(out, name);
    append_value(out, type);
}

void exposition_sample2(struct json_text *out, const char *name, struct exposition_label first,
                        struct exposition_label second, uint64_t value)
{
    char number[NUMBER_MAX];

    append(out, name);
    append_labels(out, first, second);
    snprintf(number, sizeof number, "%" PRIu64, value);
    append_value(out, number);
}

void exposition_sample(struct json_text *out, const char *name, struct exposition_label label,
                       uint64_t value)
{
    exposition_sample2(out, name, label, (struct exposition_label){0}, value);
}

/* Nanoseconds as seconds, exactly and without zeros at the end. */
static char *format_seconds(uint64_t ns, char out[NUMBER_MAX])
{
    int size = snprintf(out, NUMBER_MAX, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);

    while (out[size - 1] == '0')
        out[--size] = '\0';
    if (out[size - 1] == '.')
        out[--size] = '\0';
    return out;
}

void exposition_seconds(struct json_text *out, const char *name, struct exposition_label label,
                        uint64_t value_ns)
{
    char number[NUMBER_MAX];

    append(out, name);
    append_labels(out, label, (struct exposition_label){0});
    append_value(out, format_seconds(value_ns, number));
}

void exposition_histogram(struct json_text *out, const char *name, struct exposition_label label,
                          const struct histogram *h, const struct histogram_scale *scale)
{
    char family[FAMILY_MAX], number[NUMBER_MAX];
    uint64_t below = 0;

    snprintf(family, sizeof family, "%s_bucket", name);
    for (size_t i = 0; i < scale->count; i++) {
        struct exposition_label le = {"le", format_seconds(scale->bounds_ns[i], number)};
        below += h->counts[i];
        exposition_sample2(out, family, label, le, below);
    }
    uint64_t count = histogram_count(h);
    exposition_sample2(out, family, label, (struct exposition_label){"le", "+Inf"}, count);
    snprintf(family, sizeof family, "%s_sum", name);
    exposition_seconds(out, family, label, h->sum_ns);
    snprintf(family, sizeof family, "%s_count", name);
    exposition_sample(out, family, label, count);
}
