#include "common/err.h"

#include <assert.h>

struct row {
    int code;
    const char *name;
    const char *text;
};

#define ROW(symbol, number, label, sentence)                                                       \
    [symbol] = {.code = (number), .name = (label), .text = (sentence)},
static const struct row table[ERR_COUNT] = {ERR_TABLE(ROW)};
#undef ROW

static const struct row *row_of(enum err err)
{
    assert((unsigned)err < ERR_COUNT);
    return &table[err];
}

int err_code(enum err err)
{
    return row_of(err)->code;
}

const char *err_name(enum err err)
{
    return row_of(err)->name;
}

const char *err_text(enum err err)
{
    return row_of(err)->text;
}

enum err err_from_krpc(int64_t code)
{
    static const enum err known[] = {
        ERR_SERVER,        ERR_BAD_TOKEN,     ERR_METHOD_UNKNOWN, ERR_TOO_BIG,
        ERR_BAD_SIGNATURE, ERR_SALT_TOO_LONG, ERR_CAS_MISMATCH,   ERR_STALE_SEQ,
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (table[known[i]].code == code)
            return known[i];
    }
    return ERR_GENERIC;
}
