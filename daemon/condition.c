#include "daemon/condition.h"

#include "common/addr_text.h"
#include "common/log.h"

static void tell_state(const struct node_info *info)
{
    size_t nodes = info->nodes_v4 + info->nodes_v6;
    switch (info->state) {
    case NODE_STARTING:
        return;
    case NODE_ONLINE:
        log_info(LOG_NODE, "online: %zu node%s known", nodes, nodes == 1 ? "" : "s");
        return;
    case NODE_ALONE:
        log_info(LOG_NODE, "alone: no other node is known");
        return;
    case NODE_OFFLINE:
        log_warn(LOG_NODE, "offline: no node answers");
        return;
    }
}

static void tell_external(const struct addr *external)
{
    char text[ADDR_TEXT_SIZE];
    if (external->family != ADDR_NONE)
        log_info(LOG_NODE, "others see this node at %s", addr_format(external, text));
}

void condition_look(struct condition *c, const struct node_info *info, const char *role_why)
{
    if (!c->has_told || info->role != c->role)
        log_info(LOG_NODE, "%s: %s", info->role == NODE_SERVER ? "server" : "client", role_why);
    if (!addr_equal(&info->external, &c->external))
        tell_external(&info->external);
    if (info->state != c->state)
        tell_state(info);
    c->has_told = true;
    c->role = info->role;
    c->external = info->external;
    c->state = info->state;
}

bool condition_is_due(struct condition *c, uint64_t now_ms)
{
    c->is_due = now_ms < c->look_ms;
    if (c->is_due)
        return false;
    c->look_ms = now_ms + CONDITION_MS;
    return true;
}

uint64_t condition_next_ms(const struct condition *c)
{
    return c->is_due ? c->look_ms : UINT64_MAX;
}
