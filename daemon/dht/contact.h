/* A node as others name it: where it is and what its id is. */
#ifndef XORD_DHT_CONTACT_H
#define XORD_DHT_CONTACT_H

#include "common/addr.h"
#include "daemon/dht/id.h"

struct contact {
    struct id id;
    struct addr addr;
};

#endif
