/* A query (the first line) over a document (the rest, or one of ours): it ends, and what comes out is JSON that a second
 * search leaves as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "json/jmespath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char ours[] = "{\"a\":[{\"b\":1,\"c\":\"x\"},{\"b\":2,\"c\":\"y\",\"d\":[[1],[2,[3]]]}],\"n\":[3,1,2],\"s\":\"\xC3\xA9x\","
                           "\"o\":{\"p\":null,\"q\":true,\"r\":{}}}";

static void same_again(const struct kg_json *result)
{
    KG_AUTO_JMESPATH struct kg_jmespath *q = NULL;
    KG_AUTO_JSON struct kg_json *again = NULL;
    KG_AUTO_BUF struct kg_buf a = KG_BUF_INIT((size_t)1 << 30), b = KG_BUF_INIT((size_t)1 << 30);
    struct kg_err err = { 0 };

    KG_ASSERT(kg_jmespath_compile("@", &q, &err) == 0 && kg_jmespath_search(q, result, &again, &err) == 0);
    kg_json_print(result, false, &a);
    kg_json_print(again, false, &b);
    KG_ASSERT(strcmp(a.p, b.p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    KG_AUTO_FREE char *text = kg_xstrndup((const char *)data, length);
    KG_AUTO_JMESPATH struct kg_jmespath *q = NULL;
    KG_AUTO_JSON struct kg_json *doc = NULL, *result = NULL;
    struct kg_err err = { 0 }, bad = { 0 };

    if (kg_jmespath_compile(text, &q, &err) < 0) {
        KG_ASSERT((err.code == KG_E_USAGE || err.code == KG_E_LIMIT) && err.msg[0]);
        return 0;
    }
    if (!end || kg_json_parse((const char *)end + 1, size - length - 1, &doc, &bad) < 0) {
        bad = (struct kg_err){ 0 };
        KG_ASSERT(kg_json_parse(ours, sizeof ours - 1, &doc, &bad) == 0);
    }
    if (kg_jmespath_search(q, doc, &result, &err) == 0)
        same_again(result);
    else
        KG_ASSERT((err.code == KG_E_USAGE || err.code == KG_E_LIMIT) && err.msg[0] && !result);
    return 0;
}
