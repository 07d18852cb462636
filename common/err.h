/* Every way an operation can fail, with the number and the name that a caller sees (one table,
 * ERR_TABLE). Numbers: JSON-RPC 2.0's own, BEP 44's where they exist, else HTTP-like ones.
 * What a peer sends is never our error: it is counted where it arrives. */
#ifndef XORD_COMMON_ERR_H
#define XORD_COMMON_ERR_H

#include <stdint.h>

/*  symbol                 code    name                  message */
#define ERR_TABLE(X)                                                                               \
    X(ERR_OK, 0, "ok", "ok")                                                                       \
    X(ERR_PARSE, -32700, "parse_error", "not valid JSON")                                          \
    X(ERR_INVALID_REQUEST, -32600, "invalid_request", "not a valid JSON-RPC request")              \
    X(ERR_UNKNOWN_METHOD, -32601, "unknown_method", "no such method")                              \
    X(ERR_INVALID_PARAMS, -32602, "invalid_params", "invalid parameters")                          \
    X(ERR_INTERNAL, -32603, "internal_error", "internal error")                                    \
    X(ERR_STARTING, -32001, "starting", "the daemon is starting")                                  \
    X(ERR_STOPPING, -32002, "stopping", "the daemon is stopping")                                  \
    X(ERR_GENERIC, 201, "generic_error", "generic error")                                          \
    X(ERR_SERVER, 202, "server_error", "server error")                                             \
    X(ERR_BAD_TOKEN, 203, "bad_token", "bad token")                                                \
    X(ERR_METHOD_UNKNOWN, 204, "method_unknown", "method unknown to the peer")                     \
    X(ERR_TOO_BIG, 205, "too_big", "the value is too big")                                         \
    X(ERR_BAD_SIGNATURE, 206, "bad_signature", "the signature does not verify")                    \
    X(ERR_SALT_TOO_LONG, 207, "salt_too_long", "the salt is longer than 64 bytes")                 \
    X(ERR_CAS_MISMATCH, 301, "cas_mismatch", "cas does not match the stored sequence number")      \
    X(ERR_STALE_SEQ, 302, "stale_seq", "the sequence number is not above the stored one")          \
    X(ERR_NO_KEY, 401, "no_key", "no local key to sign with")                                      \
    X(ERR_READ_ONLY, 403, "read_only", "not allowed on the read-only socket")                      \
    X(ERR_UNKNOWN_NAME, 404, "unknown_name", "the name resolves to nothing")                       \
    X(ERR_BAD_REGISTRATION, 422, "bad_registration", "the registration holds no key")              \
    X(ERR_NAME_LOOP, 508, "name_loop", "the chain of authorities leads back to itself")            \
    X(ERR_NAME_TOO_DEEP, 508, "name_too_deep", "the chain of authorities is longer than 8")        \
    X(ERR_NO_SUCH_ID, 404, "no_such_id", "no such id")                                             \
    X(ERR_TIMEOUT, 408, "timeout", "the deadline passed first")                                    \
    X(ERR_EXISTS, 409, "exists", "exists already")                                                 \
    X(ERR_BUSY, 429, "busy", "a limit is reached; try again later")                                \
    X(ERR_CANCELLED, 499, "cancelled", "cancelled")                                                \
    X(ERR_COMMAND, 502, "command_error", "the command was answered with an error")                 \
    X(ERR_OFFLINE, 503, "offline", "no node answers")                                              \
    X(ERR_STORAGE_FULL, 507, "storage_full", "the store is full")                                  \
    X(ERR_NO_MEMORY, 507, "no_memory", "out of memory")                                            \
    X(ERR_IO, 500, "io_error", "input or output failed")                                           \
    X(ERR_CORRUPT, 500, "corrupt", "the data on disk is damaged")                                  \
    X(ERR_NEWER, 500, "newer", "the data on disk was written by a newer version")                  \
    X(ERR_IN_USE, 500, "in_use", "in use by another process")                                      \
    X(ERR_NOT_FOUND, 404, "not_found", "not found")                                                \
    X(ERR_MALFORMED, 203, "malformed", "malformed message")

#define ERR_ENUM(symbol, code, name, text) symbol,
enum err { ERR_TABLE(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

int err_code(enum err err);         /* the number a caller sees */
const char *err_name(enum err err); /* the symbolic name, static */
const char *err_text(enum err err); /* one sentence without a full stop, static */

/* The error that a KRPC error number stands for (BEP 5, BEP 44); ERR_GENERIC when unknown. 203,
 * which BEP 5 gives to malformed packets as well, is ERR_BAD_TOKEN: our own packets are well
 * formed. */
enum err err_from_krpc(int64_t code);

#endif
