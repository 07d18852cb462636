#include "daemon/contacts.h"

static bool add(struct contacts *c, const char *name, const uint8_t *public_key)
{
    struct rpc_identity known = {0};
    snprintf(known.name, sizeof(known.name), "%s", name);
    memcpy(known.public_key, public_key, sizeof(known.public_key));
    return identities_set(&c->list, &known, NULL);
}

static bool visit(void *context, const char *name, const uint8_t *value)
{
    return add(context, name, value);
}

static void on_done(void *context, const struct name_change *change, enum err err)
{
    struct contacts *c = context;
    if (err == ERR_OK && change->value == NULL)
        identities_remove(&c->list, change->name);
    else if (err == ERR_OK && !add(c, change->name, change->value))
        err = ERR_NO_MEMORY;
    c->done(c->context, change->ticket, err,
            err == ERR_OK ? NULL : "the contact's file could not be changed");
}

enum err contacts_init(struct contacts *c, uv_loop_t *loop, const char *path, contacts_done *done,
                       void *context, char *detail)
{
    *c = (struct contacts){.done = done, .context = context};
    return name_dir_open(&c->dir, loop, path, on_done, visit, c, detail);
}

void contacts_clear(struct contacts *c)
{
    identities_clear(&c->list);
}

bool contacts_is_idle(const struct contacts *c)
{
    return name_dir_is_idle(&c->dir);
}

enum err contacts_add(struct contacts *c, const char *name, const uint8_t *public_key,
                      uint64_t ticket)
{
    if (c->list.count + c->dir.job_count >= IDENTITIES_MAX &&
        identities_by_name(&c->list, name) == NULL)
        return ERR_BUSY; /* a file more than fits would keep the next start from reading them */
    return name_dir_save(&c->dir, name, public_key, ticket);
}

enum err contacts_drop(struct contacts *c, const char *name, uint64_t ticket)
{
    if (identities_by_name(&c->list, name) == NULL)
        return ERR_UNKNOWN_NAME;
    return name_dir_remove(&c->dir, name, ticket);
}
