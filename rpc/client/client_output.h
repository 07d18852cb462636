/* What the client prints and how it exits: from a reply to standard output, or to one line on
 * standard error. */
#ifndef XORD_RPC_CLIENT_OUTPUT_H
#define XORD_RPC_CLIENT_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "rpc/client/client.h"

/* Prints the reply to `method` (its own name, no alias): the result on `out` as indented JSON, a
 * bare string bare, that of `query`, which follows its replies, as one line; with `is_quiet` the
 * value alone of dhtget, getimmutable and request, and of each of the closest of query: strings
 * with a line feed, bytes exactly, other JSON as compact JSON, nothing where there is none. Of an
 * encrypted value that is not opened `err` gets the reason, and where there is no other value the
 * exit is an error's. An error goes to `err` as `xord: METHOD: name (code): message`. Answers the
 * exit code.
 */
enum client_exit client_output(FILE *out, FILE *err, const char *method, const json_t *reply,
                               bool is_quiet);
/* Prints what a notification of a running call says as one JSON line on `out`, a FILE, at once. */
void client_output_notice(void *out, const json_t *notice);

/* True, at once, when nobody reads standard output any more; else false, after so long. */
bool client_output_is_unread(int wait_ms);
/* What could not be written: says so on standard error, and answers the exit. */
enum client_exit client_output_failed(const char *method);
/* Nobody reads it: ends as a write would, by SIGPIPE, as shells expect of what stands before
 * `head`; where that is ignored, as the above. */
enum client_exit client_output_unread(const char *method);

/* The value alone of an element of dhtget's array, as -q has it. */
void client_output_value(FILE *out, const json_t *element);

#endif
