/* The families of addresses as indexes: a node has one table, and one lookup, of each. */
#ifndef XORD_DHT_FAMILY_H
#define XORD_DHT_FAMILY_H

#include "common/addr.h"

enum { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

static inline unsigned family_index(enum addr_family family)
{
    return family == ADDR_V6 ? FAMILY_V6 : FAMILY_V4;
}

static inline enum addr_family family_at(unsigned index)
{
    return index == FAMILY_V6 ? ADDR_V6 : ADDR_V4;
}

#endif
