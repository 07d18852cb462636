#include "tests/sim/signers_judge.h"

#include <inttypes.h>

#include "daemon/dht/records/multi.h"
#include "tests/sim/genuine.h"

#define MARK_KEYS 0x80000000u /* places among the keys of the oracle's marks */

static bool is_genuine(const struct signers *c, const struct record *entry)
{
    struct blob *blob = blobs_find(&c->world->blobs, entry);
    return blob != NULL ? blob_verify(blob) : genuine_signature(entry);
}

/* The entry is whole, genuine, of this multi, and one that its signer put. */
static void check_entry(struct signers *c, const struct process *p, const struct signers_op *op,
                        const struct record *entry)
{
    struct id key;
    record_key(entry, &key);
    struct signers_place *place = signers_find(c, &key);
    if (entry->kind != RECORD_MULTI || !id_equal(&entry->target, &c->targets[op->subject]))
        oracle_fail(c->oracle, p, "a gather returned a record of another target");
    else if (!is_genuine(c, entry))
        oracle_fail(c->oracle, p, "a gather returned an entry that does not verify");
    else if (genuine_has_ended(entry, process_now(p).unix_s))
        oracle_fail(c->oracle, p, "a gather returned an entry that has ended");
    else if (place == NULL && memcmp(entry->k, c->greedy.public_key, KEYS_PUBLIC_SIZE) != 0)
        oracle_fail(c->oracle, p, "a gather returned an entry that nobody put");
    if (place == NULL)
        return;
    const uint32_t index = (uint32_t)(place - c->places);
    if (place->got_seq != 0)
        oracle_fail(c->oracle, p, "a gather returned entry %u twice", index);
    if (entry->seq > place->signed_seq || signers_is_deletion(entry->seq))
        oracle_fail(c->oracle, p, "a gather returned seq %" PRId64 " of entry %u: %s", entry->seq,
                    index, signers_is_deletion(entry->seq) ? "a deletion" : "never signed");
    place->got_seq = entry->seq;
    oracle_check_reader(c->oracle, p, MARK_KEYS + index, entry->seq, op->started_ms);
}

static void check_entries(struct signers *c, const struct process *p, const struct signers_op *op,
                          const struct event *event)
{
    struct store_position last, position;
    for (const struct event_entry *e = event->gather.first; e != NULL; e = e->next) {
        multi_position_of(&e->record, &position);
        if (e != event->gather.first && multi_position_compare(&position, &last) <= 0)
            oracle_fail(c->oracle, p, "a gather's entries are not in order");
        last = position;
        check_entry(c, p, op, &e->record);
    }
}

/* Deleted since, perhaps by a put that nobody acknowledged: then it need not be there. */
static bool may_be_gone(const struct signers_place *place, int64_t since_seq)
{
    for (int64_t seq = since_seq; seq <= place->signed_seq; seq++)
        if (signers_is_deletion(seq))
            return true;
    return false;
}

static void check_place(struct signers *c, const struct process *p, uint32_t index,
                        const struct signers_floor *floor, const struct event *event)
{
    const struct signers_place *place = &c->places[index];
    bool is_good = place->got_seq > 0 ? place->got_seq >= floor->seq
                                      : event->err == ERR_OK && may_be_gone(place, floor->seq);
    c->figures.expected++;
    c->figures.good += is_good;
    if (!is_good && c->oracle->is_strict && floor->holders >= ORACLE_BUDGET)
        oracle_fail(c->oracle, p,
                    "entry %u: seq %" PRId64 " was acknowledged, %u holders are up; a gather "
                    "of %zu (%s, error %d) returned %" PRId64,
                    index, floor->seq, floor->holders, event->gather.count,
                    event->stats.is_complete ? "complete" : "not complete",
                    (int)err_code(event->err), place->got_seq);
}

void signers_judge(struct signers *c, const struct process *p, const struct signers_op *op,
                   const struct event *event)
{
    for (uint32_t i = 0; i < c->place_count; i++)
        c->places[i].got_seq = 0;
    c->figures.gathers++;
    check_entries(c, p, op, event);
    for (uint32_t i = 0; i < c->place_count; i++)
        if (c->places[i].target == op->subject && op->floors[i].seq > 0)
            check_place(c, p, i, &op->floors[i], event);
}
