/* Catching up: where a source's digest says that it has something else than what is known here, it
 * is read, one source of a listening after the other, and a few listenings at once (op_catchup.c is
 * one). What turned out to be no news (older records, entries that the source lacks) is remembered
 * as the difference of the two digests, and not asked about again until it changes, or until the
 * wall clock is set (sources_notice_clock). */
#ifndef XORD_DHT_CATCHUPS_H
#define XORD_DHT_CATCHUPS_H

#include "common/alarms.h"
#include "common/now.h"
#include "daemon/dht/listen/sources.h"
#include "daemon/dht/outbox.h"

#define CATCHUPS_MAX     16u /* under way at once */
#define CATCHUPS_BUSY_MS 50u /* until the next try, where too much is under way */

struct node;
struct listening;

struct catchups {
    struct alarms alarms; /* listenings', ms */
    uint32_t running;
    uint64_t resume_ms; /* none is begun before: too much else is under way */
};

/* The source said that it has this. */
void catchups_judge(struct node *node, struct now now, struct source *source, uint64_t digest);
/* A foreign source has a record that was not brought with what said so. */
void catchups_want(struct node *node, struct now now, struct source *source);
/* What we expect the source to have: what it is told in a renewal. */
uint64_t catchups_expected(const struct source *source);
/* The one of this listening ended. `source`, NULL when it is none any more, was read to the end
 * when `is_whole`, and then had this digest. */
void catchups_ended(struct node *node, struct now now, struct listening *l, struct source *source,
                    bool is_whole, uint64_t digest);
void catchups_tick(struct node *node, struct now now, struct outbox *out);
uint64_t catchups_next_ms(const struct catchups *c);

#endif
