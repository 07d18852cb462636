#include "daemon/dht/counters.h"

#include <assert.h>

#define NAME_SIZE 32 /* the longest name and its terminator */

const char *counter_name(enum counter counter)
{
#define COUNTER_NAME(symbol, name) [COUNTER_##symbol] = name,
    static const char names[][NAME_SIZE] = {COUNTER_TABLE(COUNTER_NAME)};
#undef COUNTER_NAME

    assert((unsigned)counter < COUNTER_COUNT);
    return names[counter];
}
