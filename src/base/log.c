#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"

static struct {
    const char *role;
    enum kg_log_level least;
    int fd;
} logger = { "keepgres", KG_LOG_WARN, 2 };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void kg_log_open(const char *role, enum kg_log_level least, int fd)
{
    logger.role = role;
    logger.least = least;
    logger.fd = fd;
}

KG_PRINTF(2, 0)
static void emit(enum kg_log_level level, const char *fmt, va_list ap)
{
    struct kg_buf b = KG_BUF_INIT(8192);
    char when[32], msg[4096];

    vsnprintf(msg, sizeof msg, fmt, ap);
    kg_buf_addf(&b, "%s level=%s role=%s pid=%d msg=\"", kg_time_iso(kg_now_wall(), when), level_names[level],
                logger.role, (int)getpid());
    for (const char *s = msg; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            kg_buf_addf(&b, "\\x%02x", (unsigned char)*s);
        else if (*s == '"' || *s == '\\')
            kg_buf_addf(&b, "\\%c", *s);
        else
            kg_buf_add(&b, s, 1);
    }
    kg_buf_adds(&b, "\"\n");
    if (write(logger.fd, b.p, b.len) < 0) {
        /* nowhere left to say it */
    }
    kg_buf_done(&b);
}

void kg_log(enum kg_log_level level, const char *fmt, ...)
{
    va_list ap;

    if (level < logger.least)
        return;
    va_start(ap, fmt);
    emit(level, fmt, ap);
    va_end(ap);
}

void kg_log_err(enum kg_log_level level, const struct kg_err *e, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kg_log(level, "%s: %s (%s at %s:%d)", text, e->msg, kg_code_name(e->code), e->file ? e->file : "?", e->line);
}
