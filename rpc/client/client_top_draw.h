/* The picture of `xord top`: what is known of a daemon, as lines for a screen of any size from
 * TOP_ROWS_MIN by TOP_COLUMNS_MIN on. */
#ifndef XORD_RPC_CLIENT_TOP_DRAW_H
#define XORD_RPC_CLIENT_TOP_DRAW_H

#include "rpc/client/client_top_state.h"
#include "rpc/json/json.h"

#define TOP_ROWS_MIN    10u
#define TOP_COLUMNS_MIN 40u

/* Appends at most `rows` lines of at most `columns` characters, with line feeds between them;
 * beside these only ANSI attributes, ended on their line. */
void top_draw(struct json_text *out, const struct top_state *state, unsigned rows,
              unsigned columns);

#endif
