/* The status page: one file, rpc/server/status.html, held in the program. It loads nothing from
 * elsewhere and shows what /status and /events tell. */
#ifndef XORD_RPC_STATUS_PAGE_H
#define XORD_RPC_STATUS_PAGE_H

#include "common/bytes.h"

/* For its Content-Security-Policy header: its own style and script, data from this daemon, no more.
 */
#define STATUS_PAGE_POLICY                                                                         \
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src "      \
    "'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct bytes status_page(void); /* static */

#endif
