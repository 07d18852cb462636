/* How far a call has come, as one line on a terminal: drawn over itself, and gone when the call has
 * ended. Nothing is drawn for a call that ends before the daemon first reports. */
#ifndef XORD_RPC_CLIENT_BAR_H
#define XORD_RPC_CLIENT_BAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define CLIENT_BAR_WIDTH 40

struct client_bar {
    FILE *out;
    bool is_drawn;
};

/* Draws what a `progress` notification says; other ones are ignored. */
void client_bar_draw(struct client_bar *bar, const json_t *notification);
void client_bar_erase(struct client_bar *bar);

#endif
