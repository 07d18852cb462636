/* A lookup's trace as a table for a person: the distance to the target shrinks from line to line,
 * down to the closest nodes. */
#ifndef XORD_RPC_CLIENT_LOOKUP_H
#define XORD_RPC_CLIENT_LOOKUP_H

#include <jansson.h>
#include <stdio.h>

/* Prints the result of `lookup`. Within 80 columns where addresses are IPv4. */
void client_lookup_print(FILE *out, const json_t *result);

#endif
