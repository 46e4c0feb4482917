#include "identity/audit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
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
    if (r->count > 1)
        kg_json_set_u64(j, "count", r->count);
    if (*r->details)
        kg_json_set_str(j, "details", r->details);
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
        .activity = text(e->activity), .count = e->count ? e->count : 1, .details = text(e->details ? e->details : ""),
        .previous = last.hash ? last.hash : text(KG_AUDIT_FIRST), .hash = sum,
    };
    hash(&row, sum);
    return kg_catalog_audit_add(c, &row, err);
}

/* ---- refusals ---- */

#define WINDOW (3600 * KG_SECOND)
enum { KINDS_MAX = 4096 }; /* of all principals; with more, the oldest is forgotten after it was recorded */

struct kind {
    struct kg_principal who;
    char method[8], *action, *scope;
    kg_usec since;                   /* monotonic */
    char activity[37];               /* of the last one */
    uint64_t counted;                /* not recorded yet */
};

struct kg_refusals {
    struct kind *kind;               /* oldest first */
    size_t n, cap;
};

struct kg_refusals *kg_refusals_new(void) { return kg_xalloc(sizeof(struct kg_refusals)); }

static void kind_done(struct kind *k)
{
    free(k->action);
    free(k->scope);
}

void kg_refusals_free(struct kg_refusals *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        kind_done(&r->kind[i]);
    free(r->kind);
    free(r);
}

static int record(struct kind *k, struct kg_catalog *c, struct kg_err *err)
{
    struct kg_audit_entry e = { .who = &k->who, .method = k->method, .action = k->action, .scope = k->scope, .status = 403,
                                .activity = k->activity, .count = k->counted };

    if (!k->counted)
        return 0;
    if (kg_audit_add(c, &e, err) < 0)
        return -(int)err->code;
    k->counted = 0;
    return 0;
}

int kg_refusals_flush(struct kg_refusals *r, struct kg_catalog *c, struct kg_err *err)
{
    for (size_t i = 0; i < r->n; i++)
        if (record(&r->kind[i], c, err) < 0)
            return -(int)err->code;
    return 0;
}

/* Records and forgets those whose hour is over, or the oldest when there are too many. */
static int make_room(struct kg_refusals *r, struct kg_catalog *c, kg_usec now, struct kg_err *err)
{
    size_t gone = 0;

    while (gone < r->n && (r->kind[gone].since + WINDOW <= now || r->n - gone >= KINDS_MAX)) {
        if (record(&r->kind[gone], c, err) < 0)
            break;
        kind_done(&r->kind[gone++]);
    }
    r->n -= gone;
    if (gone && r->n)
        memmove(r->kind, r->kind + gone, r->n * sizeof *r->kind);
    return err->code ? -(int)err->code : 0;
}

static struct kind *find(struct kg_refusals *r, const struct kg_audit_entry *e, size_t *ret_kinds)
{
    size_t kinds = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct kind *k = &r->kind[i];

        if (strcmp(k->who.id, e->who->id) != 0)
            continue;
        kinds++;
        if (strcmp(k->method, e->method) == 0 && strcmp(k->action, e->action) == 0 && strcmp(k->scope, e->scope) == 0)
            return k;
    }
    if (ret_kinds)
        *ret_kinds = kinds;
    return NULL;
}

int kg_refusals_add(struct kg_refusals *r, struct kg_catalog *c, const struct kg_audit_entry *e, struct kg_err *err)
{
    struct kg_audit_entry any = *e;
    kg_usec now = kg_now_mono();
    size_t kinds = 0;
    struct kind *k;

    if (make_room(r, c, now, err) < 0)
        return -(int)err->code;
    k = find(r, e, &kinds);
    if (!k && kinds >= KG_REFUSALS_KINDS) {
        any.action = any.scope = any.method = "*";
        k = find(r, &any, NULL);
    }
    if (k) {
        kg_text_copy(k->activity, sizeof k->activity, e->activity);
        k->counted++;
        return 0;
    }
    if (kg_audit_add(c, &any, err) < 0)
        return -(int)err->code;
    KG_GROW(r->kind, r->n, r->cap);
    k = &r->kind[r->n++];
    *k = (struct kind){ .who = *e->who, .action = kg_xstrdup(any.action), .scope = kg_xstrdup(any.scope), .since = now };
    kg_text_copy(k->method, sizeof k->method, any.method);
    return 0;
}
