/* Connection strings: anything may stand in a secret. What is accepted has a sane shape, and no message repeats a password that
 * stands before it, in any of the forms. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"
#include "pg/conninfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct kg_conninfo *c)
{
    struct kg_err err = { 0 };
    uint64_t port;

    if (c->port)
        KG_ASSERT(kg_parse_range(c->port, 1, 65535, &port, &err) == 0);
    if (c->host)
        KG_ASSERT(*c->host && !strchr(c->host, ','));
    if (c->sslmode)
        KG_ASSERT(strlen(c->sslmode) <= strlen("verify-full"));
    if (c->password)
        KG_ASSERT(kg_secret_size(c->password) > 0);
}

#define CANARY "Kanarienvogel"

static const char *const heads[] = {
    "Password=" CANARY, "Password=" CANARY ";", "Host=h;Pwd=x;" CANARY ";", "User=u;Password='" CANARY, "User=u;Password='" CANARY "';",
    "host=h user=u password=" CANARY " ", "user=u password=a\\ " CANARY, "postgresql://u:" CANARY "@h/d?", "postgres://u:x" CANARY,
    "postgresql://u@h/d?password=" CANARY "&",
};

/* The same behind something that has a password in it. */
static void check_messages(const char *head, const uint8_t *data, size_t size)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_AUTO_SECRET struct kg_secret *s = kg_secret_new(strlen(head) + size);
    struct kg_err err = { 0 };
    uint8_t *p = kg_secret_open_write(s);

    memcpy(p, head, strlen(head));
    if (size)
        memcpy(p + strlen(head), data, size);
    kg_secret_shut(s);
    if (kg_conninfo_parse(s, &c, &err) == 0)
        check(&c);
    else
        KG_ASSERT(!strstr(err.msg, CANARY) && !strstr(err.action, CANARY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_AUTO_SECRET struct kg_secret *s = NULL;
    struct kg_err err = { 0 };
    static bool started;

    if (!started)
        kg_crypto_start();
    started = true;
    s = kg_secret_new_copy(data, size);
    if (kg_conninfo_parse(s, &c, &err) == 0)
        check(&c);
    else
        KG_ASSERT(err.code == KG_E_SECRET_FORMAT && err.msg[0] && !c.host && !c.password);
    for (size_t i = 0; i < KG_ARRAY_LEN(heads) && !memmem(data, size, CANARY, strlen(CANARY)); i++)
        check_messages(heads[i], data, size);
    return 0;
}
