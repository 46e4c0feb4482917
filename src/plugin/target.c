#include "plugin/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plugin/rolenames.h"

enum { WARNINGS_MAX = 20 };
#define TEXT_MAX ((size_t)1 << 30)

enum lost { OBJECTS, PRIVILEGES, DEFAULTS, POLICIES, MAPPINGS, SETTINGS, N_LOST };

struct role { char *name; bool may_give, may_act; };
/* A role or tablespace that was asked for in vain, in the order of the archive. */
struct missing { char *name; bool exists, tablespace; uint64_t lost[N_LOST]; };

struct kg_target {
    char *user;
    bool superuser, sorted;
    struct role *role;
    size_t n_roles, roles_cap;
    char **space;
    size_t n_spaces, spaces_cap;
    struct missing *missing;
    size_t n_missing, missing_cap;
    char **text;                         /* rewritten definitions */
    size_t n_texts, texts_cap;
};

/* ---- what the server has ---- */

struct kg_target *kg_target_new(const char *user, bool superuser)
{
    struct kg_target *t = kg_xalloc(sizeof *t);

    t->user = kg_xstrdup(user);
    t->superuser = superuser;
    return t;
}

void kg_target_add_role(struct kg_target *t, const char *name, bool may_give, bool may_act)
{
    KG_GROW(t->role, t->n_roles, t->roles_cap);
    t->role[t->n_roles++] = (struct role){ kg_xstrdup(name), may_give, may_act };
    t->sorted = false;
}

void kg_target_add_tablespace(struct kg_target *t, const char *name)
{
    KG_GROW(t->space, t->n_spaces, t->spaces_cap);
    t->space[t->n_spaces++] = kg_xstrdup(name);
}

void kg_target_free(struct kg_target *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_roles; i++)
        free(t->role[i].name);
    for (size_t i = 0; i < t->n_spaces; i++)
        free(t->space[i]);
    for (size_t i = 0; i < t->n_missing; i++)
        free(t->missing[i].name);
    for (size_t i = 0; i < t->n_texts; i++)
        free(t->text[i]);
    free(t->role);
    free(t->space);
    free(t->missing);
    free(t->text);
    free(t->user);
    free(t);
}

int kg_target_read(struct kg_session *s, struct kg_target **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *me = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *roles = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *spaces = NULL;
    KG_AUTO_FREE char *sql = kg_xprintf("SELECT rolname, pg_catalog.pg_has_role(oid, '%s'), pg_catalog.pg_has_role(oid, 'USAGE')"
                                        " FROM pg_catalog.pg_roles", kg_session_version(s) >= 160000 ? "SET" : "MEMBER");

    if (kg_session_query(s, "SELECT current_user, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", 0, NULL, &me,
                         err) < 0 ||
        kg_session_query(s, sql, 0, NULL, &roles, err) < 0 ||
        kg_session_query(s, "SELECT spcname FROM pg_catalog.pg_tablespace WHERE spcname = 'pg_default'"
                            " OR pg_catalog.has_tablespace_privilege(oid, 'CREATE')", 0, NULL, &spaces, err) < 0)
        return -(int)err->code;
    if (kg_rows_count(me) != 1)
        return kg_err_set(err, KG_E_DB_ERROR, "the server does not know its own user");
    *ret = kg_target_new(kg_rows_get(me, 0, 0), strcmp(kg_rows_get(me, 0, 1), "t") == 0);
    for (int i = 0; i < kg_rows_count(roles); i++)
        kg_target_add_role(*ret, kg_rows_get(roles, i, 0), strcmp(kg_rows_get(roles, i, 1), "t") == 0,
                           strcmp(kg_rows_get(roles, i, 2), "t") == 0);
    for (int i = 0; i < kg_rows_count(spaces); i++)
        kg_target_add_tablespace(*ret, kg_rows_get(spaces, i, 0));
    return 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct role *)x)->name, ((const struct role *)y)->name);
}

static const struct role *find_role(struct kg_target *t, const char *name)
{
    struct role key = { .name = (char *)(uintptr_t)name };

    if (!t->sorted && t->n_roles)
        qsort(t->role, t->n_roles, sizeof *t->role, by_name);
    t->sorted = true;
    return t->n_roles ? bsearch(&key, t->role, t->n_roles, sizeof key, by_name) : NULL;
}

bool kg_target_has_tablespace(const struct kg_target *t, const char *name)
{
    for (size_t i = 0; i < t->n_spaces; i++)
        if (strcmp(t->space[i], name) == 0)
            return true;
    return false;
}

/* ---- counting ---- */

