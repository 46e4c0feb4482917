#include "model/audit.h"

#include <inttypes.h>

#include "base/alloc.h"

static void add_lines(const struct kg_json *record, const char *const *keys, size_t n, struct kg_buf *b)
{
    for (size_t i = 0; i < n; i++) {
        const struct kg_json *v = kg_json_get(record, keys[i]);

        if (kg_json_type(v) == KG_JSON_STRING)
            kg_buf_adds(b, kg_json_value_str(v));
        else if (kg_json_type(v) == KG_JSON_NUMBER)
            kg_buf_addf(b, "%" PRIu64, kg_json_u64(record, keys[i], 0));
        kg_buf_adds(b, "\n");
    }
}

void kg_audit_text(const struct kg_json *record, struct kg_buf *b)
{
    static const char *const keys[] = { "previousHash", "seq", "time", "principalId", "principalName", "uid",
                                        "method", "action", "scope", "status", "activityId" };
    static const char *const more[] = { "count", "details" };

    add_lines(record, keys, KG_ARRAY_LEN(keys), b);
    if (kg_json_get(record, "count") || kg_json_get(record, "details"))
        add_lines(record, more, KG_ARRAY_LEN(more), b);
}
