#include "daemon/dht/network/external.h"

static bool decide(struct external *e)
{
    for (unsigned i = 0; i < EXTERNAL_VOTERS; i++) {
        unsigned agreeing = 0;
        for (unsigned j = 0; j < EXTERNAL_VOTERS; j++)
            if (e->votes[i].seen.family != ADDR_NONE &&
                addr_equal_ip(&e->votes[i].seen, &e->votes[j].seen))
                agreeing++;
        if (agreeing >= EXTERNAL_AGREE) {
            bool has_changed = !addr_equal_ip(&e->agreed, &e->votes[i].seen);
            e->agreed = e->votes[i].seen;
            return has_changed;
        }
    }
    return false;
}

bool external_vote(struct external *e, const struct addr *voter, struct bytes ip)
{
    struct addr seen;
    if (!addr_from_compact(ip, &seen))
        return false;
    struct addr prefix = addr_prefix(voter);
    unsigned place = e->next;
    for (unsigned i = 0; i < EXTERNAL_VOTERS; i++)
        if (addr_equal(&e->votes[i].voter, &prefix))
            place = i;
    if (place == e->next)
        e->next = (uint8_t)((e->next + 1) % EXTERNAL_VOTERS);
    else if (addr_equal(&e->votes[place].seen, &seen))
        return false;
    e->votes[place] = (struct external_vote){.voter = prefix, .seen = seen};
    return decide(e);
}

static unsigned count_votes(const struct external *e, const struct addr *seen)
{
    unsigned count = 0;
    for (unsigned i = 0; i < EXTERNAL_VOTERS; i++)
        count += addr_equal(&e->votes[i].seen, seen);
    return count;
}

struct addr external_steady(const struct external *e)
{
    unsigned same_ip = 0;
    for (unsigned i = 0; i < EXTERNAL_VOTERS; i++)
        same_ip += addr_equal_ip(&e->votes[i].seen, &e->agreed);
    for (unsigned i = 0; i < EXTERNAL_VOTERS && e->agreed.family != ADDR_NONE; i++) {
        unsigned same = count_votes(e, &e->votes[i].seen);
        if (addr_equal_ip(&e->votes[i].seen, &e->agreed) && same >= EXTERNAL_AGREE &&
            2 * same > same_ip)
            return e->votes[i].seen;
    }
    return (struct addr){0};
}
