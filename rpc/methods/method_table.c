/* The table of methods: all that help, the command line, `check` and dispatch know of them. */
#include <stdlib.h>
#include <string.h>

#include "rpc/methods/method_files.h"
#include "rpc/methods/method_params.h"

/* Sorted by name, for the search. */
static const struct method table[] = {
    {.name = "addcontact",
     .access = RPC_ACCESS_FULL,
     .summary = "pins a name to a public key",
     .details = "Replaces a contact of that name.",
     .params = addcontact_params,
     .handler = method_addcontact},
    {.name = "addnode",
     .access = RPC_ACCESS_FULL,
     .summary = "gives this node another to start from",
     .params = addr_params,
     .handler = method_addnode},
    {.name = "announce",
     .access = RPC_ACCESS_FULL,
     .summary = "announces this node as a peer of a torrent (BEP 5)",
     .params = announce_params,
     .handler = method_announce},
    {.name = "check",
     .access = RPC_ACCESS_READ,
     .summary = "checks a call without running it",
     .details = "Answers true, or the error that the call would get for its method and parameters.",
     .params = check_params,
     .handler = method_check},
    {.name = "createkey",
     .access = RPC_ACCESS_FULL,
     .summary = "makes a key and answers its public half",
     .params = new_name_params,
     .handler = method_createkey},
    {.name = "createwalletuser",
     .alias_of = "createkey",
     .access = RPC_ACCESS_FULL,
     .summary = "makes a key and answers its public half",
     .params = new_name_params,
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
                "What is beyond 65536 JSON values and keys in all is its text in v_base64, with "
                "reason.\n"
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
     .params = dhtget_params,
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
                "one, deletes an entry; the deletion lives 30 days unless ttl says otherwise. The "
                "answer has the slot too, as\n"
                "`slot`, or `slot_hex` where it is no printable text, as a hash is.\n\n"
                "A value over 1000 bytes with its envelope, up to 1 MiB, is large: it goes as "
                "chunks of 960 bytes, then\n"
                "the record. The answer has chunks:{count, stored_min} too, the fewest nodes that "
                "hold one of them.\n"
                "With progress, notifications `progress` with {call, done, of, bytes} come before "
                "the answer.",
     .params = dhtput_params,
     .handler = method_dhtput},
    {.name = "dhtputraw",
     .access = RPC_ACCESS_FULL,
     .summary = "stores a record that was signed elsewhere",
     .details = "`hexdata` is what dhtsign answers. Answers as dhtput.",
     .params = dhtputraw_params,
     .handler = method_dhtputraw},
    {.name = "dhtsign",
     .access = RPC_ACCESS_FULL,
     .summary = "signs a value without storing it",
     .details = "Answers hexdata, for dhtputraw. Uses no network but for names; without `seq`, one "
                "above the "
                "highest held here.",
     .params = dhtsign_params,
     .handler = method_dhtsign},
    {.name = "dhtverify",
     .access = RPC_ACCESS_READ,
     .summary = "checks a signed record, without the network",
     .details = "Answers {valid, reason}.",
     .params = hexdata_params,
     .handler = method_dhtverify},
    {.name = "dropcontact",
     .access = RPC_ACCESS_FULL,
     .summary = "forgets a contact",
     .params = name_params,
     .handler = method_dropcontact},
    {.name = "dropkey",
     .access = RPC_ACCESS_FULL,
     .summary = "forgets a key for good",
     .params = name_params,
     .handler = method_dropkey},
    {.name = "dropput",
     .access = RPC_ACCESS_FULL,
     .summary = "keeps a put alive no longer",
     .details = "Of a multi all entries that this node keeps, or one alone by its `key`, as "
                "listputs shows it.",
     .params = target_params,
     .handler = method_dropput},
    {.name = "dumpprivkey",
     .alias_of = "exportkey",
     .access = RPC_ACCESS_FULL,
     .summary = "the seed of a key: whoever has it can sign as you",
     .details = "Answered only to a client that runs as the daemon's own user or as root.",
     .params = name_params,
     .handler = method_exportkey},
    {.name = "dumppubkey",
     .alias_of = "pubkey",
     .access = RPC_ACCESS_READ,
     .summary = "the public key of a name",
     .params = username_params,
     .handler = method_pubkey},
    {.name = "exportkey",
     .access = RPC_ACCESS_FULL,
     .summary = "the seed of a key: whoever has it can sign as you",
     .details = "Answered only to a client that runs as the daemon's own user or as root.",
     .params = name_params,
     .handler = method_exportkey},
    {.name = "getconfig",
     .access = RPC_ACCESS_FULL,
     .summary = "the settings in force",
     .params = getconfig_params,
     .handler = method_getconfig},
    {.name = "getimmutable",
     .access = RPC_ACCESS_READ,
     .summary = "reads a value by its hash",
     .details = "Answers {v} or {v_base64}, or null when nobody has it; encrypted:true and reason "
                "for sealed bytes.",
     .params = target_params,
     .handler = method_getimmutable},
    {.name = "getinfo",
     .access = RPC_ACCESS_READ,
     .summary = "what this node is and how it does",
     .details =
         "Of dht_nodes, the nodes known, dht_xord_nodes counts those of xord's own make, "
         "which alone "
         "hold multis: on a private network all, on mainline those of a table of their own. "
         "dht_global_nodes estimates how many nodes the network has. All that is counted is in "
         "getmetrics.",
     .params = no_params,
     .handler = method_getinfo},
    {.name = "getmetrics",
     .access = RPC_ACCESS_READ,
     .summary = "counters, gauges and histograms, as text for Prometheus",
     .params = no_params,
     .handler = method_getmetrics},
    {.name = "handle",
     .access = RPC_ACCESS_FULL,
     .summary = "answers a custom command for the network",
     .details = "Answers {sub}, then brings each request of other nodes as a notification "
                "`handle` with {sub, n, command,\n"
                "target, value, from:{id, addr}, token, request}: `value` is null when there is "
                "none, bytes are value_base64;\n"
                "`token` is true when the node was here before, as in the commit of a query. To be "
                "answered with `respond`\n"
                "within 2.5 seconds. Up to 64 wait; beyond that the network is told busy. A "
                "command has one handler. Ends\n"
                "with the connection, or by unhandle.\n\n"
                "On the command line each request is one JSON line. --exec CMD runs CMD by sh for "
                "each, up to 8 at once, with the\n"
                "value on its standard input, and XORD_COMMAND, XORD_TARGET, XORD_FROM_ID, "
                "XORD_FROM_ADDR, XORD_TOKEN (0 or 1) and\n"
                "XORD_REQUEST in its environment; what it prints is the answer, its exit status "
                "the error (16 at least). -C N ends it\n"
                "after N requests, -W SEC after so many seconds.",
     .is_stream = true,
     .params = handle_params,
     .handler = method_handle},
    {.name = "help",
     .access = RPC_ACCESS_READ,
     .summary = "lists the methods, or explains one",
     .params = command_params,
     .handler = method_help},
    {.name = "importkey",
     .access = RPC_ACCESS_FULL,
     .summary = "takes over a key and answers its public half",
     .params = importkey_params,
     .handler = method_importkey},
    {.name = "importprivkey",
     .alias_of = "importkey",
     .access = RPC_ACCESS_FULL,
     .summary = "takes over a key and answers its public half",
     .params = importkey_params,
     .handler = method_importkey},
    {.name = "listcontacts",
     .access = RPC_ACCESS_FULL,
     .summary = "the contacts: name and public key",
     .details = "Answers an object: each name with its public key.",
     .params = no_params,
     .handler = method_listcontacts},
    {.name = "listen",
     .access = RPC_ACCESS_READ,
     .is_stream = true,
     .summary = "tells what a key holds, and each change as it comes",
     .details =
         "Answers {sub}, then sends notifications `listen` with {sub, n, event, …}; n counts from "
         "1 "
         "without holes.\n"
         "  value    {value}: an element of dhtget's array; what is stored already comes first, "
         "oldest first\n"
         "  synced   all that was stored has been told; with `error` when not all could be read in "
         "time\n"
         "  deleted  {value}: the deletion, without v; of type m with the slot of what it takes "
         "away\n"
         "  expired  {value}: whose and which (p.seq, k, of type m the slot), without v\n"
         "  gap      {dropped}: so many events were lost here, because they were not read in time\n"
         "  end      {error}: the daemon stops, or the connection was half-closed; nothing "
         "follows\n"
         "Each value comes once, verified; of type s with rising seq, and to a client that does "
         "not read the newest\n"
         "alone. A holder that is lost is no event. A large value of type s comes whole; of type m "
         "it has large:{size}.\n"
         "It ends with unlisten, with the connection, or when the client half-closes it.\n\n"
         "On the command line, as `xord listen` or `dhtlisten`, each event is one JSON line; -q "
         "shows "
         "the values alone.\n"
         "-C N ends it after N values, -W SEC after so many seconds; --new-only is replay=false. "
         "--exec CMD runs CMD by sh\n"
         "for each event, with -q for each value, one at a time, with the line on its standard "
         "input, "
         "and XORD_EVENT, XORD_N,\n"
         "XORD_USERNAME, XORD_RESOURCE, XORD_TYPE, XORD_SEQ, XORD_TIME, XORD_SLOT or "
         "XORD_SLOT_HEX, "
         "XORD_SIG_USER, XORD_KEY,\n"
         "XORD_DROPPED in its environment. --reconnect waits for a daemon that is not there, and "
         "shows nothing twice; what was\n"
         "deleted or has expired meanwhile is not told. Exit status: 0 when it ended by -C, -W or "
         "the daemon's stop, 5 when\n"
         "-W came before -C, 2 when the daemon went away otherwise, or never came.",
     .params = listen_params,
     .handler = method_listen},
    {.name = "listkeys",
     .access = RPC_ACCESS_FULL,
     .summary = "the local keys: name and public key",
     .details = "Answers an object: each name with its public key.",
     .params = no_params,
     .handler = method_listkeys},
    {.name = "listnodes",
     .access = RPC_ACCESS_READ,
     .summary = "the routing table, by bucket",
     .params = listnodes_params,
     .handler = method_listnodes},
    {.name = "listputs",
     .access = RPC_ACCESS_FULL,
     .summary = "the puts that this node keeps alive",
     .details = "Answers {items, next}; `next` is null on the last page, else the `after` of the "
                "following one. A large value\n"
                "is one item, with large:{size, chunks}.",
     .params = listputs_params,
     .handler = method_listputs},
    {.name = "liststored",
     .access = RPC_ACCESS_READ,
     .summary = "what this node holds for the network",
     .details = "Answers {items, next}; `next` is null on the last page, else the `after` of the "
                "following one.",
     .params = page_params,
     .handler = method_liststored},
    {.name = "listwalletusers",
     .alias_of = "listkeys",
     .access = RPC_ACCESS_FULL,
     .summary = "the local keys: name and public key",
     .details = "Answers an object: each name with its public key.",
     .params = no_params,
     .handler = method_listkeys},
    {.name = "lookup",
     .access = RPC_ACCESS_READ,
     .summary = "finds the nodes nearest to a target",
     .details = "Answers {target, closest, trace, hops, ms}. Give a target alone, or username, "
                "resource and type.",
     .params = lookup_params,
     .handler = method_lookup},
    {.name = "monitor",
     .access = RPC_ACCESS_FULL,
     .is_stream = true,
     .summary = "shows what the daemon does while it does it",
     .details =
         "Answers {sub}; then events come as notifications, numbered by `n`, until unmonitor or "
         "the connection's end.\n"
         "lookups: started, step (asked, answered, late, dead, refused; with hop, distance and "
         "the first bytes of it),\n"
         "ended. nodes: seen, replaced, lost, and joined and parted of those nearest to this one. "
         "store: stored, refused\n"
         "(by which check), evicted, expired, dropped. rpc: call, with method, uid, ms and error. "
         "gap: so many events\n"
         "were dropped, because they were not read. Neither values nor secrets are shown.",
     .params = monitor_params,
     .handler = method_monitor},
    {.name = "peers",
     .access = RPC_ACCESS_READ,
     .summary = "finds the peers of a torrent (BEP 5)",
     .params = info_hash_params,
     .handler = method_peers},
    {.name = "ping",
     .access = RPC_ACCESS_FULL,
     .summary = "asks a node for its id",
     .details = "Answers {id, rtt_ms}.",
     .params = addr_params,
     .handler = method_ping},
    {.name = "pubkey",
     .access = RPC_ACCESS_READ,
     .summary = "the public key of a name",
     .params = username_params,
     .handler = method_pubkey},
    {.name = "putimmutable",
     .access = RPC_ACCESS_FULL,
     .summary = "stores a value under its own hash",
     .details = "Answers as dhtput (BEP 44, immutable items).",
     .params = putimmutable_params,
     .handler = method_putimmutable},
    {.name = "query",
     .access = RPC_ACCESS_FULL,
     .summary = "sends a custom command to the nodes on the way to a target",
     .details = "Each reply comes as a notification `query` with {call, value, distance, from:{id, "
                "addr}, rtt_ms}, or with\n"
                "error:{code, name} in the value's place. Answers {target, closest, replied, "
                "errors, complete, hops, ms}:\n"
                "`closest` holds the replies without an error of the k nearest nodes. With commit "
                "the command goes again to\n"
                "those, and commit:{tried, accepted, refused:{code:count}, silent} tells what they "
                "said. This node does not\n"
                "ask itself. A node may get the command twice when packets are lost.",
     .params = query_params,
     .handler = method_query},
    {.name = "registername",
     .access = RPC_ACCESS_FULL,
     .summary = "binds a name to a public key, as an authority",
     .details = "`registername bob PUBKEY wabi`: whoever knows wabi's key can then use bob@wabi. "
                "Signed by the authority's\n"
                "key, which must be on this daemon, and renewed at half of its life. Answers as "
                "dhtput, and {name, key}.\n"
                "`registername bob wabi --delete` unbinds.",
     .params = registername_params,
     .handler = method_registername},
    {.name = "reload",
     .access = RPC_ACCESS_FULL,
     .summary = "reads the configuration again",
     .params = no_params,
     .handler = method_reload},
    {.name = "request",
     .access = RPC_ACCESS_FULL,
     .summary = "sends a custom command to one node",
     .details = "Answers {value, from:{id, addr}, rtt_ms}; bytes are value_base64. When the node "
                "answers with an error, that\n"
                "is an error here: 502 with {error:{code, name}, from, rtt_ms}. Codes below 16 are "
                "the network's: 1\n"
                "unknown_command, 2 busy, 3 timeout, 4 failed; the others the program's own.",
     .params = request_params,
     .handler = method_request},
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
     .params = resolvename_params,
     .handler = method_resolvename},
    {.name = "respond",
     .access = RPC_ACCESS_FULL,
     .summary = "answers a request that `handle` brought",
     .details = "Without a value, or with null, it is a reply without one. With error, the "
                "program's own number, it is a refusal.\n"
                "Any connection may answer.",
     .params = respond_params,
     .handler = method_respond},
    {.name = "setlog",
     .access = RPC_ACCESS_FULL,
     .summary = "changes what is logged, until the daemon stops",
     .params = setlog_params,
     .handler = method_setlog},
    {.name = "signmessage",
     .access = RPC_ACCESS_FULL,
     .summary = "signs a text with a local key",
     .details = "What is signed is the text `xord Signed Message:`, a line feed, the message's "
                "length in bytes as a\n"
                "decimal number, a line feed, and the message. The signature is 128 hex digits, "
                "Ed25519 (RFC 8032).",
     .params = signmessage_params,
     .handler = method_signmessage},
    {.name = "stop",
     .access = RPC_ACCESS_FULL,
     .summary = "stops the daemon",
     .params = no_params,
     .handler = method_stop},
    {.name = "unhandle",
     .access = RPC_ACCESS_FULL,
     .summary = "stops handling a custom command",
     .details = "Those that were not answered fail at once.",
     .params = handle_params,
     .handler = method_unhandle},
    {.name = "unlisten",
     .access = RPC_ACCESS_READ,
     .summary = "ends a listen of this connection",
     .params = unlisten_params,
     .handler = method_unlisten},
    {.name = "unmonitor",
     .access = RPC_ACCESS_FULL,
     .summary = "ends what monitor began on this connection",
     .params = unmonitor_params,
     .handler = method_unmonitor},
    {.name = "verifymessage",
     .access = RPC_ACCESS_READ,
     .summary = "checks the signature of a text",
     .details = "Answers true or false. See signmessage.",
     .params = verifymessage_params,
     .handler = method_verifymessage},
    {.name = "waitready",
     .access = RPC_ACCESS_READ,
     .summary = "answers when the node has found the network, with its state",
     .details = "Answers \"online\", or \"alone\" for a first node; the error is offline when no "
                "node answers.",
     .params = waitready_params,
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
