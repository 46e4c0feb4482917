/* Invariants:
 *
 *  (1) Nothing but CREATE ROLE of a name that was not there decides that a role is ours; every later statement is about such a
 *      role, or makes one a member of something.
 *  (2) A statement that the server refuses is undone by itself (savepoint) and told; losing the connection fails all.
 *  (3) A password's hash is in a kg_secret from the vault to the statement, and the server is asked not to log it. */
#include "plugin/roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/text.h"
#include "pg/globals.h"
#include "plugin/rolenames.h"
#include "plugin/rolesql.h"

enum { WARNINGS_MAX = 20, NAMES_MAX = 300, NAME_MAX_BYTES = 63, HASH_MAX = 1024 };

struct names { char **name; size_t n, cap; };
/* A role of the recovery point. */
struct role { const char *name; bool up, down, made; };

struct kg_roles {
    const struct kg_roles_spec *spec;
    const struct kg_events *ev;
    struct kg_session *s;
    struct kg_json *server;              /* what the recovery point knows; NULL: nothing */
    struct role *role;                   /* of it, sorted */
    size_t n_roles;
    struct names there;                  /* the target server's, sorted */
    struct names texts;                  /* rewritten definitions */
    struct kg_json *created, *missing, *report;
    char *user;                          /* who restores */
    bool superuser;
    size_t warned;
};

/* ---- names ---- */

static void add_name(struct names *l, const char *name)
{
    KG_GROW(l->name, l->n, l->cap);
    l->name[l->n++] = kg_xstrdup(name);
}

static void names_done(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool has_name(const struct names *l, const char *name)
{
    return l->n && bsearch(&name, l->name, l->n, sizeof *l->name, by_text);
}

static int by_role(const void *a, const void *b)
{
    return strcmp(((const struct role *)a)->name, ((const struct role *)b)->name);
}

static struct role *find_role(struct kg_roles *r, const char *name)
{
    struct role key = { .name = name };

    return name && r->n_roles ? bsearch(&key, r->role, r->n_roles, sizeof key, by_role) : NULL;
}

/* ---- telling ---- */

static void warn(struct kg_roles *r, struct kg_err *e, const char *role, const char *what)
{
    KG_AUTO_BUF struct kg_buf name = KG_BUF_INIT(NAMES_MAX);

    if (r->warned++ >= WARNINGS_MAX)
        return;
    kg_text_add_printable(&name, role);
    kg_err_wrap(e, "role '%s': %s is not restored", name.p, what);
    kg_err_advise(e, "Set it as a user who may, or restore as one.");
    kg_events_warn(r->ev, e);
}

static void warn_more(struct kg_roles *r)
{
    struct kg_err e = { 0 };

    if (r->warned <= WARNINGS_MAX)
        return;
    kg_err_set(&e, KG_E_RESTORE_FAILED, "and %zu more attributes, settings or memberships of roles are not restored",
               r->warned - WARNINGS_MAX);
    kg_err_advise(&e, "Compare the roles with those that a restore as files writes.");
    kg_events_warn(r->ev, &e);
}

/* ---- what is in the archive ---- */

static void strip(const struct kg_roles_spec *spec, struct kg_archive *a, bool *keep)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        if (spec->no_owner && kg_role_has_owner(&a->entry[i]))
            a->entry[i].owner = "";
        if (spec->no_privileges && kg_role_is_privilege(&a->entry[i]))
            keep[i] = false;
    }
}

static const char *mapped(void *ctx, const char *role)
{
    const struct kg_roles_spec *spec = ctx;

    for (size_t i = 0; i < spec->n_pairs; i++)
        if (strcmp(spec->pair[i].source, role) == 0)
            return spec->pair[i].target;
    return NULL;
}

/* "CREATE USER MAPPING FOR x SERVER s OPTIONS (…)": whose it is, and behind that the server. */
static char *mapping_of(const struct kg_toc_entry *e, const char **ret_server, size_t *ret_n)
{
    const struct kg_sql_part whole = { e->defn, strlen(e->defn) };
    struct kg_sql_token role = kg_role_behind(&whole, "MAPPING", "FOR");
    const char *behind = role.at + role.n, *options = role.n ? strstr(behind, " OPTIONS (") : NULL;

    *ret_server = behind;
    *ret_n = options ? (size_t)(options - behind) : strcspn(behind, ";\n");
    return kg_sql_name(&role);
}

