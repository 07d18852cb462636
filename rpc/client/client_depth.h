/* The logarithm that bars on a terminal are drawn by, in whole numbers: libm, which would lie in
 * the memory of every daemon, is not needed for it. Pure. */
#ifndef XORD_RPC_CLIENT_DEPTH_H
#define XORD_RPC_CLIENT_DEPTH_H

#include <stdint.h>

#define CLIENT_DEPTH_BIT 256u /* one bit's worth */

/* log2(value) in units of 1/CLIENT_DEPTH_BIT; of 0 as of 1. Exact at powers of two, between them on
 * a straight line, which is at most 23 units too low. */
unsigned client_depth(uint64_t value);

#endif
