#include "sys/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"

bool kg_notify_send(const char *path, const char *assignments)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    KG_AUTO_CLOSE int fd = -1;
    size_t n = path ? strlen(path) : 0;

    if (n < 2 || n >= sizeof a.sun_path || (*path != '/' && *path != '@'))
        return false;
    memcpy(a.sun_path, path, n);
    if (*path == '@')
        a.sun_path[0] = '\0'; /* the abstract namespace */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL, (const struct sockaddr *)&a,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) >= 0;
}

static bool send_fmt(const char *fmt, ...) KG_PRINTF(1, 2);
static bool send_fmt(const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return kg_notify_send(getenv("NOTIFY_SOCKET"), text);
}

bool kg_notify_ready(void) { return send_fmt("READY=1\nMAINPID=%d", (int)getpid()); }
bool kg_notify_stopping(void) { return send_fmt("STOPPING=1"); }
bool kg_notify_alive(void) { return send_fmt("WATCHDOG=1"); }

bool kg_notify_status(const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *s = text; *s; s++)
        if (*s == '\n')
            *s = ' '; /* a line break would begin another assignment */
    return send_fmt("STATUS=%s", text);
}

kg_usec kg_notify_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    struct kg_err err = { 0 };
    uint64_t v, p;

    if (!usec || kg_parse_range(usec, 1, INT64_MAX, &v, &err) < 0)
        return 0;
    if (pid && (kg_parse_u64(pid, &p, &err) < 0 || p != (uint64_t)getpid()))
        return 0;
    return (kg_usec)(v / 2);
}