static bool is_mapping(const struct kg_toc_entry *e) { return strcmp(e->desc, "USER MAPPING") == 0 && e->defn && *e->defn; }

/* Several roles may become one, and one role has one mapping for a server: the first stays. */
static void drop_second_mappings(struct kg_roles *r, const struct kg_archive *a, bool *keep)
{
    for (size_t i = 0; i < a->n_entries; i++)
        for (size_t k = 0; is_mapping(&a->entry[i]) && keep[i] && k < i; k++) {
            const char *server, *other;
            size_t n, other_n;
            struct kg_err e = { 0 };

            if (!keep[k] || !is_mapping(&a->entry[k]))
                continue;
            KG_AUTO_FREE char *one = mapping_of(&a->entry[i], &server, &n), *two = mapping_of(&a->entry[k], &other, &other_n);
            if (!one || !two || strcmp(one, two) != 0 || n != other_n || memcmp(server, other, n) != 0)
                continue;
            keep[i] = false;
            kg_err_set(&e, KG_E_RESTORE_FAILED, "it gets that of another one");
            warn(r, &e, one, "a second user mapping of a server");
        }
}

static void map_names(struct kg_roles *r, struct kg_archive *a, bool *keep)
{
    struct kg_roles_spec *spec = (struct kg_roles_spec *)(uintptr_t)r->spec;

    for (size_t i = 0; i < a->n_entries; i++) {
        struct kg_toc_entry *e = &a->entry[i];
        const char *owner = e->owner && *e->owner ? mapped(spec, e->owner) : NULL;
        char *defn = kg_role_rename(e, mapped, spec);

        if (owner)
            e->owner = owner;
        if (!defn)
            continue;
        KG_GROW(r->texts.name, r->texts.n, r->texts.cap);
        e->defn = r->texts.name[r->texts.n++] = defn;
    }
    drop_second_mappings(r, a, keep);
}

static void see_name(void *ctx, const struct kg_sql_token *t)
{
    KG_AUTO_FREE char *name = kg_sql_name(t);
    struct role *role = find_role(ctx, name);

    if (role)
        role->up = role->down = true;
}

/* Which roles the kept entries name, with those above and below them. */
static void find_wanted(struct kg_roles *r, const struct kg_archive *a, const bool *keep)
{
    bool again = true;

    for (size_t i = 0; i < a->n_entries; i++) {
        struct role *owner = keep[i] && kg_role_has_owner(&a->entry[i]) ? find_role(r, a->entry[i].owner) : NULL;

        if (owner)
            owner->up = owner->down = true;
        if (keep[i])
            kg_role_names(&a->entry[i], see_name, r);
    }
    while (again) {
        again = false;
        for (const struct kg_json *m = kg_json_first(kg_json_get(r->server, "memberships")); m; m = kg_json_next(m)) {
            struct role *group = find_role(r, kg_json_str(m, "role")), *member = find_role(r, kg_json_str(m, "member"));

            if (!group || !member)
                continue;
            if (member->up && !group->up)
                group->up = again = true;
            if (group->down && !member->down)
                member->down = again = true;
        }
    }
}

/* ---- what is on the server ---- */

static int read_names(struct kg_session *s, struct names *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(s, "SELECT rolname FROM pg_catalog.pg_roles", 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "look at the target server's roles");
    for (int i = 0; i < kg_rows_count(rows); i++)
        add_name(ret, kg_rows_get(rows, i, 0));
    if (ret->n)
        qsort(ret->name, ret->n, sizeof *ret->name, by_text);
    return 0;
}

static int read_user(struct kg_roles *r, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(r->s, "SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", 0, NULL, &rows,
                         err) < 0)
        return -(int)err->code;
    if (kg_rows_count(rows) != 1)
        return kg_err_set(err, KG_E_DB_ERROR, "the server does not know its own user");
    r->user = kg_xstrdup(kg_rows_get(rows, 0, 0));
    r->superuser = strcmp(kg_rows_get(rows, 0, 1), "t") == 0;
    return 0;
}

