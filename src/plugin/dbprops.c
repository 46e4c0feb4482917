#include "plugin/dbprops.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plugin/sqltext.h"

enum { WARNINGS_MAX = 20, TEXT_MAX = 300 };

/* ---- reading ---- */

/* What pg_dump writes of a database. "*" stands for anything, also for nothing; then comes DATABASE and the name. */
static const struct { const char *words[4]; bool last; } kinds[] = {
    { { "GRANT", "*" }, false },
    { { "REVOKE", "*" }, false },
    { { "ALTER", "ROLE", "*" }, false },
    { { "SECURITY", "LABEL", "*" }, false },
    { { "COMMENT", "ON" }, true },
    { { "ALTER" }, false },
};

static bool is_session_statement(const struct kg_sql_part *s)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token a = kg_sql_next(&at, end), b = kg_sql_next(&at, end), c = kg_sql_next(&at, end);

    return (kg_sql_is(&a, "SET") || kg_sql_is(&a, "RESET")) && kg_sql_is(&b, "SESSION") && kg_sql_is(&c, "AUTHORIZATION");
}

/* Finds the name behind DATABASE when the statement begins as the kind does; the token is *ret. */
static bool find_name(const struct kg_sql_part *s, const char *const *words, struct kg_sql_token *ret)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token t = kg_sql_next(&at, end);

    for (; *words && strcmp(*words, "*") != 0; words++, t = kg_sql_next(&at, end))
        if (!kg_sql_is(&t, *words))
            return false;
    if (*words)
        while (t.kind != KG_SQL_END && !kg_sql_is(&t, "DATABASE"))
            t = kg_sql_next(&at, end);
    if (!kg_sql_is(&t, "DATABASE"))
        return false;
    *ret = kg_sql_next(&at, end);
    return true;
}

/* "ALTER DATABASE x IS_TEMPLATE = true": such a one could not be dropped any more. */
static bool makes_template(const struct kg_sql_part *s)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token t;

    while ((t = kg_sql_next(&at, end)).kind != KG_SQL_END)
        if (kg_sql_is(&t, "IS_TEMPLATE"))
            return true;
    return false;
}

static void add(struct kg_dbprops *p, const struct kg_sql_part *s, char *sql, bool last)
{
    KG_GROW(p->prop, p->n_props, p->cap);
    p->prop[p->n_props++] = (struct kg_dbprop){ sql, kg_xstrndup(s->at, s->n), last };
}

/* Only the source's own name is replaced, and only where the kind of statement has it. */
static void add_statement(struct kg_dbprops *p, const struct kg_sql_part *s, const char *source, const char *name)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name);
    struct kg_sql_token t;

    if (is_session_statement(s)) {
        add(p, s, kg_xstrndup(s->at, s->n), false);
        return;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(kinds); i++) {
        if (!find_name(s, kinds[i].words, &t))
            continue;
        KG_AUTO_FREE char *is = kg_sql_name(&t);
        const char *behind = t.at + t.n;

        if (!is || strcmp(is, source) != 0)
            break;
        add(p, s, kg_xprintf("%.*s%s%.*s", (int)(t.at - s->at), s->at, quoted, (int)(s->at + s->n - behind), behind),
            kinds[i].last || makes_template(s));
        return;
    }
    add(p, s, NULL, false);
}

/* "CREATE DATABASE x … TABLESPACE = t" */
static char *find_tablespace(const char *defn)
{
    const char *at = defn, *end = at + strlen(at);
    struct kg_sql_token t, before[2] = { 0 };

    while ((t = kg_sql_next(&at, end)).kind != KG_SQL_END) {
        if (kg_sql_is(&before[0], "TABLESPACE") && kg_sql_is(&before[1], "="))
            return kg_sql_name(&t);
        before[0] = before[1];
        before[1] = t;
    }
    return NULL;
}

void kg_dbprops_read(const struct kg_archive *a, const bool *keep, const char *name, struct kg_dbprops *ret)
{
    const char *source = a->dbname ? a->dbname : "";

    *ret = (struct kg_dbprops){ 0 };
    for (size_t i = 0; i < a->n_entries; i++)
        if (keep[i] && strcmp(a->entry[i].desc, "DATABASE") == 0 && a->entry[i].tag)
            source = a->entry[i].tag;
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        const char *at = e->defn ? e->defn : "", *end = at + strlen(at);
        struct kg_sql_part s;

        if (!keep[i] || e->step != KG_STEP_DATABASE)
            continue;
        if (strcmp(e->desc, "DATABASE") == 0) {
            ret->owner = e->owner && *e->owner ? e->owner : NULL;
            free(ret->tablespace);
            ret->tablespace = find_tablespace(at);
            continue;
        }
        while (kg_sql_statement(&at, end, &s))
            add_statement(ret, &s, source, name);
    }
}

