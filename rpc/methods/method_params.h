/* The parameters of the methods, for the one table in method_table.c: lists in the order in which
 * they are given by position, ended by a row without a name. */
#ifndef XORD_RPC_METHOD_PARAMS_H
#define XORD_RPC_METHOD_PARAMS_H

#include "rpc/method.h"

extern const struct param no_params[];
extern const struct param command_params[];
extern const struct param dhtget_params[];
extern const struct param listen_params[];
extern const struct param unlisten_params[];
extern const struct param dhtput_params[];
extern const struct param dhtsign_params[];
extern const struct param dhtputraw_params[];
extern const struct param hexdata_params[];
extern const struct param putimmutable_params[];
extern const struct param target_params[];
extern const struct param lookup_params[];
extern const struct param announce_params[];
extern const struct param info_hash_params[];
extern const struct param addr_params[];
extern const struct param listnodes_params[];
extern const struct param monitor_params[];
extern const struct param unmonitor_params[];
extern const struct param page_params[];
extern const struct param listputs_params[];
extern const struct param new_name_params[];
extern const struct param name_params[];
extern const struct param importkey_params[];
extern const struct param username_params[];
extern const struct param addcontact_params[];
extern const struct param registername_params[];
extern const struct param resolvename_params[];
extern const struct param handle_params[];
extern const struct param respond_params[];
extern const struct param query_params[];
extern const struct param request_params[];
extern const struct param signmessage_params[];
extern const struct param verifymessage_params[];
extern const struct param waitready_params[];
extern const struct param check_params[];
extern const struct param getconfig_params[];
extern const struct param setlog_params[];

#endif
