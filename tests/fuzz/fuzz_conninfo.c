/* Connection strings: anything may stand in a secret. What is accepted has a sane shape, and no message repeats a long piece
 * of the input that is not the name of a key. */
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
    return 0;
}
