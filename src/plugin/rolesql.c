#include "plugin/rolesql.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "pg/session.h"
#include "plugin/sqltext.h"

enum { SQL_MAX = 1 << 20, COMMENT_LINE = 400 };

static void add(struct kg_role_script *s, struct kg_role_statement one)
{
    KG_GROW(s->statement, s->n, s->cap);
    s->statement[s->n++] = one;
}

void kg_role_script_done(struct kg_role_script *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->statement[i].sql);
        free(s->statement[i].instead);
    }
    free(s->statement);
    *s = (struct kg_role_script){ 0 };
}

static const char *text_of(const struct kg_json *j, const char *key)
{
    const char *s = kg_json_str(j, key);

    return s && *s ? s : NULL;
}

/* ---- a role ---- */

/* Needs more than CREATEROLE, at least on some servers. */
static const struct { const char *key, *keyword, *what; } attributes[] = {
    { "superuser", "SUPERUSER", "attribute SUPERUSER" },
    { "createRole", "CREATEROLE", "attribute CREATEROLE" },
    { "createDb", "CREATEDB", "attribute CREATEDB" },
    { "replication", "REPLICATION", "attribute REPLICATION" },
    { "bypassRls", "BYPASSRLS", "attribute BYPASSRLS" },
};

static void add_role(struct kg_role_script *s, const struct kg_json *role, const char *name)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name), *until = NULL;
    struct kg_buf b = KG_BUF_INIT(SQL_MAX);
    struct kg_err none = { 0 };          /* -1 is no limit */
    uint64_t limit;

    kg_buf_addf(&b, "CREATE ROLE %s %s %s", quoted, kg_json_bool(role, "inherit", true) ? "INHERIT" : "NOINHERIT",
                kg_json_bool(role, "login", false) ? "LOGIN" : "NOLOGIN");
    if (kg_parse_u64(kg_json_str_or(role, "connectionLimit", ""), &limit, &none) == 0 && limit <= INT32_MAX)
        kg_buf_addf(&b, " CONNECTION LIMIT %llu", (unsigned long long)limit);
    if (text_of(role, "validUntil")) {
        until = kg_quote_literal(text_of(role, "validUntil"));
        kg_buf_addf(&b, " VALID UNTIL %s", until);
    }
    add(s, (struct kg_role_statement){ .role = name, .sql = kg_buf_take(&b), .what = "the role itself", .makes = true });
    for (size_t i = 0; i < KG_ARRAY_LEN(attributes); i++)
        if (kg_json_bool(role, attributes[i].key, false))
            add(s, (struct kg_role_statement){ .role = name, .what = attributes[i].what,
                                               .sql = kg_xprintf("ALTER ROLE %s %s", quoted, attributes[i].keyword) });
    if (text_of(role, "comment")) {
        KG_AUTO_FREE char *comment = kg_quote_literal(text_of(role, "comment"));

        add(s, (struct kg_role_statement){ .role = name, .what = "its comment",
                                           .sql = kg_xprintf("COMMENT ON ROLE %s IS %s", quoted, comment) });
    }
}

/* ---- settings and labels ---- */

/* PostgreSQL's parameters that are lists of names, kept as it would read them: "a b", public. As one text they would mean
 * something else. */
static bool is_list(const char *name)
{
    static const char *const names[] = { "local_preload_libraries", "search_path", "session_preload_libraries",
                                         "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories" };

    return kg_text_index(names, KG_ARRAY_LEN(names), name) >= 0;
}

static bool add_list(struct kg_buf *b, const char *value)
{
    const char *at = value, *end = value + strlen(value);
    struct kg_sql_token t = kg_sql_next(&at, end);

    for (bool first = true; t.kind != KG_SQL_END || first; first = false) {
        KG_AUTO_FREE char *name = kg_sql_name(&t), *quoted = name ? kg_quote_literal(name) : NULL;

        if (!name)
            return false;
        kg_buf_addf(b, "%s%s", first ? "" : ", ", quoted);
        t = kg_sql_next(&at, end);
        if (t.kind == KG_SQL_END)
            return true;
        if (!kg_sql_is(&t, ","))
            return false;
        t = kg_sql_next(&at, end);
    }
    return false;
}

