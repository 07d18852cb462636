/* Any bytes as a packet: either a message that says the same after it was written and parsed again,
 * or a refusal that leaves nothing behind but what an answer needs. */
#include "tests/dht/krpc_equal.h"

#include <assert.h>
#include <stdlib.h>

#define REWRITE_ROOM 64 /* a message may lack an `a` or an `e` that is always written */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_contacts(struct bytes nodes, enum addr_family family, size_t contact_size)
{
    struct id id;
    struct addr addr;
    size_t count = nodes.size / contact_size;
    assert(nodes.size % contact_size == 0);
    for (size_t i = 0; i < count; i++)
        assert(krpc_read_contact(nodes, family, i, &id, &addr));
    assert(!krpc_read_contact(nodes, family, count, &id, &addr));
}

static void check_message(const struct krpc *message, size_t size)
{
    uint8_t *buffer = malloc(size + REWRITE_ROOM);
    struct wire_writer w;
    struct krpc again;
    assert(buffer != NULL);
    wire_writer_init(&w, buffer, size + REWRITE_ROOM);
    krpc_write(&w, message);
    assert(!w.failed);
    assert(krpc_parse(wire_written(&w), &again) == ERR_OK);
    assert(krpc_equal(message, &again));
    free(buffer);
}

static void check_refusal(const struct krpc *message)
{
    struct krpc left = {.method = KRPC_UNKNOWN,
                        .type = message->type,
                        .t = message->t,
                        .has_network = message->has_network,
                        .network = message->network};
    assert(message->t.data != NULL || !message->has_network);
    assert(krpc_equal(message, &left));
    assert((message->t.data != NULL) == (message->type != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct krpc message;
    if (krpc_parse(bytes_of(data, size), &message) != ERR_OK) {
        check_refusal(&message);
        return 0;
    }
    check_contacts(message.nodes, ADDR_V4, KRPC_COMPACT_V4);
    check_contacts(message.nodes6, ADDR_V6, KRPC_COMPACT_V6);
    check_message(&message, size);
    return 0;
}
