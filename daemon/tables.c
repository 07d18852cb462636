#include "daemon/tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/hash.h"
#include "common/log.h"
#include "common/summed.h"
#include "daemon/background.h"
#include "daemon/file.h"

#define HEADING "xordtab1" /* the format's version is its last digit */

/* Heading, number of contacts, contacts (id, family, 16 bytes of address, port), CRC32-C of all
 * before it. */
size_t tables_pack(const struct contact *contacts, size_t count, uint8_t out[TABLES_FILE_MAX])
{
    struct wire_writer w;
    wire_writer_init(&w, out, TABLES_FILE_MAX);
    summed_begin(&w, HEADING);
    wire_write_u32(&w, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_write(&w, contacts[i].id.b, ID_SIZE);
        wire_write_u8(&w, contacts[i].addr.family);
        wire_write(&w, contacts[i].addr.ip, sizeof(contacts[i].addr.ip));
        wire_write_u16(&w, contacts[i].addr.port);
    }
    summed_end(&w);
    return wire_written(&w).size;
}

static struct addr read_addr(struct wire_reader *r)
{
    uint8_t family = wire_read_u8(r);
    struct bytes ip = wire_read_bytes(r, 16);
    uint16_t port = wire_read_u16(r);
    if (ip.data == NULL || (family != ADDR_V4 && family != ADDR_V6))
        return (struct addr){.family = ADDR_NONE};
    return family == ADDR_V4 ? addr_v4(ip.data, port) : addr_v6(ip.data, port);
}

bool tables_unpack(struct bytes file, struct contact *contacts, size_t *count)
{
    struct wire_reader r;
    *count = 0;
    if (!summed_open(file, HEADING, &r))
        return false;
    size_t listed = wire_read_u32(&r);
    if (listed > TABLES_CONTACTS_MAX)
        return false;
    for (size_t i = 0; i < listed; i++) {
        struct bytes id = wire_read_bytes(&r, ID_SIZE);
        if (id.data == NULL)
            break;
        memcpy(contacts[*count].id.b, id.data, ID_SIZE);
        contacts[*count].addr = read_addr(&r);
        if (addr_is_usable(&contacts[*count].addr))
            (*count)++;
    }
    return wire_reader_is_done(&r);
}

void tables_init(struct tables *t, uv_loop_t *loop, const char *path)
{
    *t = (struct tables){.loop = loop};
    snprintf(t->path, sizeof(t->path), "%s", path);
}

size_t tables_restore(struct tables *t, struct node *node, struct now now)
{
    struct contact *contacts = NULL;
    uint8_t *file = NULL;
    size_t size = 0, count = 0;
    enum err err = file_read(t->path, TABLES_FILE_MAX, &file, &size);
    if (err == ERR_NOT_FOUND)
        return 0;
    if (err == ERR_OK)
        contacts = malloc(TABLES_CONTACTS_MAX * sizeof(*contacts));
    if (contacts == NULL || !tables_unpack(bytes_of(file, size), contacts, &count)) {
        log_warn(LOG_NODE, "the saved table %s cannot be used; starting without it", t->path);
        count = 0;
    }
    for (size_t i = 0; i < count; i++)
        node_restore(node, now, &contacts[i]);
    if (count > 0)
        t->saved_sum = hash_crc32c(bytes_of(file, size));
    free(contacts);
    free(file);
    return count;
}

/* Appends one table's contacts, but those in `other`; returns the new count. Either may be NULL. */
static size_t gather(const struct routing *routing, const struct routing *other,
                     struct contact *contacts, size_t count)
{
    const struct routing_node *node;
    size_t bucket = 0, index = 0;
    if (routing == NULL)
        return count;
    while (count < TABLES_CONTACTS_MAX && (node = routing_each(routing, &bucket, &index)) != NULL)
        if (other == NULL || routing_find(other, &node->contact) == NULL)
            contacts[count++] = node->contact;
    return count;
}

static size_t gather_family(const struct node *node, enum addr_family family,
                            struct contact *contacts, size_t count)
{
    const struct routing *all = node_routing(node, family);
    count = gather(all, NULL, contacts, count);
    return gather(node_routing_xord(node, family), all, contacts, count);
}

static enum err run_save(void *argument)
{
    const struct tables *t = argument;
    return file_save_atomically(t->path, t->data, t->size, 0600);
}

static void on_saved(void *argument, enum err err)
{
    struct tables *t = argument;
    if (err == ERR_OK)
        t->saved_sum = hash_crc32c(bytes_of(t->data, t->size));
    else
        log_warn(LOG_NODE, "the table could not be saved to %s: %s", t->path, err_text(err));
    free(t->data);
    t->data = NULL;
}

void tables_save(struct tables *t, const struct node *node)
{
    if (t->data != NULL)
        return;
    struct contact *contacts = malloc(TABLES_CONTACTS_MAX * sizeof(*contacts));
    uint8_t *data = malloc(TABLES_FILE_MAX);
    if (contacts == NULL || data == NULL)
        goto cleanup;
    size_t count = gather_family(node, ADDR_V4, contacts, 0);
    count = gather_family(node, ADDR_V6, contacts, count);
    t->size = tables_pack(contacts, count, data);
    /* An empty table says that everybody is away, not that they are forgotten. */
    if (count == 0 || hash_crc32c(bytes_of(data, t->size)) == t->saved_sum)
        goto cleanup;
    t->data = data;
    if (background_start(t->loop, run_save, on_saved, t) == ERR_OK)
        data = NULL;
    else
        t->data = NULL;
cleanup:
    free(data);
    free(contacts);
}

bool tables_is_idle(const struct tables *t)
{
    return t->data == NULL;
}
