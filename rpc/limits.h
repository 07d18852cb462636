/* What clients may take of the server, and the two doors through which they come. */
#ifndef XORD_RPC_LIMITS_H
#define XORD_RPC_LIMITS_H

#define RPC_CLIENTS_MAX      1024
#define RPC_CLIENTS_READ_MAX 512 /* of these on the read-only socket: the owner gets in always */
#define RPC_LINE_MAX         (2u * 1024u * 1024u)
#define RPC_CALLS_MAX        1024
#define RPC_OUTPUT_MAX       (4u * 1024u * 1024u)
#define RPC_DEPTH_MAX        32 /* JSON nesting, checked before parsing */
/* JSON values and keys in one line, or one answer, counted before parsing as json_count_elements
 * does: some 15 ms of the loop, twice that of the slowest; a string of 2 MiB takes as long. */
#define RPC_ELEMENTS_MAX 65536
#define RPC_BATCH_MAX    100
#define RPC_DETAIL_SIZE  512 /* room for one line that says what went wrong */

enum rpc_access { RPC_ACCESS_READ, RPC_ACCESS_FULL };

#endif
