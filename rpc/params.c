#include "rpc/params.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/addr_text.h"
#include "rpc/name.h"

#define HOST_TEXT_SIZE 256 /* the longest host name, and its terminator */
#define SHOWN_MAX      64  /* of a name that a client made up, in an error */
#define FAULT_SIZE     40  /* the longest integer and a few words */

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

static bool is_bounded(const struct param *param)
{
    return param->min != 0 || param->max != 0;
}

char *params_describe(const struct param *param, char *out, size_t size)
{
    static const char *const texts[] = {
        [PARAM_STRING] = "a string",
        [PARAM_NAME] = "a name: 1 to 32 of a-z, 0-9, _ and -",
        [PARAM_INT] = "an integer",
        [PARAM_BOOL] = "true or false",
        [PARAM_JSON] = "any JSON value",
        [PARAM_KIND] = "\"s\" (single) or \"m\" (multi)",
        [PARAM_ID] = "a string of 40 hex digits",
        [PARAM_KEY] = "a string of 64 hex digits",
        [PARAM_HEX] = "a string with an even number of hex digits",
        [PARAM_BASE64] = "a string in base64",
        [PARAM_ADDR] = "a string HOST:PORT",
    };

    if (param->type != PARAM_INT || !is_bounded(param))
        snprintf(out, size, "%s", texts[param->type]);
    else if (param->max == INT64_MAX)
        snprintf(out, size, "an integer, %" PRId64 " or more", param->min);
    else
        snprintf(out, size, "an integer from %" PRId64 " to %" PRId64, param->min, param->max);
    return out;
}

static bool is_hex(const char *text, size_t digits)
{
    size_t size = strlen(text);

    return strspn(text, "0123456789abcdefABCDEF") == size &&
           (digits > 0 ? size == digits : size % 2 == 0);
}

static bool is_base64(const char *text)
{
    size_t size = strlen(text);
    size_t plain = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    size_t padding = strspn(text + plain, "=");

    return plain + padding == size && size % 4 == 0 && padding <= 2;
}

static bool is_addr(const char *text)
{
    char host[HOST_TEXT_SIZE];
    uint16_t port;

    return addr_split(text, host, sizeof host, &port);
}

static bool text_fits(const struct param *param, const char *text)
{
    switch (param->type) {
    case PARAM_NAME:
        return name_is_valid(text);
    case PARAM_KIND:
        return strcmp(text, "s") == 0 || strcmp(text, "m") == 0;
    case PARAM_ID:
        return is_hex(text, 40);
    case PARAM_KEY:
        return is_hex(text, 64);
    case PARAM_HEX:
        return is_hex(text, 0);
    case PARAM_BASE64:
        return is_base64(text);
    case PARAM_ADDR:
        return is_addr(text);
    case PARAM_STRING:
    case PARAM_INT:
    case PARAM_BOOL:
    case PARAM_JSON:
        return true;
    }
    return false;
}

static bool int_fits(const struct param *param, const json_t *value)
{
    json_int_t number = json_integer_value(value);

    return json_is_integer(value) &&
           (!is_bounded(param) || (number >= param->min && number <= param->max));
}

static bool value_has_type(const struct param *param, const json_t *value)
{
    if (param->type == PARAM_JSON)
        return true;
    if (param->type == PARAM_BOOL)
        return json_is_boolean(value);
    if (param->type == PARAM_INT)
        return json_is_integer(value);
    return json_is_string(value);
}

static bool has_nul(const json_t *value)
{
    return strlen(json_string_value(value)) != json_string_length(value);
}

/* True when the value will do; else `fault` gets what to add to "must be ...". A string is not
 * shown again: it may be a secret. */
static bool is_fit(const struct param *param, const json_t *value, char fault[FAULT_SIZE])
{
    fault[0] = '\0';
    if (!value_has_type(param, value)) {
        snprintf(fault, FAULT_SIZE, ", not %s", type_name(value));
        return false;
    }
    if (param->type == PARAM_JSON || param->type == PARAM_BOOL)
        return true;
    if (param->type == PARAM_INT) {
        snprintf(fault, FAULT_SIZE, ", not %" JSON_INTEGER_FORMAT, json_integer_value(value));
        return int_fits(param, value);
    }
    if (has_nul(value)) {
        snprintf(fault, FAULT_SIZE, " without a NUL in it");
        return false;
    }
    return text_fits(param, json_string_value(value));
}