static int read_server(struct kg_roles *r, const struct kg_point *point, struct kg_err *err)
{
    const struct kg_json *roles;

    if (!point->manifest->has_server)
        return 0;
    if (kg_point_server(point, &r->server, err) < 0)
        return -(int)err->code;
    roles = kg_json_get(r->server, "roles");
    r->role = kg_xalloc_array(kg_json_count(roles), sizeof *r->role);
    for (const struct kg_json *j = kg_json_first(roles); j; j = kg_json_next(j)) {
        const char *name = kg_json_str(j, "name");

        if (name && *name && strlen(name) <= NAME_MAX_BYTES)
            r->role[r->n_roles++].name = name;
    }
    if (r->n_roles)
        qsort(r->role, r->n_roles, sizeof *r->role, by_role);
    return 0;
}

/* ---- making them ---- */

static bool is_fatal(const struct kg_err *e) { return e->code == KG_E_DB_CLOSED || e->code == KG_E_CANCELLED; }

/* Keeps (2). 1: done; 0: refused, *soft says why. */
static int attempt(struct kg_roles *r, const char *sql, struct kg_err *soft, struct kg_err *err)
{
    *soft = (struct kg_err){ 0 };
    if (kg_session_run(r->s, "SAVEPOINT keepgres_role", err) < 0)
        return -(int)err->code;
    if (kg_session_run(r->s, sql, soft) == 0)
        return kg_session_run(r->s, "RELEASE SAVEPOINT keepgres_role", err) < 0 ? -(int)err->code : 1;
    if (is_fatal(soft)) {
        *err = *soft;
        return -(int)err->code;
    }
    return kg_session_run(r->s, "ROLLBACK TO SAVEPOINT keepgres_role; RELEASE SAVEPOINT keepgres_role", err) < 0
               ? -(int)err->code : 0;
}

/* Who is no superuser can give objects only to roles it is a member of. */
static int join(struct kg_roles *r, const char *name, struct kg_err *err)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name), *sql = kg_xprintf("GRANT %s TO CURRENT_USER", quoted);
    struct kg_err soft;
    int done = r->superuser ? 1 : attempt(r, sql, &soft, err);

    if (done == 0)
        warn(r, &soft, name, "the restoring user's membership");
    return done < 0 ? done : 0;
}

static int made(struct kg_roles *r, const char *name, struct kg_err *err)
{
    find_role(r, name)->made = true;
    kg_json_push_str(r->created, name);
    kg_events_log(r->ev, "role '%s' made", name);
    return join(r, name, err);
}

static int run_statement(struct kg_roles *r, const struct kg_role_statement *st, struct kg_err *err)
{
    const struct role *about = find_role(r, st->role), *group = find_role(r, st->group);
    struct kg_err soft;
    int done;

    /* Keeps (1). */
    if (!st->makes && !about->made)
        return 0;
    if (group && !group->made && !has_name(&r->there, st->group))
        return 0; /* it could not be made, and that was told */
    done = attempt(r, st->sql, &soft, err);
    if (done == 0 && st->instead)
        done = attempt(r, st->instead, &soft, err);
    if (done == 0)
        warn(r, &soft, st->role, st->what);
    return done < 0 ? done : done && st->makes ? made(r, st->role, err) : 0;
}

static bool is_wanted(void *ctx, const char *name)
{
    struct kg_roles *r = ctx;
    const struct role *role = find_role(r, name);

    return role && (role->up || role->down) && !has_name(&r->there, name);
}

static bool is_known(void *ctx, const char *name)
{
    return is_wanted(ctx, name) || has_name(&((struct kg_roles *)ctx)->there, name);
}

/* Who is there keeps what it may: a role of that name on another server need not be the same person. */
static void tell_members(struct kg_roles *r)
{
    for (const struct kg_json *m = kg_json_first(kg_json_get(r->server, "memberships")); m; m = kg_json_next(m)) {
        const char *member = kg_json_str_or(m, "member", "");
        const struct role *group = find_role(r, kg_json_str(m, "role"));
        KG_AUTO_BUF struct kg_buf who = KG_BUF_INIT(NAMES_MAX), of = KG_BUF_INIT(NAMES_MAX);
        struct kg_err e = { 0 };

        if (!group || !group->made || !has_name(&r->there, member) || strcmp(member, r->user) == 0)
            continue;
        if (r->warned++ >= WARNINGS_MAX)
            continue;
        kg_text_add_printable(&who, member);
        kg_text_add_printable(&of, group->name);
        kg_err_set(&e, KG_E_RESTORE_FAILED, "role '%s' was there before and is not made a member of the new role '%s'", who.p,
                   of.p);
        kg_err_advise(&e, "Grant the membership yourself if it is the same role as on the source.");
        kg_events_warn(r->ev, &e);
    }
}

