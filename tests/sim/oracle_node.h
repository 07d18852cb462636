/* The oracle's eye on one node: what it sends as the role it has, what it keeps alive, and, once
 * all is quiet, whether each record lies where it belongs and upkeep costs no more than it must. */
#ifndef XORD_TESTS_SIM_ORACLE_NODE_H
#define XORD_TESTS_SIM_ORACLE_NODE_H

#include "tests/sim/oracle.h"

/* Clients answer nobody, and are asked by nobody unless damaged packets have named them. */
void oracle_check_role(struct oracle *o, struct world *w, const struct process *p,
                       const struct out_packet *packet);
/* What it serves has not ended. */
void oracle_check_served(struct oracle *o, const struct process *p,
                         const struct out_packet *packet);
/* All that is kept on its disk has its turn, and turns are taken. */
void oracle_check_kept(struct oracle *o, const struct process *p);

struct oracle_copies {
    uint64_t wanted, there; /* 8 for each acknowledged key that any live node has, and of these */
};
/* How many of the 8 live nodes nearest to each key have its newest record. */
void oracle_count_copies(const struct oracle *o, struct oracle_copies *out);
/* Where nothing changed for so long, records that were asked about were there, so that hardly any
 * had to be given; and of the holders of one record, or of one of so many multis, one asks for all.
 */
void oracle_check_upkeep(struct oracle *o, uint32_t multis, uint64_t minutes);

#endif