static void lose(struct kg_target *t, const char *name, bool exists, bool tablespace, enum lost what, uint64_t n)
{
    size_t i = 0;

    while (i < t->n_missing && (t->missing[i].tablespace != tablespace || strcmp(t->missing[i].name, name) != 0))
        i++;
    if (i == t->n_missing) {
        KG_GROW(t->missing, t->n_missing, t->missing_cap);
        t->missing[t->n_missing++] = (struct missing){ .name = kg_xstrdup(name), .exists = exists, .tablespace = tablespace };
    }
    t->missing[i].lost[what] += n;
}

/* What a statement needs of a role. */
enum need { TO_BE, TO_GIVE, TO_ACT };

/* Whether the role will do; when not, that is counted. name NULL: not a name, which is the server's to judge. */
static bool role_does(struct kg_target *t, const char *name, enum need need, enum lost what, uint64_t n)
{
    const struct role *r = name ? find_role(t, name) : NULL;

    if (!name || strcmp(name, "PUBLIC") == 0 || strcmp(name, "public") == 0)
        return true;
    if (r && (need == TO_BE || (need == TO_GIVE && r->may_give) || (need == TO_ACT && r->may_act)))
        return true;
    lose(t, name, r != NULL, false, what, n);
    return false;
}

/* ---- owners ---- */

/* A group of large objects has its list, one a line, for a definition. */
static uint64_t objects_of(const struct kg_toc_entry *e)
{
    uint64_t n = 0;

    if (strcmp(e->desc, "BLOB METADATA") != 0 || !e->defn)
        return 1;
    for (const char *s = e->defn; *s; s += strcspn(s, "\n"), s += *s == '\n')
        n += *s >= '0' && *s <= '9';
    return n;
}

static void adapt_owner(struct kg_target *t, struct kg_toc_entry *e)
{
    bool database = strcmp(e->desc, "DATABASE") == 0;

    if (!e->owner || !*e->owner || !kg_role_has_owner(e))
        return;
    /* Its new name comes after its new owner, and needs the owner's rights. */
    if (!role_does(t, e->owner, TO_GIVE, OBJECTS, objects_of(e)) || (database && !role_does(t, e->owner, TO_ACT, OBJECTS, 1)))
        e->owner = "";
}

static void adapt_tablespace(struct kg_target *t, struct kg_toc_entry *e)
{
    if (!e->tablespace || !*e->tablespace || kg_target_has_tablespace(t, e->tablespace))
        return;
    lose(t, e->tablespace, false, true, OBJECTS, 1);
    e->tablespace = "";
}

/* ---- statements ---- */

struct filter {
    struct kg_target *t;
    bool blocked;                        /* between SET and RESET SESSION AUTHORIZATION of a role that cannot be had */
    char *blocked_by;
};

static char *name_of(struct kg_sql_token t) { return kg_sql_name(&t); }

static bool begins(const struct kg_sql_part *s, const char *first, const char *second)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token a = kg_sql_next(&at, end), b = kg_sql_next(&at, end);

    return kg_sql_is(&a, first) && (!second || kg_sql_is(&b, second));
}

static void block(struct filter *f, char *role)
{
    free(f->blocked_by);
    f->blocked_by = role;
    f->blocked = role != NULL;
}

/* "SET SESSION AUTHORIZATION x" is the superuser's alone; what such a one cannot run belongs to x's losses. */
static bool begin_as(struct filter *f, const struct kg_sql_part *s)
{
    KG_AUTO_FREE char *role = name_of(kg_role_behind(s, "SESSION", "AUTHORIZATION"));

    block(f, NULL);
    if (!role || (find_role(f->t, role) && (f->t->superuser || strcmp(role, f->t->user) == 0)))
        return true;
    block(f, KG_TAKE(role));
    return false;
}

static bool keep_privilege(struct filter *f, const struct kg_sql_part *s)
{
    KG_AUTO_FREE char *role = NULL;

    if (begins(s, "SET", "SESSION"))
        return begin_as(f, s);
    if (begins(s, "RESET", "SESSION")) {
        bool was = f->blocked;

        block(f, NULL);
        return !was;
    }
    if (f->blocked) {
        lose(f->t, f->blocked_by, find_role(f->t, f->blocked_by) != NULL, false, PRIVILEGES, 1);
        return false;
    }
    if (!begins(s, "GRANT", NULL) && !begins(s, "REVOKE", NULL))
        return true;
    role = name_of(kg_role_grantee(s));
    return role_does(f->t, role, TO_BE, PRIVILEGES, 1);
}

