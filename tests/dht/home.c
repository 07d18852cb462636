#include "tests/dht/home.h"

static struct home fixture;

static void set_up(void)
{
    rng_init_number(&fixture.rng, 1);
    id_random(&fixture.self, &fixture.rng);
    routing_init(&fixture.table, &fixture.self, ADDR_V4);
}

static void tear_down(void)
{
    routing_clear(&fixture.table);
}

struct home *home_fixture(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    return &fixture;
}

struct addr home_local(uint32_t number)
{
    const uint8_t ip[4] = {127, (uint8_t)(number >> 24), (uint8_t)(number >> 16), 1};

    return addr_v4(ip, (uint16_t)(number % 65535 + 1));
}

struct contact home_contact(struct home *h, unsigned prefix, struct addr addr)
{
    struct contact contact = {.addr = addr};

    id_random_at(&contact.id, &h->self, prefix, &h->rng);
    return contact;
}

enum routing_added home_answered(struct home *h, const struct contact *contact, uint64_t now_ms)
{
    return routing_answered(&h->table, contact, true, 10, now_ms);
}
