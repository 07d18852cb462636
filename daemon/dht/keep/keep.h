/* Own puts that this node keeps alive: when each is republished next. The records themselves are in
 * the store's KEPT space, which also fills this schedule after a start, a slice a tick, so that a
 * restart with many of them neither stalls nor storms. */
#ifndef XORD_DHT_KEEP_H
#define XORD_DHT_KEEP_H

#include "common/alarms.h"
#include "common/chains.h"
#include "common/now.h"
#include "daemon/dht/outbox.h"

#define KEEP_EVERY_MS        (60u * 60u * 1000u) /* republished hourly, with a quarter of jitter */
#define KEEP_AT_ONCE         4u                  /* republishes under way */
#define KEEP_START_MS        5000u               /* after a start: not before the tables are back */
#define KEEP_START_SPREAD_MS 1200000u            /* and then over this: a power cut is no storm */
#define KEEP_NEW_SPREAD_MS   2000u               /* but those put in the last hour sooner, this */
#define KEEP_NEW_S           3600u               /* for each: they may have reached nobody yet */
#define KEEP_LOAD_SLICE      256u                /* read from the store in one tick */

struct node;

struct keep {
    struct alarms turns; /* of what is kept, owned: when each is republished next, in ms */
    struct chains by_key;
    uint8_t running;
    bool is_loading;
    uint8_t load_kind; /* where loading goes on */
    struct id load_key;
};

void keep_init(struct keep *keep);
void keep_clear(struct keep *keep);
/* A record that was not kept before was put and kept just now: its next turn is in an hour. */
void keep_add(struct node *node, struct now now, enum record_kind kind, const struct id *key);
/* It is kept no longer. */
void keep_drop(struct keep *keep, enum record_kind kind, const struct id *key);
/* Nobody here has the key to sign it anew: it is republished as it is, while it lasts. */
void keep_not_renewed(struct node *node, struct now now, enum record_kind kind,
                      const struct id *key, struct outbox *out);
/* A republish ended, however it ended. */
void keep_finished(struct node *node);
void keep_tick(struct node *node, struct now now, struct outbox *out);
uint64_t keep_next_ms(const struct keep *keep);

#endif
