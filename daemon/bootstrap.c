#include "daemon/bootstrap.h"

#include "common/addr_text.h"
#include "common/log.h"

static void on_resolved(void *context, uint64_t ticket, enum err err, const struct addr *addrs,
                        size_t count)
{
    struct bootstrap *b = context;
    const char *text = settings_at(b->settings, SETTING_BOOTSTRAP, (unsigned)ticket);
    if (err != ERR_OK) {
        b->failed++;
        log_warn(LOG_NET, "bootstrap %s does not resolve; trying again",
                 text != NULL ? text : "name");
    }
    for (size_t i = 0; i < count; i++) {
        char addr[ADDR_TEXT_SIZE];
        log_debug(LOG_NET, "bootstrap %s is %s", text != NULL ? text : "name",
                  addr_format(&addrs[i], addr));
        node_bootstrap(b->node, &addrs[i]);
    }
}

void bootstrap_init(struct bootstrap *b, uv_loop_t *loop, struct node *node)
{
    *b = (struct bootstrap){.node = node, .next_ms = UINT64_MAX};
    resolve_init(&b->resolve, loop, on_resolved, b);
}

/* Resolves all names; returns how many there are. */
static unsigned resolve_names(struct bootstrap *b)
{
    const char *text;
    struct addr addr;
    unsigned names = 0;
    b->failed = 0;
    for (unsigned i = 0; (text = settings_at(b->settings, SETTING_BOOTSTRAP, i)) != NULL; i++) {
        if (addr_parse(text, &addr))
            continue;
        names++;
        if (resolve_start(&b->resolve, text, i) != ERR_OK)
            b->failed++;
    }
    return names;
}

void bootstrap_start(struct bootstrap *b, const struct settings *settings, uint64_t now_ms)
{
    const char *text;
    struct addr addr;
    b->settings = settings;
    b->retry_ms = BOOTSTRAP_RETRY_MS;
    for (unsigned i = 0; (text = settings_at(settings, SETTING_BOOTSTRAP, i)) != NULL; i++) {
        if (addr_parse(text, &addr))
            node_bootstrap(b->node, &addr);
    }
    b->next_ms = resolve_names(b) > 0 ? now_ms + b->retry_ms : UINT64_MAX;
}

uint64_t bootstrap_next_ms(const struct bootstrap *b)
{
    return b->next_ms;
}

void bootstrap_tick(struct bootstrap *b, uint64_t now_ms)
{
    struct node_info info;
    if (now_ms < b->next_ms)
        return;
    node_get_info(b->node, &info);
    bool is_needed = b->failed > 0 || info.state == NODE_OFFLINE;
    if (!is_needed)
        b->retry_ms = BOOTSTRAP_RETRY_MS;
    else if (b->retry_ms < BOOTSTRAP_RETRY_MS_MAX)
        b->retry_ms *= 2;
    /* Online the question is only whether that has changed, so the longest pause will do. */
    b->next_ms = now_ms + (is_needed ? b->retry_ms : BOOTSTRAP_RETRY_MS_MAX);
    if (is_needed && resolve_is_idle(&b->resolve))
        resolve_names(b);
}
