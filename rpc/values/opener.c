#include "rpc/values/opener.h"

#include <stdlib.h>

#include "rpc/json/json.h"
#include "rpc/values/base64.h"
#include "rpc/values/value.h"

void opener_of_call(const struct rpc_call *call, struct opener *out)
{
    *out = (struct opener){.host = rpc_host_of(call),
                           .is_allowed = rpc_access_of(call) == RPC_ACCESS_FULL,
                           .tries_left = OPENER_TRIES_MAX,
                           .elements_left = RPC_ELEMENTS_MAX};
}

static bool show_bytes(json_t *part, struct bytes content)
{
    return json_object_set_new(part, "v_base64", base64_to_json(content)) == 0;
}

/* Takes what the text costs; false when that is more than there is. */
static bool may_read(struct opener *opener, struct bytes text)
{
    size_t elements = json_count_elements(text);
    if (elements > opener->elements_left) {
        return false;
    }
    opener->elements_left -= elements;
    return true;
}

bool opener_show_json(struct opener *opener, struct bytes text, json_t *element, json_t *part,
                      bool *is_json)
{
    *is_json = true;
    if (!may_read(opener, text)) {
        return show_bytes(part, text) &&
               json_object_set_new(element, "reason", json_string(OPENER_TEXT_REASON)) == 0;
    }
    json_t *value = json_read(text, VALUE_TEXT_DEPTH_MAX, NULL, 0);
    *is_json = value != NULL;
    return value != NULL && json_object_set_new(part, "v", value) == 0;
}

static const char *text_of_fault(enum sealed_fault fault)
{
    switch (fault) {
    case SEALED_OPENED:
        return NULL;
    case SEALED_DAMAGED:
        return "damaged";
    case SEALED_OTHER_SIGNER:
        return "sealed by another signer";
    case SEALED_OTHER_TARGET:
        return "sealed for another target";
    }
    return "damaged";
}

/* The content into `buffer`; NULL, or why not. */
static const char *open_sealed(struct opener *opener, const struct record *record,
                               const struct sealed *sealed, uint8_t *buffer,
                               struct sealed_content *out)
{
    uint8_t key[SEALED_KEY_SIZE];
    enum err err = opener->host->unseal(opener->host->context, sealed, &opener->tries_left, key);
    if (err == ERR_BUSY) {
        return "not all keys were tried, this call has tried enough; ask for fewer values";
    }
    if (err != ERR_OK) {
        return "no key of this daemon opens it";
    }
    enum sealed_fault fault =
        sealed_open(sealed, key, record->k, (uint8_t)record->kind, record->target.b, buffer, out);
    keys_wipe(key, sizeof key);
    return text_of_fault(fault);
}

static bool show_content(struct opener *opener, json_t *element, json_t *part,
                         const struct sealed_content *content)
{
    bool is_good = true;
    bool is_shown = content->type == SEALED_JSON
                        ? opener_show_json(opener, content->content, element, part, &is_good)
                        : show_bytes(part, content->content);
    if (!is_good) {
        return opener_show_closed(element, text_of_fault(SEALED_DAMAGED));
    }
    return is_shown && json_object_set_new(element, "encrypted", json_true()) == 0;
}

bool opener_show(struct opener *opener, const struct record *record, struct bytes body,
                 json_t *element, json_t *part)
{
    struct sealed sealed;
    struct sealed_content content;
    if (!opener->is_allowed) {
        return opener_show_closed(element, "not opened on the read-only socket");
    }
    if (!sealed_read(body, &sealed)) {
        return opener_show_closed(element, text_of_fault(SEALED_DAMAGED));
    }
    uint8_t *buffer = malloc(sealed.box.size);
    if (buffer == NULL) {
        return false;
    }
    const char *reason = open_sealed(opener, record, &sealed, buffer, &content);
    bool is_shown = reason != NULL ? opener_show_closed(element, reason)
                                   : show_content(opener, element, part, &content);
    keys_wipe(buffer, sealed.box.size);
    free(buffer);
    return is_shown;
}

bool opener_show_closed(json_t *element, const char *reason)
{
    return json_object_set_new(element, "encrypted", json_true()) == 0 &&
           json_object_set_new(element, "reason", json_string(reason)) == 0;
}
