/* Help, written from the method table: the same text from the daemon and from a client without one.
 */
#ifndef XORD_RPC_HELP_H
#define XORD_RPC_HELP_H

/* `command` NULL: one line a method. Else that method's page. The text ends without a line feed and
 * is to be freed by the caller; NULL when there is no such method, or no memory. */
char *help_text(const char *command);

#endif