/* "my.text" is two names. */
static char *quote_parameter(const char *name)
{
    const char *dot = strchr(name, '.');
    KG_AUTO_FREE char *first = NULL, *a = NULL, *b = NULL;

    if (!dot)
        return kg_quote_ident(name);
    first = kg_xstrndup(name, (size_t)(dot - name));
    a = kg_quote_ident(first);
    b = kg_quote_ident(dot + 1);
    return kg_xprintf("%s.%s", a, b);
}

static void add_setting(struct kg_role_script *s, const char *role, const char *name, const char *value)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(role), *parameter = quote_parameter(name), *literal = kg_quote_literal(value);
    KG_AUTO_BUF struct kg_buf list = KG_BUF_INIT(SQL_MAX);
    bool names = is_list(name) && add_list(&list, value) && !list.overflow;

    add(s, (struct kg_role_statement){ .role = role, .what = "a setting",
                                       .sql = kg_xprintf("ALTER ROLE %s SET %s TO %s", quoted, parameter,
                                                         names ? list.p : literal) });
}

static void add_label(struct kg_role_script *s, const char *role, const char *provider, const char *label)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(role), *by = kg_quote_literal(provider), *text = kg_quote_literal(label);

    add(s, (struct kg_role_statement){ .role = role, .what = "a security label",
                                       .sql = kg_xprintf("SECURITY LABEL FOR %s ON ROLE %s IS %s", by, quoted, text) });
}

/* ---- memberships ---- */

struct grant { const struct kg_json *json; const char *group, *member, *grantor; bool done; };
struct grants { struct grant *grant; size_t n; };

/* What the member's role says of inheriting is what a grant says when it says nothing. */
static bool inherits(const struct kg_json *server, const char *member)
{
    for (const struct kg_json *r = kg_json_first(kg_json_get(server, "roles")); r; r = kg_json_next(r))
        if (strcmp(kg_json_str_or(r, "name", ""), member) == 0)
            return kg_json_bool(r, "inherit", true);
    return true;
}

static bool is_bootstrap(const struct kg_json *server, const char *name)
{
    for (const struct kg_json *r = kg_json_first(kg_json_get(server, "roles")); r; r = kg_json_next(r))
        if (strcmp(kg_json_str_or(r, "name", ""), name) == 0)
            return kg_json_bool(r, "bootstrap", false);
    return false;
}

static void add_grant(struct kg_role_script *s, const struct kg_json *server, const struct grant *g, bool by_grantor)
{
    KG_AUTO_FREE char *group = kg_quote_ident(g->group), *member = kg_quote_ident(g->member), *by = NULL, *plain = NULL;
    KG_AUTO_BUF struct kg_buf options = KG_BUF_INIT(256);
    bool inherit = kg_json_bool(g->json, "inherit", inherits(server, g->member));

    if (kg_json_bool(g->json, "admin", false))
        kg_buf_adds(&options, " ADMIN OPTION");
    if (kg_json_get(g->json, "inherit") && inherit != inherits(server, g->member))
        kg_buf_addf(&options, "%s INHERIT %s", options.len ? "," : "", inherit ? "TRUE" : "FALSE");
    if (!kg_json_bool(g->json, "set", true))
        kg_buf_addf(&options, "%s SET FALSE", options.len ? "," : "");
    plain = kg_xprintf("GRANT %s TO %s%s%s", group, member, options.len ? " WITH" : "", options.p);
    if (by_grantor)
        by = kg_quote_ident(g->grantor);
    add(s, (struct kg_role_statement){ .role = g->member, .group = g->group, .what = "a membership",
                                       .sql = by ? kg_xprintf("%s GRANTED BY %s", plain, by) : kg_xstrdup(plain),
                                       .instead = by ? KG_TAKE(plain) : NULL });
}

static bool may_grant(const struct grants *all, const char *grantor, const char *group)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->grant[i].done && strcmp(all->grant[i].member, grantor) == 0 && strcmp(all->grant[i].group, group) == 0 &&
            kg_json_bool(all->grant[i].json, "admin", false))
            return true;
    return false;
}

static void add_memberships(struct kg_role_script *s, const struct kg_json *server, struct grants *all)
{
    bool again = true;

    /* Each behind what lets its grantor give it; what is left then has a grantor who could not, and is given by nobody. */
    while (again) {
        again = false;
        for (size_t i = 0; i < all->n; i++) {
            struct grant *g = &all->grant[i];
            bool own = !g->grantor || is_bootstrap(server, g->grantor);

            if (g->done || (!own && !may_grant(all, g->grantor, g->group)))
                continue;
            add_grant(s, server, g, !own);
            g->done = again = true;
        }
    }
    for (size_t i = 0; i < all->n; i++)
        if (!all->grant[i].done)
            add_grant(s, server, &all->grant[i], false);
}

