/* When listenings look for the nodes closest to their targets: at their beginning, when a source
 * was lost or somebody closer joined, and now and then in any case. A few at once (op_seek.c is
 * one), so that many listenings leave room for other work. */
#ifndef XORD_DHT_SEEKS_H
#define XORD_DHT_SEEKS_H

#include "common/alarms.h"
#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/routing/contact.h"

#define SEEKS_MAX          24u                 /* under way at once */
#define SEEKS_EVERY_MS     (30u * 60u * 1000u) /* at least so often, with half of it as jitter */
#define SEEKS_PAUSE_MS     1000u               /* from one to the next of the same listening, */
#define SEEKS_PAUSE_MAX_MS 60000u /* doubled up to this while nobody is found that stays */
#define SEEKS_MOVED_MS     60000u /* who joined before a seek has been found by it: so long */
                                  /* after it, doubled while nobody has joined after all */
#define SEEKS_MOVED_JITTER_MS 2000u
#define SEEKS_BUSY_MS         50u   /* until the next try, where too much is under way */
#define SEEKS_MET_MAX         8u    /* nodes that joined, looked at together; no more */
#define SEEKS_MET_MS          1000u /* after the first of them */
#define SEEKS_MET_SLICE       512u  /* listenings looked at for them in one tick */

struct node;
struct listening;

struct seeks {
    struct alarms alarms; /* listenings', ms */
    uint32_t running;
    uint64_t resume_ms;                /* none is begun before: too much else is under way */
    struct contact met[SEEKS_MET_MAX]; /* neighbours that joined */
    uint32_t met_count, met_cursor;
    uint64_t met_at_ms; /* when they are looked at; ALARM_NEVER: there are none */
};

/* A source was lost: the next seek replaces it, at once unless one has just been. `was_new`: it was
 * found a moment ago; who does that again and again is not sought for ever. */
void seeks_lost(struct node *node, struct now now, struct listening *l, bool was_new);
/* A holder says that somebody is closer to the target now than it is. */
void seeks_moved(struct node *node, struct now now, struct listening *l);
/* A neighbour (neighbours.h) answers that did not before: it may be closer to some targets. */
void seeks_met(struct node *node, struct now now, const struct contact *contact);
/* It ended; `is_found`: somebody answered, or there is nobody else; `is_changed`: there is a new
 * source. */
void seeks_ended(struct node *node, struct now now, struct listening *l, bool is_found,
                 bool is_changed);
void seeks_tick(struct node *node, struct now now, struct outbox *out);
uint64_t seeks_next_ms(const struct seeks *s);

#endif
