#include "rpc/names/name_ask.h"

enum err name_ask(const struct rpc_host *host, const struct name_link *link, uint32_t timeout_ms,
                  uint64_t *op)
{
    char salt[REGISTRATION_SALT_SIZE];
    struct get_request request = {.kind = RECORD_SINGLE,
                                  .k = link->authority,
                                  .salt = registration_salt(link->name, salt),
                                  .timeout_ms = timeout_ms};
    record_single_target(request.k, request.salt, &request.target);
    return node_get(host->node, host->now(host->context), &request, op, host->outbox);
}

enum err name_answered(const struct rpc_host *host, const struct name_link *link,
                       const struct event *event, struct name_entry **entry)
{
    struct now now = host->now(host->context);
    struct registration found;
    enum err err = ERR_NOT_FOUND;
    if (event->get.is_found)
        err = registration_read(&event->get.record, now.unix_s, &found);
    if (err == ERR_NOT_FOUND)
        *entry = name_cache_missed(host->names, now, link->authority, link->name);
    else
        *entry = name_cache_note(host->names, now, link->authority, link->name, &found);
    if (*entry == NULL)
        return ERR_NO_MEMORY;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}
