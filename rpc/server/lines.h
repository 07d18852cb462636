/* What a client sends, cut into lines. Whole lines are handed on from where they lie; what is not
 * yet whole, or not yet wanted, is kept. A line over RPC_LINE_MAX is skipped, told of once. */
#ifndef XORD_RPC_LINES_H
#define XORD_RPC_LINES_H

#include "rpc/json/json.h"
#include "rpc/limits.h"

#define LINES_KEPT_MAX (16u * 1024u) /* of a buffer that is idle; a larger one is freed */

struct lines { /* zeroed it is empty */
    struct json_text kept;
    size_t scanned;   /* of `kept`, known to hold no line feed */
    bool is_skipping; /* the rest of a line that was too long */
};

/* One line without its line feed, borrowed; absent: one that was too long. False: no more for now;
 * what follows is kept. */
typedef bool lines_take(void *context, struct bytes line);

/* What came next. */
void lines_add(struct lines *lines, struct bytes data, lines_take *take, void *context);
/* Keeps what came next without handing on any of it. */
void lines_keep(struct lines *lines, struct bytes data);
/* Hands on what was kept. */
void lines_go_on(struct lines *lines, lines_take *take, void *context);
/* No more comes: the last line may lack its line feed. */
void lines_end(struct lines *lines, lines_take *take, void *context);
/* How many bytes are kept; after a lines_take that wanted no more, perhaps whole lines. */
size_t lines_kept(const struct lines *lines);
void lines_clear(struct lines *lines);

#endif
