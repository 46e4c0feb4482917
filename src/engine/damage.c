/* What a check found, told to people: which recovery points, and which tables in them, need what is damaged. The report names
 * instances by the GUIDs under which the vault keeps them. */
#include "engine/engine_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/text.h"
#include "job/user_error.h"
#include "model/resources.h"
#include "policy/copies.h"

enum { SHOWN_MOST = 5, LINES_MOST = 100, DETAILS_MOST = 100 };

struct name { char *guid, *id, *friendly; };
struct names { struct name *v; size_t n, cap; };

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        free(names->v[i].guid);
        free(names->v[i].id);
        free(names->v[i].friendly);
    }
    free(names->v);
}

static int add_name(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct names *names = arg;
    const char *guid = kg_json_str(r->json, "internal.instance");

    (void)err;
    if (!guid)
        return 0;
    KG_GROW(names->v, names->n, names->cap);
    names->v[names->n++] = (struct name){ kg_xstrdup(guid), kg_xstrdup(r->id),
                                          kg_xstrdup(kg_json_str_or(r->json, "properties.friendlyName", r->name)) };
    return 0;
}

static const struct name *find_name(const struct names *names, const char *guid)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcasecmp(names->v[i].guid, guid) == 0)
            return &names->v[i];
    return NULL;
}

/* Texts, each once. */
struct set { char **v; size_t n, cap; };

static void set_done(struct set *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    free(s->v);
}

static void set_add(struct set *s, char *text) /* takes text */
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i], text) == 0) {
            free(text);
            return;
        }
    KG_GROW(s->v, s->n, s->cap);
    s->v[s->n++] = text;
}

/* "a, b, c and 4 more" */
static void set_text(const struct set *s, struct kg_buf *b)
{
    for (size_t i = 0; i < s->n && i < SHOWN_MOST; i++) {
        kg_buf_adds(b, i ? ", " : "");
        kg_text_add_printable(b, s->v[i]);
    }
    if (s->n > SHOWN_MOST)
        kg_buf_addf(b, " and %zu more", s->n - SHOWN_MOST);
}

/* The recovery point with its moment, when the catalog knows it; *ret_spared: another copy of it is sound. */
static char *point_name(struct kg_engine *e, const struct name *n, const char *guid, const char *point, bool *ret_spared)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };
    struct kg_err ignored = { 0 };
    char when[32];

    *ret_spared = false;
    if (!n || kg_catalog_point_get(e->catalog, n->id, point, &row, &ignored) < 0)
        return kg_xprintf("%s of %s", point, n ? n->friendly : guid);
    *ret_spared = kg_copies_sound(row.json) != 0;
    return kg_xprintf("%s of %s", kg_time_iso_seconds(row.time, when), n->friendly);
}

static bool is_table(const char *what) { return strncmp(what, "table ", 6) == 0; }

struct telling {
    struct kg_engine *e;
    struct kg_run *r;
    const struct names *names;
    struct set points, spared, tables;   /* spared: those that have a sound copy elsewhere */
    size_t lines;
};

/* The object, with its datastore when that is not the vault's first one. */
static char *object_of(const struct kg_json *d)
{
    const char *store = kg_json_str(d, "store");

    return kg_xprintf("%s%s%s", store ? store : "", store ? ": " : "", kg_json_str_or(d, "object", "?"));
}

static struct kg_json *detail_of(const struct kg_json *d)
{
    KG_AUTO_FREE char *object = object_of(d);
    struct kg_err why = { 0 };

    kg_err_set(&why, KG_E_CORRUPT, "%s: %s", object, kg_json_str_or(d, "problem", "?"));
    kg_err_advise(&why, "Restore this object from a copy of the vault, then check again.");
    return kg_user_error(&why, NULL, kg_json_str(d, "object"), NULL);
}

