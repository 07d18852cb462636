/* The floors under the figures: what the parts themselves do, bare, on one core of this machine. */
#ifndef XORD_BENCH_FLOOR_H
#define XORD_BENCH_FLOOR_H

#include <stddef.h>

/* Ed25519 verifications per second of a message of this size. */
double floor_verify(size_t message_size, unsigned duration_ms);
/* Puts of 1 KB a second under random keys, 128 a synced commit, in a new LMDB environment at
 * `directory`, which is made. */
double floor_lmdb(const char *directory, unsigned duration_ms);
/* The disk's part of a put on 8 holders that the putter keeps: 8 synced commits of one record at
 * once, each in an environment of its own, then one more. Milliseconds, the median. */
double floor_commits_ms(const char *directory);
/* Parsing and printing of a request of 500 bytes, per second. */
double floor_json(unsigned duration_ms);

#endif
