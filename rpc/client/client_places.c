#include "rpc/client/client_places.h"

#include <stdio.h>
#include <string.h>

#define PLACE_SIZE 256 /* a key in hex, and a slot as text or in hex */

/* "KEY s SLOT", "KEY x HEX", or of a single "KEY": no two slots look alike. */
static bool write_place(const json_t *value, char out[PLACE_SIZE])
{
    const json_t *part = json_object_get(value, "p");
    const char *key = json_string_value(json_object_get(value, "k"));
    const char *slot = json_string_value(json_object_get(part, "slot"));
    const char *hex = json_string_value(json_object_get(part, "slot_hex"));
    const char *name = slot != NULL ? slot : hex != NULL ? hex : "";
    if (key == NULL)
        return false;
    int size = snprintf(out, PLACE_SIZE, "%s %s %s", key, slot != NULL ? "s" : "x", name);
    return size < PLACE_SIZE;
}

/* An ended value's own seq is no news of its place, and yet its end is. */
static bool is_end(const json_t *params)
{
    const char *event = json_string_value(json_object_get(params, "event"));
    return event != NULL && strcmp(event, "expired") == 0;
}

static void forget_first(json_t *seqs)
{
    if (json_object_size(seqs) > CLIENT_PLACES_MAX)
        json_object_del(seqs, json_object_iter_key(json_object_iter(seqs)));
}

bool client_places_is_new(struct client_places *places, const json_t *params)
{
    const json_t *value = json_object_get(params, "value");
    const json_t *seq = json_object_get(json_object_get(value, "p"), "seq");
    char place[PLACE_SIZE];
    if (!json_is_integer(seq) || !write_place(value, place))
        return true;
    if (places->seqs == NULL)
        places->seqs = json_object();
    const json_t *shown = json_object_get(places->seqs, place);
    if (shown != NULL && json_integer_value(seq) <= json_integer_value(shown))
        return is_end(params) && json_integer_value(seq) == json_integer_value(shown);
    json_object_set_new(places->seqs, place, json_integer(json_integer_value(seq)));
    forget_first(places->seqs);
    return true;
}

void client_places_clear(struct client_places *places)
{
    json_decref(places->seqs);
    places->seqs = NULL;
}
