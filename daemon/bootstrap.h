/* The nodes to start from: numbers are given to the node at once, names are resolved, and resolved
 * again, with growing pauses, while they do not resolve or nobody answers. */
#ifndef XORD_DAEMON_BOOTSTRAP_H
#define XORD_DAEMON_BOOTSTRAP_H

#include "daemon/dht/node.h"
#include "daemon/resolve.h"
#include "daemon/settings.h"

#define BOOTSTRAP_RETRY_MS     2000u   /* the first pause; each next one is twice as long */
#define BOOTSTRAP_RETRY_MS_MAX 300000u /* as often as is polite to a resolver */

struct bootstrap {
    struct resolve resolve;
    struct node *node;
    const struct settings *settings; /* borrowed */
    uint64_t next_ms;                /* UINT64_MAX: nothing to do */
    uint32_t retry_ms;
    unsigned failed; /* names that did not resolve in this round */
};

void bootstrap_init(struct bootstrap *b, uv_loop_t *loop, struct node *node);
/* Starts with the `bootstrap` values of these settings, which must live until the next start. */
void bootstrap_start(struct bootstrap *b, const struct settings *settings, uint64_t now_ms);
uint64_t bootstrap_next_ms(const struct bootstrap *b);
void bootstrap_tick(struct bootstrap *b, uint64_t now_ms);

#endif
