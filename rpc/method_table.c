/* The table of methods: all that help, the command line, `check` and dispatch know of them. */
#include <stdlib.h>
#include <string.h>

#include "rpc/method_files.h"

#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
/* A default of other text than JSON is for the help page alone: the handler works it out. */
#define NEEDED(n, t, h)                                                                            \
    {                                                                                              \
        .name = (n), .type = (t), .need = PARAM_REQUIRED, .help = (h)                              \
    }
#define OPTIONAL(n, t, f, h)                                                                       \
    {                                                                                              \
        .name = (n), .type = (t), .fallback = (f), .help = (h)                                     \
    }
#define NAMED(n, t, f, h)                                                                          \
    {                                                                                              \
        .name = (n), .type = (t), .is_named_only = true, .fallback = (f), .help = (h)              \
    }
#define NUMBER(n, f, lo, hi, h)                                                                    \
    {                                                                                              \
        .name = (n), .type = PARAM_INT, .fallback = (f), .min = (lo), .max = (hi), .help = (h)     \
    }
#define NAMED_NUMBER(n, f, lo, hi, h)                                                              \
    {                                                                                              \
        .name = (n), .type = PARAM_INT, .is_named_only = true, .fallback = (f), .min = (lo),       \
        .max = (hi), .help = (h)                                                                   \
    }

/* Of each parameter that names a key (rpc/name_path.h). */
#define USERNAME_HELP "a key's or contact's name, name@authority, or 64 hex digits"

static const struct param no_params_list[] = {END};

static const struct param command_list[] = {
    OPTIONAL("command", PARAM_STRING, NULL, "a method's name"), END};

#define OWNER_HELP "for type s " USERNAME_HELP "; for m any text of 1 to 64 bytes"

static const struct param dhtget_list[] = {
    NEEDED("username", PARAM_STRING, OWNER_HELP),
    NEEDED("resource", PARAM_STRING, "1 to 64 bytes, as `profile`"),
    NEEDED("type", PARAM_KIND, "s: one value of the owner's; m: many by many signers"),
    NUMBER("timeout_ms", "10000", 1, 600000, "how long to look"),
    NUMBER("timeout_multi_ms", "100", 1, 600000,
           "for type m: end when nothing new came for so long"),
    NUMBER("min_multi", "0", 0, INT64_MAX,
           "for type m: end after so many; 0, and beside by, slot or since: all"),
    NAMED("verbose", PARAM_BOOL, "false", "tell how the lookup went"),
    NAMED_NUMBER("min_seq", NULL, 0, INT64_MAX, "for type s: take nothing older"),
    NAMED("raw", PARAM_BOOL, "false", "show the signed record too"),
    NAMED("by", PARAM_STRING, NULL, "for type m: entries of this signer"),
    NAMED("slot", PARAM_STRING, NULL, "for type m: entries in this slot"),
    NAMED("slot_hex", PARAM_HEX, NULL, "the same in hex"),
    NAMED_NUMBER("since", NULL, 0, INT64_MAX,
                 "for type m: entries written then or later, in unix seconds"),
    NAMED_NUMBER("limit", NULL, 1, INT64_MAX, "for type m: the newest so many"),
    NAMED("progress", PARAM_BOOL, "false", "of a large value: tell how far it has come"),
    END};

#define SLOT_HELP "for type m: the signer's place for it, 1 to 32 bytes, as `latest`"

#define TO_HELP                                                                                    \
    "names to encrypt for, as bob,carol, 8 at most; nobody else reads it, nor the signer"