/* ---- passwords ---- */

/* What is not a hash the server would take for a password in clear text. Nothing in it needs quoting. */
static bool is_hash(const struct kg_password_record *p)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=:$-";
    static const char scram[] = "SCRAM-SHA-256$";

    if (p->hash_n > HASH_MAX)
        return false;
    for (size_t i = 0; i < p->hash_n; i++)
        if (!p->hash[i] || !strchr(allowed, p->hash[i]))
            return false;
    return (p->hash_n == 35 && memcmp(p->hash, "md5", 3) == 0) ||
           (p->hash_n > sizeof scram && memcmp(p->hash, scram, sizeof scram - 1) == 0);
}

static struct kg_secret *password_sql(const char *name, const struct kg_password_record *p)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name);
    size_t n = strlen(quoted) + p->hash_n + 64;
    struct kg_secret *sql = kg_secret_new(n);

    snprintf((char *)kg_secret_open_write(sql), n, "ALTER ROLE %s PASSWORD '%.*s'", quoted, (int)p->hash_n, p->hash);
    kg_secret_shut(sql);
    return sql;
}

/* Keeps (3): what the server says of a failure is not passed on, because it may quote the statement. */
static int set_password(struct kg_roles *r, const char *name, const struct kg_password_record *p, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *sql = NULL;
    struct kg_err soft = { 0 }, told = { 0 };
    int done = 0;

    if (is_hash(p)) {
        sql = password_sql(name, p);
        done = attempt(r, (const char *)kg_secret_open(sql), &soft, err);
        kg_secret_shut(sql);
    }
    if (done < 0 && err->code == KG_E_DB_CLOSED) {
        *err = (struct kg_err){ 0 };
        return kg_err_set(err, KG_E_DB_CLOSED, "the connection was lost while passwords of roles were set");
    }
    if (done == 0) {
        kg_err_set(&told, KG_E_RESTORE_FAILED, is_hash(p) ? "the server refuses it" : "it is of a kind that is not known");
        warn(r, &told, name, "its password");
    }
    return done;
}

