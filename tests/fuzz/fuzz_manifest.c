/* A manifest's text, and the streams it describes. */
#include <stdlib.h>

#include "base/buf.h"
#include "vault/stream.h"
#include "vault/vault_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int visit(void *ctx, const char *what, const struct kg_json *j, struct kg_err *err)
{
    struct kg_err own = { 0 };
    struct kg_stream s;

    (void)ctx, (void)err;
    if (!what[0])
        return 0;
    if (kg_stream_from_json(j, &s, &own) == 0) {
        KG_AUTO_JSON struct kg_json *again = kg_stream_to_json(&s);
        struct kg_stream t;

        if (kg_stream_from_json(again, &t, &own) < 0 || s.bytes != t.bytes || s.n_ids != t.n_ids ||
            memcmp(s.ids, t.ids, sizeof s.ids) != 0)
            abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    kg_buf_add(&text, data, n);
    if (text.overflow)
        return 0;
    if (kg_manifest_read(text.p, text.len, "00112233-4455-6677-8899-aabbccddeeff", "inst", "p1", &j, &err) == 0)
        if (kg_manifest_streams(j, visit, NULL, &err) < 0)
            abort(); /* the visitor never fails */
    return 0;
}
