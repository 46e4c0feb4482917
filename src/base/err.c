#include "keepgres/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static const struct {
    enum kg_code code;
    const char *name;
    int http, exitc;
    const char *arm;
    const char *action;
} code_table[] = {
#define KG_E(name, num, http, exitc, arm, action) { KG_E_##name, #name, http, exitc, arm, action },
#include "keepgres/err_codes.def"
#undef KG_E
};

#define N_CODES (sizeof(code_table) / sizeof(code_table[0]))

static size_t code_index(enum kg_code code)
{
    for (size_t i = 0; i < N_CODES; i++)
        if (code_table[i].code == code)
            return i;
    return 1; /* BUG */
}

const char *kg_code_name(enum kg_code code) { return code_table[code_index(code)].name; }
int kg_code_http(enum kg_code code) { return code_table[code_index(code)].http; }
int kg_code_exit(enum kg_code code) { return code_table[code_index(code)].exitc; }
const char *kg_code_arm(enum kg_code code) { return code_table[code_index(code)].arm; }
const char *kg_code_action(enum kg_code code) { return code_table[code_index(code)].action; }
enum kg_code kg_code_at(unsigned i) { return i < N_CODES ? code_table[i].code : KG_E_OK; }

enum kg_code kg_code_from_arm(const char *arm)
{
    for (size_t i = 0; i < N_CODES; i++)
        if (strcmp(code_table[i].arm, arm) == 0)
            return code_table[i].code;
    return KG_E_BUG;
}

enum kg_code kg_code_of_errno(int eno)
{
    return eno == ENOSPC || eno == EDQUOT ? KG_E_DISK_FULL : KG_E_IO;
}

/* Cuts a text that vsnprintf may have cut in the middle of a UTF-8 character back to whole characters. */
static void whole_characters(char *s)
{
    size_t n = strlen(s), back = 0;

    while (back < 4 && back < n && ((unsigned char)s[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < n) {
        unsigned char lead = (unsigned char)s[n - 1 - back];
        size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;

        if (back < need)
            s[n - 1 - back] = '\0';
    }
}

/* Appends s to the NUL-terminated dst, cutting it short rather than overrunning. */
static void append(char *dst, size_t size, const char *s)
{
    size_t used = strlen(dst), n = strlen(s), room = size - 1 - used;

    if (n > room)
        n = room;
    memcpy(dst + used, s, n);
    dst[used + n] = '\0';
    whole_characters(dst);
}

int kg_err_set_at(struct kg_err *err, enum kg_code code, int sys, const char *file, int line,
                  const char *fmt, ...)
{
    va_list ap;

    KG_ASSERT(err->code == KG_E_OK);
    KG_ASSERT(code != KG_E_OK);
    err->code = code;
    err->sys = sys;
    err->file = file;
    err->line = line;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    whole_characters(err->msg);
    if (sys) {
        char text[128];
        append(err->msg, sizeof err->msg, ": ");
        append(err->msg, sizeof err->msg, strerror_r(sys, text, sizeof text));
    }
    snprintf(err->action, sizeof err->action, "%s", code_table[code_index(code)].action);
    return -(int)code;
}

int kg_err_wrap(struct kg_err *err, const char *fmt, ...)
{
    char was[sizeof err->msg];
    va_list ap;

    KG_ASSERT(err->code != KG_E_OK);
    memcpy(was, err->msg, sizeof was);
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    whole_characters(err->msg);
    append(err->msg, sizeof err->msg, ": ");
    append(err->msg, sizeof err->msg, was);
    return -(int)err->code;
}

void kg_err_advise(struct kg_err *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->action, sizeof err->action, fmt, ap);
    va_end(ap);
    whole_characters(err->action);
}
