#include "identity/audit.h"

#include <stdint.h>
#include <string.h>

#include "crypto/sha256.h"
#include "model/audit.h"

struct kg_json *kg_audit_json(const struct kg_audit_row *r)
{
    struct kg_json *j = kg_json_object();
    char when[32];

    kg_json_set_u64(j, "seq", r->seq);
    kg_json_set_str(j, "time", kg_time_iso(r->time, when));
    kg_json_set_str(j, "principalId", r->principal);
    kg_json_set_str(j, "principalName", r->principal_name);
    kg_json_set_u64(j, "uid", (uint64_t)r->uid);
    kg_json_set_str(j, "method", r->method);
    kg_json_set_str(j, "action", r->action);
    kg_json_set_str(j, "scope", r->scope);
    kg_json_set_u64(j, "status", (uint64_t)r->status);
    kg_json_set_str(j, "activityId", r->activity);
    kg_json_set_str(j, "previousHash", r->previous);
    kg_json_set_str(j, "hash", r->hash);
    return j;
}

static void hash(const struct kg_audit_row *r, char ret[65])
{
    KG_AUTO_JSON struct kg_json *record = kg_audit_json(r);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(64 << 10);
    struct kg_sha256 *sum = kg_sha256_new();

    kg_audit_text(record, &text);
    kg_sha256_add(sum, text.p, text.len);
    kg_sha256_end(sum, ret);
    kg_sha256_free(sum);
}

static char *text(const char *s) { return (char *)(uintptr_t)s; }

int kg_audit_add(struct kg_catalog *c, const struct kg_audit_entry *e, struct kg_err *err)
{
    KG_AUTO_AUDIT_ROW struct kg_audit_row last = { 0 };
    char sum[65] = "";
    struct kg_audit_row row;

    if (kg_catalog_audit_last(c, &last, err) < 0)
        return -(int)err->code;
    row = (struct kg_audit_row){
        .seq = last.seq + 1, .time = kg_now_wall(), .principal = text(e->who->id), .principal_name = text(e->who->name),
        .uid = e->who->uid, .method = text(e->method), .action = text(e->action), .scope = text(e->scope), .status = e->status,
        .activity = text(e->activity), .previous = last.hash ? last.hash : text(KG_AUDIT_FIRST), .hash = sum,
    };
    hash(&row, sum);
    return kg_catalog_audit_add(c, &row, err);
}