static bool keep_default(struct filter *f, const struct kg_sql_part *s)
{
    KG_AUTO_FREE char *whose = name_of(kg_role_behind(s, "FOR", "ROLE")), *role = name_of(kg_role_grantee(s));

    if (!begins(s, "ALTER", "DEFAULT"))
        return true;
    bool acts = role_does(f->t, whose, TO_ACT, DEFAULTS, 1), is = role_does(f->t, role, TO_BE, DEFAULTS, 1);
    return acts && is;                   /* both are asked, so that both are named */
}

static bool keep_setting(struct filter *f, const struct kg_sql_part *s)
{
    KG_AUTO_FREE char *role = name_of(kg_role_altered(s));

    return role_does(f->t, role, TO_BE, SETTINGS, 1);
}

static bool keep_mapping(struct filter *f, const struct kg_sql_part *s)
{
    KG_AUTO_FREE char *role = name_of(kg_role_behind(s, "MAPPING", "FOR"));

    return role_does(f->t, role, TO_BE, MAPPINGS, 1);
}

static void own_text(struct kg_target *t, char *text)
{
    KG_GROW(t->text, t->n_texts, t->texts_cap);
    t->text[t->n_texts++] = text;
}

/* Takes the statements out that keep() does not want. False when none is left. */
static bool filter_statements(struct kg_target *t, struct kg_toc_entry *e, bool (*keep)(struct filter *, const struct kg_sql_part *))
{
    struct filter f = { .t = t };
    struct kg_buf out = KG_BUF_INIT(TEXT_MAX);
    const char *at = e->defn, *end = at + strlen(at);
    struct kg_sql_part s;
    bool changed = false;

    while (kg_sql_statement(&at, end, &s)) {
        if (!keep(&f, &s)) {
            changed = true;
            continue;
        }
        kg_buf_add(&out, s.at, s.n);
        kg_buf_adds(&out, ";\n");
    }
    block(&f, NULL);
    if (!changed || !out.len) {
        kg_buf_done(&out);
        return !changed;
    }
    e->defn = kg_buf_take(&out);
    own_text(t, (char *)(uintptr_t)e->defn);
    return true;
}

static bool filter_policy(struct kg_target *t, struct kg_toc_entry *e)
{
    const char *end = e->defn + strlen(e->defn), *from = kg_role_list(e->defn, end), *at, *behind;
    struct kg_buf out = KG_BUF_INIT(TEXT_MAX);
    struct kg_sql_token name, comma;
    size_t kept = 0, lost = 0;

    if (!from)
        return true;
    kg_buf_add(&out, e->defn, (size_t)(from - e->defn));
    at = from;
    do {
        name = kg_sql_next(&at, end);
        behind = at;
        KG_AUTO_FREE char *role = kg_sql_name(&name);

        if (role_does(t, role, TO_BE, POLICIES, 1)) {
            kg_buf_adds(&out, kept++ ? ", " : " ");
            kg_buf_add(&out, name.at, name.n);
        } else {
            lost++;
        }
        comma = kg_sql_next(&at, end);
    } while (kg_sql_is(&comma, ","));
    if (!lost || !kept) {
        kg_buf_done(&out);
        return !lost;
    }
    kg_buf_adds(&out, behind);
    e->defn = kg_buf_take(&out);
    own_text(t, (char *)(uintptr_t)e->defn);
    return true;
}

/* ---- all entries ---- */

static bool filter_entry(struct kg_target *t, struct kg_toc_entry *e)
{
    if (!e->defn || !*e->defn)
        return true;
    if (strcmp(e->desc, "DEFAULT ACL") == 0)
        return filter_statements(t, e, keep_default);
    if (strncmp(e->desc, "ACL", 3) == 0)
        return filter_statements(t, e, keep_privilege);
    if (strcmp(e->desc, "DATABASE PROPERTIES") == 0)
        return filter_statements(t, e, keep_setting);
    if (strcmp(e->desc, "USER MAPPING") == 0)
        return filter_statements(t, e, keep_mapping);
    return strcmp(e->desc, "POLICY") != 0 || filter_policy(t, e);
}

/* Comments and labels of what is left out. */
static bool is_about_left_out(const struct kg_archive *a, const bool *keep, const bool *left_out, size_t i)
{
    const struct kg_toc_entry *e = &a->entry[i];

    if (!keep[i] || (strcmp(e->desc, "COMMENT") != 0 && strcmp(e->desc, "SECURITY LABEL") != 0))
        return false;
    for (size_t k = 0; k < e->n_deps; k++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, e, k);

        if (d && left_out[d - a->entry])
            return true;
    }
    return false;
}

