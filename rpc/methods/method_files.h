/* The handlers of each method file, for the one table in method_table.c. */
#ifndef XORD_RPC_METHOD_FILES_H
#define XORD_RPC_METHOD_FILES_H

#include "rpc/method.h"

/* method_admin.c */
struct rpc_result method_help(struct rpc_call *call);
struct rpc_result method_getinfo(struct rpc_call *call);
struct rpc_result method_getmetrics(struct rpc_call *call);
struct rpc_result method_waitready(struct rpc_call *call);
struct rpc_result method_check(struct rpc_call *call);
struct rpc_result method_getconfig(struct rpc_call *call);
struct rpc_result method_setlog(struct rpc_call *call);
struct rpc_result method_reload(struct rpc_call *call);
struct rpc_result method_stop(struct rpc_call *call);

/* method_get.c */
struct rpc_result method_dhtget(struct rpc_call *call);
struct rpc_result method_getimmutable(struct rpc_call *call);

/* method_put.c */
struct rpc_result method_dhtput(struct rpc_call *call);
struct rpc_result method_dhtputraw(struct rpc_call *call);
struct rpc_result method_putimmutable(struct rpc_call *call);
struct rpc_result method_dhtsign(struct rpc_call *call);
struct rpc_result method_dhtverify(struct rpc_call *call);

/* method_store.c */
struct rpc_result method_liststored(struct rpc_call *call);
struct rpc_result method_listputs(struct rpc_call *call);
struct rpc_result method_dropput(struct rpc_call *call);

/* method_net.c */
struct rpc_result method_lookup(struct rpc_call *call);
struct rpc_result method_announce(struct rpc_call *call);
struct rpc_result method_peers(struct rpc_call *call);
struct rpc_result method_ping(struct rpc_call *call);
struct rpc_result method_addnode(struct rpc_call *call);
struct rpc_result method_listnodes(struct rpc_call *call);

/* method_monitor.c */
struct rpc_result method_monitor(struct rpc_call *call);
struct rpc_result method_unmonitor(struct rpc_call *call);
/* method_handle.c */
struct rpc_result method_handle(struct rpc_call *call);
struct rpc_result method_unhandle(struct rpc_call *call);
struct rpc_result method_respond(struct rpc_call *call);

/* method_query.c */
struct rpc_result method_query(struct rpc_call *call);
struct rpc_result method_request(struct rpc_call *call);

/* method_names.c */
struct rpc_result method_registername(struct rpc_call *call);
struct rpc_result method_resolvename(struct rpc_call *call);

/* method_keys.c */
struct rpc_result method_createkey(struct rpc_call *call);
struct rpc_result method_importkey(struct rpc_call *call);
struct rpc_result method_exportkey(struct rpc_call *call);
struct rpc_result method_listkeys(struct rpc_call *call);
struct rpc_result method_dropkey(struct rpc_call *call);
struct rpc_result method_pubkey(struct rpc_call *call);
struct rpc_result method_addcontact(struct rpc_call *call);
struct rpc_result method_listcontacts(struct rpc_call *call);
struct rpc_result method_dropcontact(struct rpc_call *call);
struct rpc_result method_signmessage(struct rpc_call *call);
struct rpc_result method_verifymessage(struct rpc_call *call);

/* method_listen.c */
struct rpc_result method_listen(struct rpc_call *call);
struct rpc_result method_unlisten(struct rpc_call *call);

#endif
