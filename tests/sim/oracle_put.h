/* The oracle's eye on acknowledgements: a holder that says it stored a record has it on disk. */
#ifndef XORD_TESTS_SIM_ORACLE_PUT_H
#define XORD_TESTS_SIM_ORACLE_PUT_H

#include "tests/sim/oracle.h"

struct pending_put *pending_put_new(void);
void pending_put_forget(struct pending_put *pending, uint32_t process);

/* As the world's watcher has them: a packet came to a process, or leaves it. */
void oracle_arrived(void *context, struct world *w, struct process *p, const struct addr *from,
                    struct bytes packet);
void oracle_sent(void *context, struct world *w, struct process *p,
                 const struct out_packet *packet);

#endif