static const struct param dhtput_list[] = {
    NEEDED("username", PARAM_STRING, OWNER_HELP),
    NEEDED("resource", PARAM_STRING, "1 to 64 bytes, as `profile`"),
    NEEDED("type", PARAM_KIND, "s: one value of the owner's; m: many by many signers"),
    OPTIONAL("value", PARAM_JSON, NULL, "any JSON; null is a value too"),
    OPTIONAL("sig_user", PARAM_STRING, "username for s", "who signs; for type s the owner alone"),
    NUMBER("seq", "highest seen + 1", 0, INT64_MAX, "must be above the stored one"),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    NAMED_NUMBER("cas", NULL, 0, INT64_MAX, "put only where this seq is stored (BEP 44)"),
    NAMED("slot", PARAM_STRING, "a hash of the content", SLOT_HELP),
    NAMED("slot_hex", PARAM_HEX, NULL, "the same in hex, as dhtget shows what is no text"),
    NAMED_NUMBER("ttl", "1209600", 1, 2592000, "seconds until the value expires"),
    NAMED("to", PARAM_STRING, NULL, TO_HELP),
    NAMED("delete", PARAM_BOOL, "false", "put a deletion instead of a value"),
    NAMED("keep", PARAM_BOOL, "true", "republish it until dropput"),
    NAMED("wait", PARAM_BOOL, "true", "answer when the network took it; else once it is on disk"),
    NAMED("progress", PARAM_BOOL, "false", "of a large value: tell how far it has come"),
    END};

static const struct param dhtsign_list[] = {
    NEEDED("username", PARAM_STRING, OWNER_HELP),
    NEEDED("resource", PARAM_STRING, "1 to 64 bytes, as `profile`"),
    NEEDED("type", PARAM_KIND, "s: one value of the owner's; m: many by many signers"),
    OPTIONAL("value", PARAM_JSON, NULL, "any JSON; null is a value too"),
    OPTIONAL("sig_user", PARAM_STRING, "username for s", "who signs; for type s the owner alone"),
    NUMBER("seq", "highest seen + 1", 0, INT64_MAX, "must be above the stored one"),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    NAMED("slot", PARAM_STRING, "a hash of the content", SLOT_HELP),
    NAMED("slot_hex", PARAM_HEX, NULL, "the same in hex, as dhtget shows what is no text"),
    NAMED_NUMBER("ttl", "1209600", 1, 2592000, "seconds until the value expires"),
    NAMED("to", PARAM_STRING, NULL, TO_HELP),
    NAMED("delete", PARAM_BOOL, "false", "put a deletion instead of a value"),
    END};

#define RAW_HELP                                                                                   \
    "a signed record: bencode of {k, salt, seq, sig, v}, of an entry {k, n, r, seq, sig, slot, v}"

static const struct param dhtputraw_list[] = {
    NEEDED("hexdata", PARAM_HEX, RAW_HELP),
    NAMED("keep", PARAM_BOOL, "true", "republish it until dropput"),
    NAMED("wait", PARAM_BOOL, "true", "answer when the network took it; else once it is on disk"),
    END};

static const struct param hexdata_list[] = {NEEDED("hexdata", PARAM_HEX, RAW_HELP), END};

static const struct param putimmutable_list[] = {
    OPTIONAL("value", PARAM_JSON, NULL, "any JSON; null is a value too"),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    NAMED("keep", PARAM_BOOL, "true", "republish it until dropput"),
    NAMED("wait", PARAM_BOOL, "true", "answer when the network took it; else once it is on disk"),
    END};

static const struct param target_list[] = {NEEDED("target", PARAM_ID, "the id of the item"), END};

static const struct param lookup_list[] = {
    {.name = "target",
     .type = PARAM_ID,
     .is_alone = true,
     .help = "an id; or instead of it the next three"},
    OPTIONAL("username", PARAM_STRING, NULL, OWNER_HELP),
    OPTIONAL("resource", PARAM_STRING, NULL, "1 to 64 bytes, as `profile`"),
    OPTIONAL("type", PARAM_KIND, NULL, "s: one value of the owner's; m: many by many signers"),
    END};

static const struct param announce_list[] = {
    NEEDED("target", PARAM_ID, "the torrent's info hash"),
    NUMBER("port", "0", 0, 65535, "where the torrent is served; 0: the node's own"), END};

static const struct param info_hash_list[] = {NEEDED("target", PARAM_ID, "the torrent's info hash"),
                                              END};

static const struct param addr_list[] = {NEEDED("addr", PARAM_ADDR, "HOST:PORT, [IPV6]:PORT"), END};

static const struct param listnodes_list[] = {NUMBER("bucket", NULL, 0, 159, "only this one"), END};