void kg_dbprops_done(struct kg_dbprops *p)
{
    for (size_t i = 0; i < p->n_props; i++) {
        free(p->prop[i].sql);
        free(p->prop[i].original);
    }
    free(p->prop);
    free(p->tablespace);
    *p = (struct kg_dbprops){ 0 };
}

/* ---- applying ---- */

static bool is_fatal(const struct kg_err *e) { return e->code == KG_E_DB_CLOSED || e->code == KG_E_CANCELLED; }

static void warn(const char *what, struct kg_err *e, const struct kg_events *ev)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(8 * TEXT_MAX);
    KG_AUTO_FREE char *head = kg_xstrndup(what, strlen(what) > TEXT_MAX ? TEXT_MAX : strlen(what));

    kg_text_add_printable(&b, head);
    if (e->code == KG_E_OK)
        kg_err_set(e, KG_E_RESTORE_FAILED, "it is of a kind that is not known");
    kg_err_wrap(e, "a property of the database is not restored: %s", b.p);
    kg_err_advise(e, "Run the statement yourself on the restored database, with its name.");
    kg_events_warn(ev, e);
}

static void warn_more(size_t n, const struct kg_events *ev)
{
    struct kg_err w = { 0 };

    if (n <= WARNINGS_MAX)
        return;
    kg_err_set(&w, KG_E_RESTORE_FAILED, "and %zu more properties of the database are not restored", n - WARNINGS_MAX);
    kg_err_advise(&w, "Compare the database's settings and privileges with the source's.");
    kg_events_warn(ev, &w);
}

static int set_owner(const struct kg_dbprops *p, struct kg_session *s, const char *name, const struct kg_events *ev,
                     struct kg_err *err)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name), *owner = NULL, *sql = NULL;
    struct kg_err e = { 0 };

    if (!p->owner)
        return 0;
    owner = kg_quote_ident(p->owner);
    sql = kg_xprintf("ALTER DATABASE %s OWNER TO %s", quoted, owner);
    if (kg_session_run(s, sql, &e) == 0)
        return 0;
    if (is_fatal(&e)) {
        *err = e;
        return -(int)err->code;
    }
    warn(sql, &e, ev);
    return 0;
}

/* A statement that failed to become somebody takes those along that were to be run as that one. */
static int apply_statements(const struct kg_dbprops *p, struct kg_session *s, const struct kg_events *ev, struct kg_err *err)
{
    bool blocked = false;
    size_t refused = 0;

    for (size_t i = 0; i < p->n_props; i++) {
        const struct kg_dbprop *d = &p->prop[i];
        bool set = strncmp(d->original, "SET", 3) == 0, reset = strncmp(d->original, "RESET", 5) == 0;
        struct kg_err e = { 0 };

        if (d->last)
            continue;
        if (reset && blocked) {
            blocked = false;
            continue;
        }
        if (d->sql && !blocked && kg_session_run(s, d->sql, &e) == 0)
            continue;
        if (is_fatal(&e)) {
            *err = e;
            return -(int)err->code;
        }
        blocked |= set;
        if (e.code == KG_E_OK && blocked)
            kg_err_set(&e, KG_E_DB_PRIVILEGE, "the role that granted it cannot be had");
        if (refused++ < WARNINGS_MAX)
            warn(d->original, &e, ev);
    }
    warn_more(refused, ev);
    return 0;
}

int kg_dbprops_apply(const struct kg_dbprops *p, struct kg_session *s, const char *name, const struct kg_events *ev,
                     struct kg_err *err)
{
    if (set_owner(p, s, name, ev, err) < 0 || apply_statements(p, s, ev, err) < 0)
        return -(int)err->code;
    return kg_session_run(s, "RESET SESSION AUTHORIZATION", err);
}

int kg_dbprops_apply_last(const struct kg_dbprops *p, struct kg_session *s, const struct kg_events *ev, struct kg_err *err)
{
    for (size_t i = 0; i < p->n_props; i++) {
        const struct kg_dbprop *d = &p->prop[i];
        struct kg_err e = { 0 };

        if (!d->last)
            continue;
        if (kg_session_run(s, "SAVEPOINT keepgres_property", err) < 0)
            return -(int)err->code;
        if (kg_session_run(s, d->sql, &e) == 0) {
            if (kg_session_run(s, "RELEASE SAVEPOINT keepgres_property", err) < 0)
                return -(int)err->code;
            continue;
        }
        if (is_fatal(&e)) {
            *err = e;
            return -(int)err->code;
        }
        warn(d->original, &e, ev);
        if (kg_session_run(s, "ROLLBACK TO SAVEPOINT keepgres_property", err) < 0)
            return -(int)err->code;
    }
    return 0;
}
