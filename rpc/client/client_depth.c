#include "rpc/client/client_depth.h"

#define FRACTION_BITS 8u /* of CLIENT_DEPTH_BIT */

unsigned client_depth(uint64_t value)
{
    if (value == 0)
        return 0;
    unsigned zeros = (unsigned)__builtin_clzll(value);
    uint64_t mantissa = value << zeros; /* its first bit set */
    unsigned fraction = (unsigned)(mantissa >> (63 - FRACTION_BITS)) % CLIENT_DEPTH_BIT;

    return (63 - zeros) * CLIENT_DEPTH_BIT + fraction;
}
