#include "plugin/rolenames.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/session.h"

#define TEXT_MAX ((size_t)1 << 30)

static const struct kg_sql_token none = { KG_SQL_END, "", 0 };

/* ---- in a statement ---- */

/* Behind its last TO or FROM. */
struct kg_sql_token kg_role_grantee(const struct kg_sql_part *s)
{
    const char *at = s->at, *end = s->at + s->n, *behind = NULL;
    struct kg_sql_token t;

    while ((t = kg_sql_next(&at, end)).kind != KG_SQL_END)
        if (kg_sql_is(&t, "TO") || kg_sql_is(&t, "FROM"))
            behind = at;
    if (!behind)
        return none;
    t = kg_sql_next(&behind, end);
    if (kg_sql_is(&t, "GROUP"))
        t = kg_sql_next(&behind, end);
    return t;
}

/* Behind these words anywhere. */
struct kg_sql_token kg_role_behind(const struct kg_sql_part *s, const char *first, const char *second)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token t, before = { 0 };

    for (; (t = kg_sql_next(&at, end)).kind != KG_SQL_END; before = t)
        if (kg_sql_is(&t, second) && kg_sql_is(&before, first))
            return kg_sql_next(&at, end);
    return none;
}

struct kg_sql_token kg_role_altered(const struct kg_sql_part *s)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token alter = kg_sql_next(&at, end), role = kg_sql_next(&at, end);

    return kg_sql_is(&alter, "ALTER") && kg_sql_is(&role, "ROLE") ? kg_sql_next(&at, end) : none;
}

const char *kg_role_list(const char *defn, const char *end)
{
    const char *at = defn;
    struct kg_sql_token t;

    while ((t = kg_sql_next(&at, end)).kind != KG_SQL_END) {
        if (kg_sql_is(&t, "(") || kg_sql_is(&t, "USING") || kg_sql_is(&t, "WITH"))
            return NULL;
        if (kg_sql_is(&t, "TO"))
            return at;
    }
    return NULL;
}

/* ---- in an entry ---- */

bool kg_role_has_owner(const struct kg_toc_entry *e)
{
    static const char *const owned[] = {
        "AGGREGATE", "BLOB", "BLOB METADATA", "COLLATION", "CONVERSION", "DATABASE", "DOMAIN", "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER", "FOREIGN TABLE", "FUNCTION", "MATERIALIZED VIEW", "OPERATOR", "OPERATOR CLASS",
        "OPERATOR FAMILY", "PROCEDURAL LANGUAGE", "PROCEDURE", "PUBLICATION", "SCHEMA", "SEQUENCE", "SERVER", "STATISTICS",
        "SUBSCRIPTION", "TABLE", "TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TYPE", "VIEW",
    };

    for (size_t i = 0; i < KG_ARRAY_LEN(owned); i++)
        if (strcmp(e->desc, owned[i]) == 0)
            return true;
    return false;
}

bool kg_role_is_privilege(const struct kg_toc_entry *e)
{
    return strncmp(e->desc, "ACL", 3) == 0 || strcmp(e->desc, "DEFAULT ACL") == 0;
}

static void tell(kg_role_see see, void *ctx, struct kg_sql_token t)
{
    if (t.kind == KG_SQL_WORD || t.kind == KG_SQL_NAME)
        see(ctx, &t);
}

static void see_policy(const struct kg_toc_entry *e, kg_role_see see, void *ctx)
{
    const char *end = e->defn + strlen(e->defn), *at = kg_role_list(e->defn, end);
    struct kg_sql_token comma;

    if (!at)
        return;
    do {
        tell(see, ctx, kg_sql_next(&at, end));
        comma = kg_sql_next(&at, end);
    } while (kg_sql_is(&comma, ","));
}

/* A statement of privileges names either whom it is run as, or whom it gives to; a default also whose objects it is about,
 * which stands first. */
static void see_statement(const struct kg_toc_entry *e, const struct kg_sql_part *s, kg_role_see see, void *ctx)
{
    const char *at = s->at;
    struct kg_sql_token first = kg_sql_next(&at, s->at + s->n);

    if (strcmp(e->desc, "DATABASE PROPERTIES") == 0) {
        tell(see, ctx, kg_role_altered(s));
    } else if (strcmp(e->desc, "USER MAPPING") == 0) {
        tell(see, ctx, kg_role_behind(s, "MAPPING", "FOR"));
    } else if (kg_sql_is(&first, "SET")) {
        tell(see, ctx, kg_role_behind(s, "SESSION", "AUTHORIZATION"));
    } else if (kg_sql_is(&first, "GRANT") || kg_sql_is(&first, "REVOKE") || kg_sql_is(&first, "ALTER")) {
        tell(see, ctx, kg_role_behind(s, "FOR", "ROLE"));
        tell(see, ctx, kg_role_grantee(s));
    }
}

void kg_role_names(const struct kg_toc_entry *e, kg_role_see see, void *ctx)
{
    const char *at = e->defn ? e->defn : "", *end = at + strlen(at);
    struct kg_sql_part s;

    if (strcmp(e->desc, "POLICY") == 0 && *at)
        see_policy(e, see, ctx);
    if (!kg_role_is_privilege(e) && strcmp(e->desc, "DATABASE PROPERTIES") != 0 && strcmp(e->desc, "USER MAPPING") != 0)
        return;
    while (kg_sql_statement(&at, end, &s))
        see_statement(e, &s, see, ctx);
}

/* ---- renaming ---- */

struct rename {
    const char *(*with)(void *ctx, const char *role);
    void *ctx;
    const char *copied;                  /* up to here the text is in out */
    struct kg_buf out;
    bool changed;
};

static void rename_one(void *ctx, const struct kg_sql_token *t)
{
    struct rename *r = ctx;
    KG_AUTO_FREE char *name = kg_sql_name(t), *quoted = NULL;
    const char *with = r->with(r->ctx, name);

    /* PUBLIC without quotes is nobody's name. */
    if (!with || (t->kind == KG_SQL_WORD && (strcmp(name, "PUBLIC") == 0 || strcmp(name, "public") == 0)))
        return;
    quoted = kg_quote_ident(with);
    kg_buf_add(&r->out, r->copied, (size_t)(t->at - r->copied));
    kg_buf_adds(&r->out, quoted);
    r->copied = t->at + t->n;
    r->changed = true;
}

char *kg_role_rename(const struct kg_toc_entry *e, const char *(*with)(void *ctx, const char *role), void *ctx)
{
    struct rename r = { .with = with, .ctx = ctx, .copied = e->defn, .out = KG_BUF_INIT(TEXT_MAX) };

    kg_role_names(e, rename_one, &r);
    if (!r.changed || r.out.overflow) {
        kg_buf_done(&r.out);
        return NULL;
    }
    kg_buf_adds(&r.out, r.copied);
    return kg_buf_take(&r.out);
}
