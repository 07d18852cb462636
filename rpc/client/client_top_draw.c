#include "rpc/client/client_top_draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rpc/client/client_depth.h"

#define LINE_SIZE    512
#define WIDE_COLUMNS 76u /* from here on buckets and lookups stand side by side */
#define LEFT_WIDTH   21u /* of the buckets then */
#define BUCKET_CELLS 8u  /* as many as a bucket has places */
#define LOOKUP_CELLS 12u
#define TALL_ROWS    14u /* from here on there is room for an empty line, and for buckets */

#define PLAIN  ""
#define BRIGHT "\033[1m"
#define TITLE  "\033[7m"
#define END    "\033[0m"

struct page {
    struct json_text *out;
    unsigned rows, columns, used;
};

/* ---- words ---- */

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

struct words {
    char text[40];
};

static struct words bytes_in_words(double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct words words;
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(words.text, sizeof words.text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return words;
}

static struct words time_in_words(json_int_t seconds)
{
    struct words words;
    long long s = seconds;
    if (s < 60) {
        snprintf(words.text, sizeof words.text, "%lld s", s);
    } else if (s < 3600) {
        snprintf(words.text, sizeof words.text, "%lld min", s / 60);
    } else if (s < 86400) {
        snprintf(words.text, sizeof words.text, "%lld h %lld min", s / 3600, s / 60 % 60);
    } else {
        snprintf(words.text, sizeof words.text, "%lld d %lld h", s / 86400, s / 3600 % 24);
    }
    return words;
}

/* ---- lines ---- */

/* Cut to the page's width; what is no printable ASCII is shown as a question mark. */
static void add_line(struct page *page, const char *attribute, const char *text)
{
    char shown[LINE_SIZE];
    size_t size = strlen(text);
    if (page->used == page->rows) {
        return;
    }
    size = size < page->columns ? size : page->columns;
    size = size < sizeof shown ? size : sizeof shown;
    for (size_t i = 0; i < size; i++) {
        shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    json_text_append(page->out, "\n", page->used++ > 0);
    json_text_append(page->out, attribute, strlen(attribute));
    json_text_append(page->out, shown, size);
    if (attribute[0] != '\0') {
        json_text_append(page->out, END, sizeof END - 1);
    }
}

__attribute__((format(printf, 3, 4))) static void line(struct page *page, const char *attribute,
                                                       const char *format, ...)
{
    char text[LINE_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    add_line(page, attribute, text);
}

/* As `line`; what does not fit is left out from a comma on, so that no number is cut. */
__attribute__((format(printf, 2, 3))) static void parts(struct page *page, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (unsigned i = page->columns; size > (int)page->columns && i > 0; i--) {
        if (text[i] == ',') {
            text[i] = '\0';
            break;
        }
    }
    add_line(page, PLAIN, text);
}

static void fill_cells(char *out, unsigned filled, unsigned cells)
{
    memset(out, '.', cells);
    memset(out, '#', filled < cells ? filled : cells);
    out[cells] = '\0';
}

/* ---- the head ---- */

static struct words state_in_words(const struct top_state *state)
{
    struct words words;
    if (state->silent_s > 0) {
        snprintf(words.text, sizeof words.text, "no answer for %.24s",
                 time_in_words(state->silent_s).text);
    } else {
        snprintf(words.text, sizeof words.text, "%s", text_of(state->info, "state"));
    }
    return words;
}

/* The title reaches across the whole page. */
static void draw_title(struct page *page, const struct top_state *state)
{
    const json_t *info = state->info;
    char text[LINE_SIZE], padded[LINE_SIZE];
    snprintf(text, sizeof text, "xord %s  %s  %s  up %s  %s  %s", text_of(info, "version"),
             state_in_words(state).text, text_of(info, "role"),
             time_in_words(number_of(info, "uptime")).text, text_of(info, "network"),
             text_of(info, "role_why"));
    unsigned width = page->columns < sizeof padded ? page->columns : (unsigned)sizeof padded - 1;
    snprintf(padded, sizeof padded, "%-*s", (int)width, text);
    add_line(page, TITLE, padded);
}

/* Its own, and those that it tells of changes. */
static struct words listeners_of(const json_t *info)
{
    const json_t *shown = json_object_get(info, "subscriptions");
    struct words words;
    snprintf(words.text, sizeof words.text, "%lld, telling %lld",
             (long long)number_of(shown, "listening"), (long long)number_of(shown, "serving"));
    return words;
}

static void draw_head(struct page *page, const struct top_state *state)
{
    const json_t *info = state->info;
    const json_t *bound = json_object_get(json_object_get(info, "addresses"), "bound");
    const char *addr = json_string_value(json_array_get(bound, 0));
    const double *rates = state->rates;
    draw_title(page, state);
    line(page, BRIGHT, page->columns < WIDE_COLUMNS ? "%s %s" : "id %s  %s", text_of(info, "id"),
         addr != NULL ? addr : "");
    parts(page, "nodes %lld of about %lld, clients %lld, listening to %s, under way %lld",
          (long long)number_of(info, "dht_nodes"), (long long)number_of(info, "dht_global_nodes"),
          (long long)number_of(info, "clients"), listeners_of(info).text,
          (long long)number_of(info, "under_way"));
    parts(page, "store %lld, %s of %s, kept %lld, evicted %lld",
          (long long)number_of(info, "stored"),
          bytes_in_words((double)number_of(info, "stored_bytes")).text,
          bytes_in_words((double)number_of(info, "max_bytes")).text,
          (long long)number_of(info, "kept_puts"), (long long)number_of(info, "evicted"));
    parts(page, "in %.0f/s %s/s, out %.0f/s %s/s, served %.0f/s, asked %.0f/s",
          rates[TOP_PACKETS_IN], bytes_in_words(rates[TOP_BYTES_IN]).text, rates[TOP_PACKETS_OUT],
          bytes_in_words(rates[TOP_BYTES_OUT]).text, rates[TOP_SERVED], rates[TOP_SENT]);
}

/* ---- buckets ---- */

static const char buckets_title[] = "bits  nodes by bucket";

/* A '-' is a node that did not answer last time. */
static void write_bucket(char out[LINE_SIZE], const struct top_state *state, unsigned number)
{
    const struct top_bucket *bucket = &state->buckets[number];
    unsigned families = state->families > 0 ? state->families : 1;
    unsigned all = bucket->live + bucket->failing;
    char cells[BUCKET_CELLS + 1];
    fill_cells(cells, (all + families - 1) / families, BUCKET_CELLS);
    for (unsigned i = 0, bad = bucket->failing / families; i < BUCKET_CELLS && bad > 0; i++) {
        if (cells[BUCKET_CELLS - 1 - i] == '#') {
            cells[BUCKET_CELLS - 1 - i] = '-';
            bad--;
        }
    }
    snprintf(out, LINE_SIZE, "%4u  %s %2u", number, cells, all);
}

/* Row `row` of `rows` for the buckets; empty when there is nothing more. */
static void write_bucket_row(char out[LINE_SIZE], const struct top_state *state, unsigned row,
                             unsigned rows)
{
    unsigned count = state->bucket_count;
    out[0] = '\0';
    if (count > rows && row + 1 == rows) {
        snprintf(out, LINE_SIZE, "      and %u more", count - row);
    } else if (row < count) {
        write_bucket(out, state, row);
    } else if (count == 0 && row == 0) {
        snprintf(out, LINE_SIZE, "      none yet");
    }
}

/* ---- lookups ---- */

/* How close it is: of the bits that a node must share to be among the nearest in a network of this
 * size. */
static unsigned closeness_of(const struct top_state *state, const struct top_lookup *lookup)
{
    json_int_t nodes = number_of(state->info, "dht_global_nodes");
    unsigned all = client_depth(nodes > 0 ? (uint64_t)nodes : 0) + CLIENT_DEPTH_BIT;
    unsigned shared = (unsigned)(lookup->shared_bits + 1) * CLIENT_DEPTH_BIT;
    return shared * LOOKUP_CELLS / all;
}

static void write_lookup(char out[LINE_SIZE], const struct top_state *state,
                         const struct top_lookup *lookup, bool is_wide)
{
    char cells[LOOKUP_CELLS + 1], took[32] = "looking";
    fill_cells(cells, closeness_of(state, lookup), LOOKUP_CELLS);
    if (lookup->ended_ms != 0) {
        snprintf(took, sizeof took, "%u ms%s", lookup->took_ms, lookup->is_complete ? "" : ", cut");
    }
    if (is_wide) {
        snprintf(out, LINE_SIZE, "%-9s %-8s %s %2d bits %2u/%-2u %s", lookup->purpose,
                 lookup->target, cells, lookup->shared_bits < 0 ? 0 : lookup->shared_bits,
                 lookup->answered, lookup->asked, took);
    } else {
        snprintf(out, LINE_SIZE, "%-9s %-6.6s %2d bits %2u/%-2u %s", lookup->purpose,
                 lookup->target, lookup->shared_bits < 0 ? 0 : lookup->shared_bits,
                 lookup->answered, lookup->asked, took);
    }
}

static void write_title(char out[LINE_SIZE], const struct top_state *state)
{
    if (state->missed > 0) {
        snprintf(out, LINE_SIZE, "lookups (%llu events were missed)",
                 (unsigned long long)state->missed);
    } else {
        snprintf(out, LINE_SIZE, "lookups");
    }
}

/* Newest first. */
static void write_lookup_row(char out[LINE_SIZE], const struct top_state *state, unsigned row,
                             unsigned rows, bool is_wide)
{
    unsigned count = state->lookup_count;
    out[0] = '\0';
    if (count > rows && row + 1 == rows) {
        snprintf(out, LINE_SIZE, "and %u more", count - row);
    } else if (row < count) {
        write_lookup(out, state, &state->lookups[count - 1 - row], is_wide);
    } else if (row == 0) {
        snprintf(out, LINE_SIZE, "%s",
                 state->is_blind ? "are shown on the full socket alone" : "none");
    }
}

/* ---- the page ---- */

static void draw_wide(struct page *page, const struct top_state *state)
{
    char left[LINE_SIZE], right[LINE_SIZE];
    write_title(right, state);
    line(page, BRIGHT, "%-*s  %.200s", (int)LEFT_WIDTH, buckets_title, right);
    unsigned rows = page->rows - page->used;
    for (unsigned row = 0; row < rows; row++) {
        write_bucket_row(left, state, row, rows);
        write_lookup_row(right, state, row, rows, true);
        line(page, PLAIN, "%-*.100s  %.300s", (int)LEFT_WIDTH, left, right);
    }
}

/* The buckets on one line, where there is no room for more: the nodes in each. */
static void draw_counts(struct page *page, const struct top_state *state)
{
    char text[LINE_SIZE] = "by bits:";
    size_t used = strlen(text);
    for (unsigned i = 0; i < state->bucket_count && used + 8 < sizeof text; i++) {
        const struct top_bucket *bucket = &state->buckets[i];
        used += (size_t)snprintf(text + used, sizeof text - used, " %u",
                                 bucket->live + bucket->failing);
    }
    add_line(page, PLAIN, text);
}

static void draw_buckets(struct page *page, const struct top_state *state, unsigned rows)
{
    char text[LINE_SIZE];
    add_line(page, BRIGHT, buckets_title);
    for (unsigned row = 0; row < rows; row++) {
        write_bucket_row(text, state, row, rows);
        add_line(page, PLAIN, text);
    }
}

static void draw_narrow(struct page *page, const struct top_state *state)
{
    char text[LINE_SIZE];
    if (page->rows < TALL_ROWS) {
        draw_counts(page, state);
    } else {
        draw_buckets(page, state, (page->rows - page->used) / 2 - 1);
    }
    write_title(text, state);
    add_line(page, BRIGHT, text);
    unsigned rows = page->rows - page->used;
    for (unsigned row = 0; row < rows; row++) {
        write_lookup_row(text, state, row, rows, false);
        add_line(page, PLAIN, text);
    }
}

void top_draw(struct json_text *out, const struct top_state *state, unsigned rows, unsigned columns)
{
    struct page page = {.out = out, .rows = rows, .columns = columns};
    if (rows < TOP_ROWS_MIN || columns < TOP_COLUMNS_MIN) {
        line(&page, PLAIN, "xord top needs %u by %u", TOP_COLUMNS_MIN, TOP_ROWS_MIN);
        return;
    }
    if (state->info == NULL) {
        add_line(&page, PLAIN, "xord top: asking the daemon");
        return;
    }
    draw_head(&page, state);
    if (rows >= TALL_ROWS) {
        add_line(&page, PLAIN, "");
    }
    if (columns >= WIDE_COLUMNS) {
        draw_wide(&page, state);
    } else {
        draw_narrow(&page, state);
    }
}
