/* Binds the parameters of a call to its method's row: by position or by name, each checked against
 * its type. Converts nothing: a number in a string is a string. Owns nothing. */
#ifndef XORD_RPC_PARAMS_H
#define XORD_RPC_PARAMS_H

#include "rpc/method.h"

/* Fills `values` in the order of the row, borrowed from `given` (an array, an object or NULL); NULL
 * where nothing was given. A null counts as nothing given, but for PARAM_JSON, where it is a value.
 * ERR_INVALID_PARAMS with one line in `detail` that names the method and the parameter. */
enum err params_bind(const struct method *method, json_t *given, json_t *values[METHOD_PARAMS_MAX],
                     char detail[RPC_DETAIL_SIZE]);
/* Where `name` stands in the row; -1 when it has no such parameter. */
int params_find(const struct method *method, const char *name);
/* What a parameter of this type takes, as in "an integer from 1 to 5"; returns `out`. */
char *params_describe(const struct param *param, char *out, size_t size);

#endif