/* One damaged object: into the details, with what needs it as objects, and into the log. */
static void tell_one(struct telling *t, const struct kg_json *d)
{
    struct kg_json *detail = detail_of(d), *objects = kg_json_array();
    KG_AUTO_FREE char *object = object_of(d);
    KG_AUTO_FREE char *head = kg_xprintf("damaged: %s: %s", object, kg_json_str_or(d, "problem", "?"));

    if (t->lines++ < LINES_MOST)
        kg_tasks_line(t->r, head);
    for (const struct kg_json *a = kg_json_first(kg_json_get(d, "affects")); a; a = kg_json_next(a)) {
        const char *guid = kg_json_str_or(a, "instance", "?"), *point = kg_json_str_or(a, "point", "?");
        const char *what = kg_json_str_or(a, "what", "");
        const struct name *n = find_name(t->names, guid);
        bool spared;
        char *name = point_name(t->e, n, guid, point, &spared);
        KG_AUTO_FREE char *line = kg_xprintf("  needed by recovery point %s: %s%s", name, what,
                                             spared ? " (another copy of the point is sound)" : "");
        struct kg_json *o = kg_json_object();

        if (t->lines++ < LINES_MOST)
            kg_tasks_line(t->r, line);
        kg_json_set_str(o, "backupInstanceId", n ? n->id : NULL);
        kg_json_set_str(o, "recoveryPointId", point);
        kg_json_set_str(o, "what", what);
        kg_json_push(objects, o);
        set_add(spared ? &t->spared : &t->points, name);
        if (is_table(what) && !spared)
            set_add(&t->tables, kg_xstrdup(what + 6));
    }
    kg_json_set(detail, "objects", objects);
    if (kg_json_count(t->r->verdicts) < DETAILS_MOST)
        kg_json_push(t->r->verdicts, detail);
    else
        kg_json_free(detail);
}

static void give_verdict(const struct telling *t, size_t places)
{
    KG_AUTO_BUF struct kg_buf points = KG_BUF_INIT(64 << 10), tables = KG_BUF_INIT(64 << 10);

    set_text(&t->points, &points);
    set_text(&t->tables, &tables);
    if (!t->points.n && t->spared.n)
        kg_err_set(&t->r->verdict, KG_E_CORRUPT, "the vault is damaged in %zu place%s; of the %zu recovery point%s that need%s what "
                   "is damaged another copy is sound", places, places == 1 ? "" : "s", t->spared.n, t->spared.n == 1 ? "" : "s",
                   t->spared.n == 1 ? "s" : "");
    else if (!t->points.n)
        kg_err_set(&t->r->verdict, KG_E_CORRUPT, "the vault is damaged in %zu place%s; no recovery point needs what is damaged",
                   places, places == 1 ? "" : "s");
    else
        kg_err_set(&t->r->verdict, KG_E_CORRUPT, "the vault is damaged in %zu place%s: %zu recovery point%s cannot be restored whole "
                   "(%s)%s%s", places, places == 1 ? "" : "s", t->points.n, t->points.n == 1 ? "" : "s", points.p,
                   t->tables.n ? "; tables: " : "", t->tables.n ? tables.p : "");
    kg_err_advise(&t->r->verdict, "Restore the damaged objects, which the job's log names, from a copy of the vault, and back up anew.");
}

int kg_damage_tell(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = r->task->vault };
    const struct kg_json *damage = kg_json_get(r->result, "damage");
    KG_CLEANUP(names_done) struct names names = { 0 };
    struct telling t = { .e = e, .r = r, .names = &names };

    if (kg_each_resource(e->catalog, &q, add_name, &names, err) < 0)
        return -(int)err->code;
    kg_json_free(r->verdicts);
    r->verdicts = kg_json_array();
    for (const struct kg_json *d = kg_json_first(damage); d; d = kg_json_next(d))
        tell_one(&t, d);
    give_verdict(&t, kg_json_count(damage));
    kg_tasks_line(r, r->verdict.msg);
    set_done(&t.points);
    set_done(&t.spared);
    set_done(&t.tables);
    return 0;
}
