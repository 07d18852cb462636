/* libmicrohttpd, loaded when HTTP is first spoken instead of with the program: Debian's brings a
 * TLS library along, as much memory again as an idle daemon has, and few daemons are ever asked
 * over HTTP. Its functions are called through this table, by their names without MHD_; types and
 * constants are its header's.
 *
 * Loading stops the caller once in a process, for 1 to 2 ms, and for as long as the disk takes
 * where its files, 7 MB, are not in memory. */
#ifndef XORD_RPC_HTTP_LIBRARY_H
#define XORD_RPC_HTTP_LIBRARY_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "rpc/limits.h"

/* Of libmicrohttpd, all that is called. */
#define HTTP_LIBRARY_FUNCTIONS(F)                                                                  \
    F(start_daemon)                                                                                \
    F(stop_daemon)                                                                                 \
    F(get_daemon_info)                                                                             \
    F(get_timeout)                                                                                 \
    F(run)                                                                                         \
    F(add_connection)                                                                              \
    F(get_connection_info)                                                                         \
    F(get_connection_values)                                                                       \
    F(lookup_connection_value)                                                                     \
    F(suspend_connection)                                                                          \
    F(resume_connection)                                                                           \
    F(create_response_from_buffer)                                                                 \
    F(create_response_from_callback)                                                               \
    F(add_response_header)                                                                         \
    F(queue_response)                                                                              \
    F(destroy_response)

#define HTTP_LIBRARY_MEMBER(name) __typeof__(MHD_##name) *name;

struct http_library { /* zeroed it is not loaded */
    void *handle;
    HTTP_LIBRARY_FUNCTIONS(HTTP_LIBRARY_MEMBER)
};

/* `name` as dlopen(3) has it. False when it cannot be loaded or lacks one of the functions: then
 * `library` stays as it was, and `detail` gets one line for a person. */
bool http_library_load(struct http_library *library, const char *name,
                       char detail[RPC_DETAIL_SIZE]);
void http_library_unload(struct http_library *library); /* also when it is not loaded */

#endif