/* ---- all of it ---- */

void kg_role_script_make(const struct kg_json *server, const struct kg_role_choice *c, struct kg_role_script *ret)
{
    const struct kg_json *grants = kg_json_get(server, "memberships");
    struct grants all = { kg_xalloc_array(kg_json_count(grants), sizeof *all.grant), 0 };

    *ret = (struct kg_role_script){ 0 };
    for (const struct kg_json *r = kg_json_first(kg_json_get(server, "roles")); r; r = kg_json_next(r))
        if (text_of(r, "name") && c->wanted(c->ctx, text_of(r, "name")))
            add_role(ret, r, text_of(r, "name"));
    for (const struct kg_json *r = kg_json_first(kg_json_get(server, "settings")); r; r = kg_json_next(r))
        if (text_of(r, "role") && text_of(r, "name") && c->wanted(c->ctx, text_of(r, "role")))
            add_setting(ret, text_of(r, "role"), text_of(r, "name"), kg_json_str_or(r, "value", ""));
    for (const struct kg_json *r = kg_json_first(kg_json_get(server, "labels")); r; r = kg_json_next(r))
        if (text_of(r, "role") && text_of(r, "provider") && c->wanted(c->ctx, text_of(r, "role")))
            add_label(ret, text_of(r, "role"), text_of(r, "provider"), kg_json_str_or(r, "label", ""));
    for (const struct kg_json *r = kg_json_first(grants); r; r = kg_json_next(r)) {
        const char *group = text_of(r, "role"), *member = text_of(r, "member");

        if (group && member && c->wanted(c->ctx, member) && c->known(c->ctx, group))
            all.grant[all.n++] = (struct grant){ r, group, member, text_of(r, "grantor"), false };
    }
    add_memberships(ret, server, &all);
    free(all.grant);
}

/* ---- as a script ---- */

static bool every(void *ctx, const char *role)
{
    (void)ctx;
    (void)role;
    return true;
}

/* One line, whatever is in the texts. */
static void comment(struct kg_buf *b, const char *name, const char *is, const char *text)
{
    KG_AUTO_BUF struct kg_buf line = KG_BUF_INIT(8 * COMMENT_LINE);

    kg_text_add_printable(&line, name);
    kg_buf_adds(&line, is);
    kg_text_add_printable(&line, text);
    kg_buf_addf(b, "--     %.*s\n", COMMENT_LINE, line.overflow ? "(too long)" : line.p);
}

static void print_facts(const struct kg_json *server, struct kg_buf *b)
{
    const struct kg_json *spaces = kg_json_get(server, "tablespaces"), *parameters = kg_json_get(server, "parameters");

    if (kg_json_count(spaces))
        kg_buf_adds(b, "--\n-- The server's tablespaces, which are not made here:\n");
    for (const struct kg_json *s = kg_json_first(spaces); s; s = kg_json_next(s))
        comment(b, kg_json_str_or(s, "name", "?"), " in ", kg_json_str_or(s, "location", "?"));
    if (kg_json_count(parameters))
        kg_buf_adds(b, "--\n-- What the server sets differently from PostgreSQL, which is not set here:\n");
    for (const struct kg_json *p = kg_json_first(parameters); p; p = kg_json_next(p)) {
        KG_AUTO_FREE char *value = kg_xprintf("%s%s%s", kg_json_str_or(p, "value", ""), kg_json_str(p, "unit") ? " x " : "",
                                              kg_json_str_or(p, "unit", ""));

        comment(b, kg_json_str_or(p, "name", "?"), " = ", value);
    }
}

void kg_role_script_print(const struct kg_json *server, struct kg_buf *ret)
{
    const struct kg_role_choice all = { every, every, NULL };
    struct kg_role_script s;

    kg_role_script_make(server, &all, &s);
    kg_buf_adds(ret, "-- The server's roles, without passwords. One that is there already stays as it is: its statement fails.\n");
    print_facts(server, ret);
    kg_buf_adds(ret, "\n");
    for (size_t i = 0; i < s.n; i++)
        kg_buf_addf(ret, "%s;\n", s.statement[i].sql);
    kg_role_script_done(&s);
}