void kg_target_adapt(struct kg_target *t, struct kg_archive *a, bool *keep)
{
    KG_AUTO_FREE bool *left_out = kg_xalloc_array(a->n_entries, sizeof *left_out);

    for (size_t i = 0; i < a->n_entries; i++) {
        struct kg_toc_entry *e = &a->entry[i];

        if (!keep[i])
            continue;
        adapt_owner(t, e);
        adapt_tablespace(t, e);
        left_out[i] = !filter_entry(t, e);
    }
    for (size_t i = 0; i < a->n_entries; i++)
        if (left_out[i] || is_about_left_out(a, keep, left_out, i))
            keep[i] = false;
}

/* ---- telling ---- */

static void add_count(struct kg_buf *b, bool *first, uint64_t n, const char *one, const char *many)
{
    if (!n)
        return;
    kg_buf_addf(b, "%s%llu %s", *first ? "" : ", ", (unsigned long long)n, n == 1 ? one : many);
    *first = false;
}

static void add_losses(const struct kg_target *t, const struct missing *m, struct kg_buf *b)
{
    static const char *const names[N_LOST][2] = {
        [PRIVILEGES] = { "privilege", "privileges" }, [DEFAULTS] = { "default privilege", "default privileges" },
        [POLICIES] = { "policy", "policies" }, [MAPPINGS] = { "user mapping", "user mappings" },
        [SETTINGS] = { "setting", "settings" },
    };
    bool first = true;

    if (m->lost[OBJECTS])
        kg_buf_addf(b, "%llu %s to user '%s' instead", (unsigned long long)m->lost[OBJECTS],
                    m->lost[OBJECTS] == 1 ? "object belongs" : "objects belong", t->user);
    for (int i = PRIVILEGES; i < N_LOST; i++) {
        if (m->lost[i] && first && m->lost[OBJECTS])
            kg_buf_adds(b, "; ");
        add_count(b, &first, m->lost[i], names[i][0], names[i][1]);
    }
    if (!first)
        kg_buf_adds(b, " not applied");
}

static void warn_one(const struct kg_target *t, const struct missing *m, const struct kg_events *ev)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(8192);
    KG_AUTO_BUF struct kg_buf name = KG_BUF_INIT(8192);
    struct kg_err w = { 0 };

    kg_text_add_printable(&name, m->name);
    if (m->tablespace) {
        kg_err_set(&w, KG_E_RESTORE_FAILED, "tablespace '%s' is not there, or not for user '%s', on the target server: %llu of its"
                   " objects are in the database's own", name.p, t->user, (unsigned long long)m->lost[OBJECTS]);
        kg_err_advise(&w, "Create the tablespace and move the objects, or leave them where they are.");
        kg_events_warn_about(ev, &w, "tablespace", m->name);
        return;
    }
    add_losses(t, m, &b);
    if (m->exists) {
        kg_err_set(&w, KG_E_RESTORE_FAILED, "user '%s' may not act for role '%s' on the target server: %s", t->user, name.p, b.p);
        kg_err_advise(&w, "Make the restoring user a member of the role, then restore again, or set what is missing yourself.");
    } else {
        kg_err_set(&w, KG_E_RESTORE_FAILED, "role '%s' does not exist on the target server: %s", name.p, b.p);
        kg_err_advise(&w, "Create the role, then restore again, or set owners and privileges yourself.");
    }
    kg_events_warn_about(ev, &w, "role", m->name);
}

void kg_target_report(const struct kg_target *t, const struct kg_events *ev)
{
    KG_AUTO_BUF struct kg_buf names = KG_BUF_INIT(400); /* as many as there is room for */
    struct kg_err w = { 0 };

    for (size_t i = 0; i < t->n_missing && i < WARNINGS_MAX; i++)
        warn_one(t, &t->missing[i], ev);
    if (t->n_missing <= WARNINGS_MAX)
        return;
    for (size_t i = WARNINGS_MAX; i < t->n_missing; i++) {
        KG_AUTO_BUF struct kg_buf one = KG_BUF_INIT(8192);

        kg_text_add_printable(&one, t->missing[i].name);
        kg_buf_addf(&names, "%s'%s'", names.len ? ", " : "", one.p);
    }
    kg_err_set(&w, KG_E_RESTORE_FAILED, "and %zu more roles or tablespaces: %s%s", t->n_missing - WARNINGS_MAX, names.p,
               names.overflow ? ", …" : "");
    kg_err_advise(&w, "Restore the roles of the recovery point first (restore as files has them), then restore again.");
    kg_events_warn(ev, &w);
}
