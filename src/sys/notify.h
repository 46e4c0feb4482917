/* sys/notify.h - tells systemd how the service is doing (sd_notify's protocol, without the library). Everything here
 * does nothing when the service was not started by systemd, and cannot fail in a way that matters to the caller. */
#ifndef KG_SYS_NOTIFY_H
#define KG_SYS_NOTIFY_H

#include <stdbool.h>
#include "base/time.h"
#include "keepgres/err.h"

/* Sends newline-separated assignments to $NOTIFY_SOCKET; true when they were sent. */
bool kg_notify_send(const char *socket_path, const char *assignments);

bool kg_notify_ready(void);                            /* READY=1 with MAINPID */
bool kg_notify_stopping(void);                         /* STOPPING=1 */
bool kg_notify_status(const char *fmt, ...) KG_PRINTF(1, 2); /* one line for "systemctl status" */
bool kg_notify_alive(void);                            /* WATCHDOG=1 */

/* How often to call kg_notify_alive(): half of $WATCHDOG_USEC; 0 when there is no watchdog for this process. */
kg_usec kg_notify_watchdog(void);

#endif