static enum err check_value(const struct method *method, const struct param *param,
                            const json_t *value, char detail[RPC_DETAIL_SIZE])
{
    char expected[128], fault[FAULT_SIZE];

    if (is_fit(param, value, fault))
        return ERR_OK;
    params_describe(param, expected, sizeof expected);
    snprintf(detail, RPC_DETAIL_SIZE, "%s: parameter \"%s\" must be %s%s", method->name,
             param->name, expected, fault);
    return ERR_INVALID_PARAMS;
}

int params_find(const struct method *method, const char *name)
{
    for (int i = 0; method->params[i].name != NULL; i++)
        if (strcmp(method->params[i].name, name) == 0)
            return i;
    return -1;
}

/* A null stands for "not given", but where any JSON value is taken it is one. */
static void put_value(const struct param *param, json_t *value, json_t **slot)
{
    if (!json_is_null(value) || param->type == PARAM_JSON)
        *slot = value;
}

/* A list stands for the parameters from here on: "target, or username resource type". */
static size_t first_position(const struct method *method, size_t given)
{
    return given > 1 && method->params[0].is_alone ? 1 : 0;
}

static size_t last_position(const struct method *method)
{
    size_t count = 0;

    while (method->params[count].name != NULL && !method->params[count].is_named_only)
        count++;
    return count;
}

static enum err bind_array(const struct method *method, json_t *array,
                           json_t *values[METHOD_PARAMS_MAX], char detail[RPC_DETAIL_SIZE])
{
    size_t count = json_array_size(array), first = first_position(method, count);
    size_t last = last_position(method), room = last - first;

    if (count > room) {
        const char *next = method->params[last].name;
        snprintf(detail, RPC_DETAIL_SIZE,
                 "%s takes at most %zu parameter%s by position, and %zu were given%s%s%s",
                 method->name, room, room == 1 ? "" : "s", count, next != NULL ? "; give \"" : "",
                 next != NULL ? next : "", next != NULL ? "\" and what follows it by name" : "");
        return ERR_INVALID_PARAMS;
    }
    for (size_t i = 0; i < count; i++)
        put_value(&method->params[first + i], json_array_get(array, i), &values[first + i]);
    return ERR_OK;
}

static enum err bind_object(const struct method *method, json_t *object,
                            json_t *values[METHOD_PARAMS_MAX], char detail[RPC_DETAIL_SIZE])
{
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        int i = params_find(method, json_object_iter_key(at));
        if (i < 0) {
            snprintf(detail, RPC_DETAIL_SIZE, "%s has no parameter \"%.*s\"", method->name,
                     SHOWN_MAX, json_object_iter_key(at));
            return ERR_INVALID_PARAMS;
        }
        put_value(&method->params[i], json_object_iter_value(at), &values[i]);
    }
    return ERR_OK;
}

static enum err check_all(const struct method *method, json_t *values[METHOD_PARAMS_MAX],
                          char detail[RPC_DETAIL_SIZE])
{
    for (size_t i = 0; method->params[i].name != NULL; i++) {
        const struct param *param = &method->params[i];
        if (values[i] == NULL && param->need == PARAM_REQUIRED) {
            snprintf(detail, RPC_DETAIL_SIZE, "%s: parameter \"%s\" is missing", method->name,
                     param->name);
            return ERR_INVALID_PARAMS;
        }
        if (values[i] == NULL)
            continue;
        enum err err = check_value(method, param, values[i], detail);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

enum err params_bind(const struct method *method, json_t *given, json_t *values[METHOD_PARAMS_MAX],
                     char detail[RPC_DETAIL_SIZE])
{
    enum err err = ERR_OK;

    memset(values, 0, METHOD_PARAMS_MAX * sizeof values[0]);
    if (json_is_array(given))
        err = bind_array(method, given, values, detail);
    else if (json_is_object(given))
        err = bind_object(method, given, values, detail);
    return err == ERR_OK ? check_all(method, values, detail) : err;
}
