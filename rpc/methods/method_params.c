/* What each method takes, as its row in method_table.c refers to it. */
#include "rpc/methods/method_params.h"

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

/* Of each parameter that names a key (rpc/names/name_path.h). */
#define USERNAME_HELP "a key's or contact's name, name@authority, or 64 hex digits"

const struct param no_params[] = {END};

const struct param command_params[] = {OPTIONAL("command", PARAM_STRING, NULL, "a method's name"),
                                       END};

#define OWNER_HELP "for type s " USERNAME_HELP "; for m any text of 1 to 64 bytes"

/* Rows that several methods share. */
#define PLACE                                                                                      \
    NEEDED("username", PARAM_STRING, OWNER_HELP),                                                  \
        NEEDED("resource", PARAM_STRING, "1 to 64 bytes, as `profile`"),                           \
        NEEDED("type", PARAM_KIND, "s: one value of the owner's; m: many by many signers")
#define SLOT_HELP "for type m: the signer's place for it, 1 to 32 bytes, as `latest`"
#define TO_HELP                                                                                    \
    "names to encrypt for, as bob,carol, 8 at most; nobody else reads it, nor the signer"
#define SIGNED_VALUE                                                                               \
    OPTIONAL("value", PARAM_JSON, NULL, "any JSON; null is a value too"),                          \
        OPTIONAL("sig_user", PARAM_STRING, "username for s",                                       \
                 "who signs; for type s the owner alone"),                                         \
        NUMBER("seq", "highest seen + 1", 0, INT64_MAX, "must be above the stored one"),           \
        NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`")
#define SIGNED_HOW                                                                                 \
    NAMED("slot", PARAM_STRING, "a hash of the content", SLOT_HELP),                               \
        NAMED("slot_hex", PARAM_HEX, NULL, "the same in hex, as dhtget shows what is no text"),    \
        NAMED_NUMBER("ttl", "1209600", 1, 2592000, "seconds until the value expires"),             \
        NAMED("to", PARAM_STRING, NULL, TO_HELP),                                                  \
        NAMED("delete", PARAM_BOOL, "false", "put a deletion instead of a value")
#define KEEP(h) NAMED("keep", PARAM_BOOL, "true", h)
#define WAIT                                                                                       \
    NAMED("wait", PARAM_BOOL, "true", "answer when the network took it; else once it is on disk")
#define PAGE                                                                                       \
    OPTIONAL("after", PARAM_STRING, NULL, "where the page begins: `next` of the one before"),      \
        NUMBER("limit", "100", 1, 1000, "items in a page")
/* The number of a stream. */
#define SUB(h)                                                                                     \
    {                                                                                              \
        .name = "sub", .type = PARAM_INT, .need = PARAM_REQUIRED, .min = 1, .max = UINT32_MAX,     \
        .help = (h)                                                                                \
    }

const struct param dhtget_params[] = {
    PLACE,
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

const struct param listen_params[] = {
    PLACE,
    NAMED_NUMBER("since", NULL, 0, INT64_MAX, "only what is signed then or later, in unix seconds"),
    NAMED("replay", PARAM_BOOL, "true", "tell what is stored already; else only what is new"), END};

const struct param unlisten_params[] = {SUB("of a listen on this connection"), END};

const struct param dhtput_params[] = {
    PLACE,
    SIGNED_VALUE,
    NAMED_NUMBER("cas", NULL, 0, INT64_MAX, "put only where this seq is stored (BEP 44)"),
    SIGNED_HOW,
    KEEP("republish it until dropput"),
    WAIT,
    NAMED("progress", PARAM_BOOL, "false", "of a large value: tell how far it has come"),
    END};

const struct param dhtsign_params[] = {PLACE, SIGNED_VALUE, SIGNED_HOW, END};

#define RAW_HELP                                                                                   \
    "a signed record: bencode of {k, salt, seq, sig, v}, of an entry {k, n, r, seq, sig, slot, v}"

const struct param dhtputraw_params[] = {NEEDED("hexdata", PARAM_HEX, RAW_HELP),
                                         KEEP("republish it until dropput"), WAIT, END};

const struct param hexdata_params[] = {NEEDED("hexdata", PARAM_HEX, RAW_HELP), END};

const struct param putimmutable_params[] = {
    OPTIONAL("value", PARAM_JSON, NULL, "any JSON; null is a value too"),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    KEEP("republish it until dropput"), WAIT, END};

const struct param target_params[] = {NEEDED("target", PARAM_ID, "the id of the item"), END};

const struct param lookup_params[] = {
    {.name = "target",
     .type = PARAM_ID,
     .is_alone = true,
     .help = "an id; or instead of it the next three"},
    OPTIONAL("username", PARAM_STRING, NULL, OWNER_HELP),
    OPTIONAL("resource", PARAM_STRING, NULL, "1 to 64 bytes, as `profile`"),
    OPTIONAL("type", PARAM_KIND, NULL, "s: one value of the owner's; m: many by many signers"),
    END};

const struct param announce_params[] = {
    NEEDED("target", PARAM_ID, "the torrent's info hash"),
    NUMBER("port", "0", 0, 65535, "where the torrent is served; 0: the node's own"), END};

const struct param info_hash_params[] = {NEEDED("target", PARAM_ID, "the torrent's info hash"),
                                         END};

const struct param addr_params[] = {NEEDED("addr", PARAM_ADDR, "HOST:PORT, [IPV6]:PORT"), END};

const struct param monitor_params[] = {OPTIONAL("classes", PARAM_STRING,
                                                "\"lookups,nodes,store,rpc\"",
                                                "of what, with commas between"),
                                       END};

const struct param unmonitor_params[] = {SUB("what monitor answered"), END};

const struct param listnodes_params[] = {NUMBER("bucket", NULL, 0, 159, "only this one"), END};

const struct param page_params[] = {PAGE, END};

const struct param listputs_params[] = {
    PAGE, NAMED("chunks", PARAM_BOOL, "false", "show the chunks of large values too"), END};

const struct param new_name_params[] = {NEEDED("name", PARAM_NAME, "how it will be called"), END};

const struct param name_params[] = {NEEDED("name", PARAM_NAME, "the name it has"), END};

const struct param importkey_params[] = {
    NEEDED("name", PARAM_NAME, "how it will be called"),
    NEEDED("seed", PARAM_KEY, "the 32-byte seed, as exportkey shows it"), END};

const struct param username_params[] = {NEEDED("username", PARAM_STRING, USERNAME_HELP), END};

const struct param addcontact_params[] = {NEEDED("name", PARAM_NAME, "how it will be called"),
                                          NEEDED("pubkey", PARAM_KEY, "the public key"), END};

const struct param registername_params[] = {
    NEEDED("name", PARAM_NAME, "what will be registered"),
    OPTIONAL("pubkey", PARAM_STRING, NULL, USERNAME_HELP),
    OPTIONAL("authority", PARAM_STRING, NULL, "who registers it: a key on this daemon"),
    NAMED_NUMBER("ttl", "1209600", 1, 2592000, "seconds until the registration expires"),
    NAMED("delete", PARAM_BOOL, "false", "unregister it; `pubkey` may be left out"),
    KEEP("republish and renew it until dropput"),
    WAIT,
    END};

const struct param resolvename_params[] = {
    NEEDED("name", PARAM_STRING, USERNAME_HELP),
    NUMBER("timeout_ms", "10000", 1, 600000, "how long to look"), END};

const struct param signmessage_params[] = {NEEDED("username", PARAM_STRING, USERNAME_HELP),
                                           NEEDED("message", PARAM_STRING, "any text"), END};

const struct param verifymessage_params[] = {
    NEEDED("username", PARAM_STRING, USERNAME_HELP),
    NEEDED("signature", PARAM_HEX, "as signmessage answered it"),
    NEEDED("message", PARAM_STRING, "the text that was signed"), END};

const struct param waitready_params[] = {
    NUMBER("timeout_ms", NULL, 1, 86400000, "how long to wait; without it for ever"), END};

const struct param check_params[] = {
    NEEDED("method", PARAM_STRING, "the method"),
    OPTIONAL("params", PARAM_JSON, NULL, "its parameters, an array or an object"), END};

const struct param getconfig_params[] = {OPTIONAL("key", PARAM_STRING, NULL, "only this one"), END};

const struct param setlog_params[] = {
    NEEDED("levels", PARAM_STRING, "as \"info\" or \"info,rpc=debug,net=error\""), END};

#define COMMAND_HELP       "1 to 32 of a-z, 0-9, . _ -"
#define COMMAND_VALUE_HELP "any JSON, up to 1000 bytes as sent; null: none"

const struct param handle_params[] = {NEEDED("command", PARAM_STRING, COMMAND_HELP), END};

const struct param respond_params[] = {
    {.name = "request",
     .type = PARAM_INT,
     .need = PARAM_REQUIRED,
     .min = 1,
     .max = INT64_MAX,
     .help = "the number that it came with"},
    OPTIONAL("value", PARAM_JSON, NULL, COMMAND_VALUE_HELP),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    NAMED_NUMBER("error", NULL, 16, 65535, "it failed: the program's own number for why"),
    END};

const struct param query_params[] = {
    NEEDED("target", PARAM_ID, "where to: the nodes nearest to it are asked last"),
    NEEDED("command", PARAM_STRING, COMMAND_HELP),
    OPTIONAL("value", PARAM_JSON, NULL, COMMAND_VALUE_HELP),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    NAMED("commit", PARAM_BOOL, "false", "send it again, with their tokens, to the closest"),
    NAMED_NUMBER("k", "8", 1, 20, "how many the closest are"),
    NAMED_NUMBER("concurrency", "4", 1, 16, "asked at once"),
    NAMED_NUMBER("timeout_ms", "10000", 1, 600000, "how long in all"),
    END};

const struct param request_params[] = {
    NEEDED("to", PARAM_STRING, "the node: HOST:PORT, or its id, 40 hex digits"),
    NEEDED("command", PARAM_STRING, COMMAND_HELP),
    OPTIONAL("target", PARAM_ID, NULL, "what it is about"),
    OPTIONAL("value", PARAM_JSON, NULL, COMMAND_VALUE_HELP),
    NAMED("value_base64", PARAM_BASE64, NULL, "bytes instead of `value`"),
    NAMED_NUMBER("timeout_ms", "10000", 1, 600000, "how long to wait"),
    END};
