#include "rpc/values/contact_show.h"

#include "common/addr_text.h"
#include "common/hex.h"

json_t *contact_show(const struct contact *contact)
{
    char id[2 * ID_SIZE + 1];
    char addr[ADDR_TEXT_SIZE];
    return json_pack("{s:s, s:s}", "id", hex_encode(id_bytes(&contact->id), id), "addr",
                     addr_format(&contact->addr, addr));
}

int contact_distance(const struct contact *contact, const struct id *target)
{
    return ID_BITS - (int)id_common_prefix(target, &contact->id);
}