static int quiet_log(struct kg_roles *r, struct kg_err *err)
{
    static const char *const settings[] = { "log_statement = 'none'", "log_min_duration_statement = -1", "log_duration = off",
                                            "log_min_error_statement = 'panic'", "log_min_duration_sample = -1",
                                            "log_transaction_sample_rate = 0", "pg_stat_statements.track_utility = off" };

    for (size_t i = 0; i < KG_ARRAY_LEN(settings); i++) {
        KG_AUTO_FREE char *sql = kg_xprintf("SET LOCAL %s", settings[i]);
        struct kg_err soft;

        if (attempt(r, sql, &soft, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static int set_passwords(struct kg_roles *r, const struct kg_point *point, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *all = NULL;
    struct kg_password_record p;
    const unsigned char *at, *end;
    uint64_t set = 0;
    bool ok = true;
    int done = 0;

    if (!r->spec->passwords)
        return 0;
    if (kg_point_passwords(point, &all, err) < 0 || quiet_log(r, err) < 0)
        return -(int)err->code;
    at = kg_secret_open(all);
    end = at + kg_secret_size(all);
    while (done >= 0 && kg_globals_next_password(&at, end, &p, &ok)) {
        KG_AUTO_FREE char *name = kg_xstrndup(p.role, p.role_n);
        const struct role *role = find_role(r, name);

        if (!role || !role->made)
            continue;
        done = set_password(r, name, &p, err);
        set += done > 0;
    }
    kg_secret_shut(all);
    if (done < 0)
        return done;
    kg_json_set_u64(r->report, "passwords", set);
    return ok ? 0 : kg_err_set(err, KG_E_CORRUPT, "the recovery point's passwords of roles are damaged");
}

/* ---- all of it ---- */

static int make_all(struct kg_roles *r, const struct kg_point *point, struct kg_err *err)
{
    const struct kg_role_choice choice = { is_wanted, is_known, r };
    KG_CLEANUP(kg_role_script_done) struct kg_role_script script = { 0 };
    int eno;

    kg_role_script_make(r->server, &choice, &script);
    if (!script.n)
        return 0;
    if (kg_session_run(r->s, "BEGIN", err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < script.n; i++)
        if (run_statement(r, &script.statement[i], err) < 0)
            return -(int)err->code;
    if (set_passwords(r, point, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_ROLES)))
        return kg_err_sys(err, eno, "make roles");
    return kg_session_run(r->s, "COMMIT", err);
}

static int create(struct kg_roles *r, const struct kg_point *point, struct kg_err *err)
{
    struct kg_err ignored = { 0 };

    if (make_all(r, point, err) < 0) {
        if (err->code != KG_E_DB_CLOSED)
            (void)!kg_session_run(r->s, "ROLLBACK", &ignored);
        return kg_err_wrap(err, "make the roles that the target server lacks");
    }
    tell_members(r);
    warn_more(r);
    return 0;
}

static void list_missing(struct kg_roles *r)
{
    for (size_t i = 0; i < r->n_roles; i++) {
        if (!is_wanted(r, r->role[i].name) || r->role[i].made)
            continue;
        kg_json_push_str(r->missing, r->role[i].name);
        if (r->spec->mode != KG_ROLES_SKIP)
            kg_events_log(r->ev, "role '%s' is not on the target server", r->role[i].name);
    }
}

int kg_roles_apply(const struct kg_roles_spec *spec, const struct kg_point *point, bool *keep, struct kg_session *s,
                   const struct kg_events *ev, struct kg_roles **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_roles_freep) struct kg_roles *r = kg_xalloc(sizeof *r);

    *r = (struct kg_roles){ .spec = spec, .ev = ev, .s = s, .report = kg_json_object(), .created = kg_json_array(),
                            .missing = kg_json_array() };
    kg_json_set(r->report, "created", r->created);
    kg_json_set(r->report, "missing", r->missing);
    strip(spec, point->archive, keep);
    if (spec->mode == KG_ROLES_MAP)
        map_names(r, point->archive, keep);
    if (read_user(r, err) < 0 || read_names(s, &r->there, err) < 0 || read_server(r, point, err) < 0)
        return -(int)err->code;
    find_wanted(r, point->archive, keep);
    if (spec->mode == KG_ROLES_CREATE && create(r, point, err) < 0)
        return -(int)err->code;
    list_missing(r);
    *ret = KG_TAKE(r);
    return 0;
}

static int check_map(const struct kg_roles_spec *spec, struct kg_session *s, struct kg_err *err)
{
    KG_CLEANUP(names_done) struct names there = { 0 };

    if (read_names(s, &there, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < spec->n_pairs; i++) {
        if (has_name(&there, spec->pair[i].target))
            continue;
        kg_err_set(err, KG_E_USAGE, "role '%s', which takes the place of '%s', does not exist on the target server",
                   spec->pair[i].target, spec->pair[i].source);
        kg_err_advise(err, "Create the role, or name one that is there.");
        return -(int)err->code;
    }
    return 0;
}

int kg_roles_check(const struct kg_roles_spec *spec, const struct kg_point *point, struct kg_session *s, struct kg_err *err)
{
    if (spec->mode == KG_ROLES_MAP)
        return check_map(spec, s, err);
    if (spec->mode != KG_ROLES_CREATE)
        return 0;
    if (!point->manifest->has_server) {
        kg_err_set(err, KG_E_USAGE, "the recovery point has no roles that could be made");
        kg_err_advise(err, "Restore without making roles, or restore as files and use the script of the roles.");
        return -(int)err->code;
    }
    if (spec->passwords && !point->manifest->has_passwords) {
        kg_err_set(err, KG_E_USAGE, "the recovery point has no passwords of roles");
        kg_err_advise(err, "Restore without them; rolePasswords in the policy captures them with the next backups.");
        return -(int)err->code;
    }
    return 0;
}

const struct kg_json *kg_roles_report(const struct kg_roles *r) { return r->report; }

void kg_roles_free(struct kg_roles *r)
{
    if (!r)
        return;
    names_done(&r->there);
    names_done(&r->texts);
    kg_json_free(r->report);
    kg_json_free(r->server);
    free(r->role);
    free(r->user);
    free(r);
}