static const struct param page_list[] = {
    OPTIONAL("after", PARAM_STRING, NULL, "where the page begins: `next` of the one before"),
    NUMBER("limit", "100", 1, 1000, "items in a page"), END};

static const struct param listputs_list[] = {
    OPTIONAL("after", PARAM_STRING, NULL, "where the page begins: `next` of the one before"),
    NUMBER("limit", "100", 1, 1000, "items in a page"),
    NAMED("chunks", PARAM_BOOL, "false", "show the chunks of large values too"), END};

static const struct param new_name_list[] = {NEEDED("name", PARAM_NAME, "how it will be called"),
                                             END};

static const struct param name_list[] = {NEEDED("name", PARAM_NAME, "the name it has"), END};

static const struct param importkey_list[] = {
    NEEDED("name", PARAM_NAME, "how it will be called"),
    NEEDED("seed", PARAM_KEY, "the 32-byte seed, as exportkey shows it"), END};

static const struct param username_list[] = {NEEDED("username", PARAM_STRING, USERNAME_HELP), END};

static const struct param addcontact_list[] = {NEEDED("name", PARAM_NAME, "how it will be called"),
                                               NEEDED("pubkey", PARAM_KEY, "the public key"), END};

static const struct param registername_list[] = {
    NEEDED("name", PARAM_NAME, "what will be registered"),
    OPTIONAL("pubkey", PARAM_STRING, NULL, USERNAME_HELP),
    OPTIONAL("authority", PARAM_STRING, NULL, "who registers it: a key on this daemon"),
    NAMED_NUMBER("ttl", "1209600", 1, 2592000, "seconds until the registration expires"),
    NAMED("delete", PARAM_BOOL, "false", "unregister it; `pubkey` may be left out"),
    NAMED("keep", PARAM_BOOL, "true", "republish and renew it until dropput"),
    NAMED("wait", PARAM_BOOL, "true", "answer when the network took it; else once it is on disk"),
    END};

static const struct param resolvename_list[] = {
    NEEDED("name", PARAM_STRING, USERNAME_HELP),
    NUMBER("timeout_ms", "10000", 1, 600000, "how long to look"), END};

static const struct param signmessage_list[] = {NEEDED("username", PARAM_STRING, USERNAME_HELP),
                                                NEEDED("message", PARAM_STRING, "any text"), END};

static const struct param verifymessage_list[] = {
    NEEDED("username", PARAM_STRING, USERNAME_HELP),
    NEEDED("signature", PARAM_HEX, "as signmessage answered it"),
    NEEDED("message", PARAM_STRING, "the text that was signed"), END};

static const struct param waitready_list[] = {
    NUMBER("timeout_ms", NULL, 1, 86400000, "how long to wait; without it for ever"), END};

static const struct param check_list[] = {
    NEEDED("method", PARAM_STRING, "the method"),
    OPTIONAL("params", PARAM_JSON, NULL, "its parameters, an array or an object"), END};

static const struct param getconfig_list[] = {OPTIONAL("key", PARAM_STRING, NULL, "only this one"),
                                              END};

static const struct param setlog_list[] = {
    NEEDED("levels", PARAM_STRING, "as \"info\" or \"info,rpc=debug,net=error\""), END};

