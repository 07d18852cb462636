#include "daemon/dht/counters.h"

#include <assert.h>

#define NAME_SIZE 32 /* the longest name and its terminator */
#define HELP_SIZE 64

const char *counter_name(enum counter counter)
{
#define COUNTER_NAME(symbol, name, help) [COUNTER_##symbol] = name,
    static const char names[][NAME_SIZE] = {COUNTER_TABLE(COUNTER_NAME)};
#undef COUNTER_NAME

    assert((unsigned)counter < COUNTER_COUNT);
    return names[counter];
}

const char *counter_help(enum counter counter)
{
#define COUNTER_HELP(symbol, name, help) [COUNTER_##symbol] = help,
    static const char helps[][HELP_SIZE] = {COUNTER_TABLE(COUNTER_HELP)};
#undef COUNTER_HELP

    assert((unsigned)counter < COUNTER_COUNT);
    return helps[counter];
}