/* Sorted by name, for the search. */
static const struct method table[] = {
    {.name = "addcontact",
     .access = RPC_ACCESS_FULL,
     .summary = "pins a name to a public key",
     .details = "Replaces a contact of that name.",
     .params = addcontact_list,
     .handler = method_addcontact},
    {.name = "addnode",
     .access = RPC_ACCESS_FULL,
     .summary = "gives this node another to start from",
     .params = addr_list,
     .handler = method_addnode},
    {.name = "announce",
     .access = RPC_ACCESS_FULL,
     .summary = "announces this node as a peer of a torrent (BEP 5)",
     .params = announce_list,
     .handler = method_announce},
    {.name = "check",
     .access = RPC_ACCESS_READ,
     .summary = "checks a call without running it",
     .details = "Answers true, or the error that the call would get for its method and parameters.",
     .params = check_list,
     .handler = method_check},
    {.name = "createkey",
     .access = RPC_ACCESS_FULL,
     .summary = "makes a key and answers its public half",
     .params = new_name_list,
     .handler = method_createkey},
    {.name = "createwalletuser",
     .alias_of = "createkey",
     .access = RPC_ACCESS_FULL,
     .summary = "makes a key and answers its public half",
     .params = new_name_list,
     .handler = method_createkey},
    {.name = "dhtget",
     .access = RPC_ACCESS_READ,
     .summary = "reads a signed value from the network",
     .details = "Answers an array: [{p:{seq, target:{n, r, t}, time, v}, sig_p, sig_user, k}], or "
                "[] when the lookup\n"
                "completed and nobody has it. With verbose: {values, complete, lookup:{queried, "
                "replied, ms, hops}}.\n"
                "An encrypted value has encrypted:true beside p, and v when a key of this daemon "
                "opens it, else reason.\n"
                "Of type m all entries, newest first, each by its own signer and with `slot`, or "
                "`slot_hex` where it is no\n"
                "printable text, in p. The username is not resolved there; `by` is. A large one "
                "among several has\n"
                "large:{size} and reason instead of its content.\n\n"
                "A large value is answered whole or not at all; each of its chunks has what is "
                "left of timeout_ms when\n"
                "its record is there. With progress, notifications `progress` with {call, done, "
                "of, bytes} come\n"
                "before the answer.",
     .params = dhtget_list,
     .handler = method_dhtget},
    {.name = "dhtput",
     .access = RPC_ACCESS_FULL,
     .summary = "signs a value and stores it in the network",
     .details = "Answers {target, seq, stored, tried, kept, rejected}: `stored` counts the nodes "
                "that hold it, this one\n"
                "included when it is among the closest. With wait=false {target, seq, kept}, once "
                "it is on disk.\n"
                "With `to` only the named can read the value, the signer too only when named; who "
                "signed, when, how much\n"
                "and for how many stays visible.\n"
                "Of type m a signer has one entry a slot: entries without one pile up, a repeated "
                "content is one entry, and\n"
                "with a slot the next replaces the last. delete=true with the slot, or with the "
                "value that was put without\n"
                "one, deletes an entry; the deletion lives 30 days unless ttl says otherwise.\n\n"
                "A value over 1000 bytes with its envelope, up to 1 MiB, is large: it goes as "
                "chunks of 960 bytes, then\n"
                "the record. The answer has chunks:{count, stored_min} too, the fewest nodes that "
                "hold one of them.\n"
                "With progress, notifications `progress` with {call, done, of, bytes} come before "
                "the answer.",
     .params = dhtput_list,
     .handler = method_dhtput},
    {.name = "dhtputraw",
     .access = RPC_ACCESS_FULL,
     .summary = "stores a record that was signed elsewhere",
     .details = "`hexdata` is what dhtsign answers. Answers as dhtput.",
     .params = dhtputraw_list,
     .handler = method_dhtputraw},
    {.name = "dhtsign",
     .access = RPC_ACCESS_FULL,
     .summary = "signs a value without storing it",
     .details = "Answers hexdata, for dhtputraw. Uses no network but for names; without `seq`, one "
                "above the "
                "highest held here.",
     .params = dhtsign_list,
     .handler = method_dhtsign},
    {.name = "dhtverify",
     .access = RPC_ACCESS_READ,
     .summary = "checks a signed record, without the network",
     .details = "Answers {valid, reason}.",
     .params = hexdata_list,
     .handler = method_dhtverify},
    {.name = "dropcontact",
     .access = RPC_ACCESS_FULL,
     .summary = "forgets a contact",
     .params = name_list,
     .handler = method_dropcontact},
    {.name = "dropkey",
     .access = RPC_ACCESS_FULL,
     .summary = "forgets a key for good",
     .params = name_list,
     .handler = method_dropkey},
    {.name = "dropput",
     .access = RPC_ACCESS_FULL,
     .summary = "keeps a put alive no longer",
     .details = "Of a multi all entries that this node keeps, or one alone by its `key`, as "
                "listputs shows it.",
     .params = target_list,
     .handler = method_dropput},
    {.name = "dumpprivkey",
     .alias_of = "exportkey",
     .access = RPC_ACCESS_FULL,
     .summary = "the seed of a key: whoever has it can sign as you",
     .details = "Answered only to a client that runs as the daemon's own user or as root.",
     .params = name_list,
     .handler = method_exportkey},
    {.name = "dumppubkey",
     .alias_of = "pubkey",
     .access = RPC_ACCESS_READ,
     .summary = "the public key of a name",
     .params = username_list,
     .handler = method_pubkey},
    {.name = "exportkey",
     .access = RPC_ACCESS_FULL,
     .summary = "the seed of a key: whoever has it can sign as you",
     .details = "Answered only to a client that runs as the daemon's own user or as root.",
     .params = name_list,
     .handler = method_exportkey},
    {.name = "getconfig",
     .access = RPC_ACCESS_FULL,
     .summary = "the settings in force",
     .params = getconfig_list,
     .handler = method_getconfig},
    {.name = "getimmutable",
     .access = RPC_ACCESS_READ,
     .summary = "reads a value by its hash",
     .details = "Answers {v} or {v_base64}, or null when nobody has it; encrypted:true and reason "
                "for sealed bytes.",
     .params = target_list,
     .handler = method_getimmutable},
    {.name = "getinfo",
     .access = RPC_ACCESS_READ,
     .summary = "what this node is and how it does",
     .details = "Of dht_nodes, the nodes known, dht_xord_nodes counts those of xord's own make, "
                "which alone "
                "hold multis: on a private network all, on mainline those of a table of their own. "
                "dht_global_nodes estimates how many nodes the network has.",
     .params = no_params_list,
     .handler = method_getinfo},
    {.name = "getmetrics",
     .access = RPC_ACCESS_READ,
     .summary = "counters, gauges and histograms, as text for Prometheus",
     .params = no_params_list,
     .handler = method_getmetrics},
    {.name = "help",
     .access = RPC_ACCESS_READ,
     .summary = "lists the methods, or explains one",
     .params = command_list,
     .handler = method_help},
    {.name = "importkey",
     .access = RPC_ACCESS_FULL,
     .summary = "takes over a key and answers its public half",
     .params = importkey_list,
     .handler = method_importkey},
    {.name = "importprivkey",
     .alias_of = "importkey",
     .access = RPC_ACCESS_FULL,
     .summary = "takes over a key and answers its public half",
     .params = importkey_list,
     .handler = method_importkey},
    {.name = "listcontacts",
     .access = RPC_ACCESS_FULL,
     .summary = "the contacts: name and public key",
     .details = "Answers an object: each name with its public key.",
     .params = no_params_list,
     .handler = method_listcontacts},
    {.name = "listkeys",
     .access = RPC_ACCESS_FULL,
     .summary = "the local keys: name and public key",
     .details = "Answers an object: each name with its public key.",
     .params = no_params_list,
     .handler = method_listkeys},
    {.name = "listnodes",
     .access = RPC_ACCESS_READ,
     .summary = "the routing table, by bucket",
     .params = listnodes_list,
     .handler = method_listnodes},
    {.name = "listputs",
     .access = RPC_ACCESS_FULL,
     .summary = "the puts that this node keeps alive",
     .details = "Answers {items, next}; `next` is null on the last page, else the `after` of the "
                "following one. A large value\n"
                "is one item, with large:{size, chunks}.",
     .params = listputs_list,
     .handler = method_listputs},
    {.name = "liststored",
     .access = RPC_ACCESS_READ,
     .summary = "what this node holds for the network",
     .details = "Answers {items, next}; `next` is null on the last page, else the `after` of the "
                "following one.",
     .params = page_list,
     .handler = method_liststored},
    {.name = "listwalletusers",
     .alias_of = "listkeys",
     .access = RPC_ACCESS_FULL,
     .summary = "the local keys: name and public key",
     .details = "Answers an object: each name with its public key.",
     .params = no_params_list,
     .handler = method_listkeys},
    {.name = "lookup",
     .access = RPC_ACCESS_READ,
     .summary = "finds the nodes nearest to a target",
     .details = "Answers {target, closest, trace, hops, ms}. Give a target alone, or username, "
                "resource and type.",
     .params = lookup_list,
     .handler = method_lookup},
    {.name = "peers",
     .access = RPC_ACCESS_READ,
     .summary = "finds the peers of a torrent (BEP 5)",
     .params = info_hash_list,
     .handler = method_peers},
    {.name = "ping",
     .access = RPC_ACCESS_FULL,
     .summary = "asks a node for its id",
     .details = "Answers {id, rtt_ms}.",
     .params = addr_list,
     .handler = method_ping},
    {.name = "pubkey",
     .access = RPC_ACCESS_READ,
     .summary = "the public key of a name",
     .params = username_list,
     .handler = method_pubkey},
    {.name = "putimmutable",
     .access = RPC_ACCESS_FULL,
     .summary = "stores a value under its own hash",
     .details = "Answers as dhtput (BEP 44, immutable items).",
     .params = putimmutable_list,
     .handler = method_putimmutable},
    {.name = "registername",
     .access = RPC_ACCESS_FULL,
     .summary = "binds a name to a public key, as an authority",
     .details = "`registername bob PUBKEY wabi`: whoever knows wabi's key can then use bob@wabi. "
                "Signed by the authority's\n"
                "key, which must be on this daemon, and renewed at half of its life. Answers as "
                "dhtput, and {name, key}.\n"
                "`registername bob wabi --delete` unbinds.",
     .params = registername_list,
     .handler = method_registername},
    {.name = "reload",
     .access = RPC_ACCESS_FULL,
     .summary = "reads the configuration again",
     .params = no_params_list,
     .handler = method_reload},
    {.name = "resolvename",
     .access = RPC_ACCESS_READ,
     .summary = "which key a name stands for, and who says so",
     .details = "Asks the network anew. Answers {name, key, authority, time, expiry, cached, "
                "chain:[{name, authority, key,\n"
                "time, expiry}]}; `cached`: nobody answered, and it is what was known before. "
                "`previous` {key, time, changed}:\n"
                "the name was bound to another key before. `pinned` and `warning`: a local name "
                "differs; then `registered`\n"
                "is what the configured authority says of a name that is pinned.",
     .params = resolvename_list,
     .handler = method_resolvename},
    {.name = "setlog",
     .access = RPC_ACCESS_FULL,
     .summary = "changes what is logged, until the daemon stops",
     .params = setlog_list,
     .handler = method_setlog},
    {.name = "signmessage",
     .access = RPC_ACCESS_FULL,
     .summary = "signs a text with a local key",
     .details = "What is signed is the text `xord Signed Message:`, a line feed, the message's "
                "length in bytes as a\n"
                "decimal number, a line feed, and the message. The signature is 128 hex digits, "
                "Ed25519 (RFC 8032).",
     .params = signmessage_list,
     .handler = method_signmessage},
    {.name = "stop",
     .access = RPC_ACCESS_FULL,
     .summary = "stops the daemon",
     .params = no_params_list,
     .handler = method_stop},
    {.name = "verifymessage",
     .access = RPC_ACCESS_READ,
     .summary = "checks the signature of a text",
     .details = "Answers true or false. See signmessage.",
     .params = verifymessage_list,
     .handler = method_verifymessage},
    {.name = "waitready",
     .access = RPC_ACCESS_READ,
     .summary = "answers when the node has found the network, with its state",
     .details = "Answers \"online\", or \"alone\" for a first node; the error is offline when no "
                "node answers.",
     .params = waitready_list,
     .handler = method_waitready},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

const struct method *method_table(size_t *count)
{
    *count = TABLE_COUNT;
    return table;
}

static int compare_name(const void *name, const void *row)
{
    const struct method *method = row;

    return strcmp(name, method->name);
}

const struct method *method_find(const char *name)
{
    return bsearch(name, table, TABLE_COUNT, sizeof table[0], compare_name);
}
