/* Which entries of an archive have to be restored for a few schemas or tables.
 *
 * Three rules, applied until nothing changes:
 *   up:    what a kept entry depends on is kept too (types, schemas, functions, the tables under a view);
 *   down:  what hangs on a kept relation is kept when everything it needs is kept, or can be had by pulling in something that
 *          stands for itself (a function, a type); a foreign key to a table that is not wanted falls out this way;
 *   parts: a partitioned table brings its partitions; a partition does not bring its parent.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "pg/archive.h"

enum traits {
    RELATION = 1,                /* holds rows or shows them: never pulled in by what hangs on another one */
    PULLABLE = 2,                /* stands for itself: may be pulled in */
    HANGS    = 4,                /* belongs to what it depends on */
};

static const struct { const char *desc; unsigned traits; } kinds[] = {
    { "TABLE", RELATION }, { "VIEW", RELATION }, { "MATERIALIZED VIEW", RELATION }, { "FOREIGN TABLE", RELATION },
    { "SEQUENCE", PULLABLE | HANGS },
    { "SCHEMA", PULLABLE }, { "EXTENSION", PULLABLE }, { "TYPE", PULLABLE }, { "SHELL TYPE", PULLABLE },
    { "DOMAIN", PULLABLE }, { "FUNCTION", PULLABLE }, { "PROCEDURE", PULLABLE }, { "AGGREGATE", PULLABLE },
    { "OPERATOR", PULLABLE }, { "OPERATOR CLASS", PULLABLE }, { "OPERATOR FAMILY", PULLABLE }, { "COLLATION", PULLABLE },
    { "CAST", PULLABLE }, { "CONVERSION", PULLABLE }, { "TRANSFORM", PULLABLE }, { "ACCESS METHOD", PULLABLE },
    { "PROCEDURAL LANGUAGE", PULLABLE }, { "FOREIGN DATA WRAPPER", PULLABLE }, { "SERVER", PULLABLE },
    { "TEXT SEARCH CONFIGURATION", PULLABLE }, { "TEXT SEARCH DICTIONARY", PULLABLE },
    { "TEXT SEARCH PARSER", PULLABLE }, { "TEXT SEARCH TEMPLATE", PULLABLE },
    { "DEFAULT", HANGS }, { "CONSTRAINT", HANGS }, { "CHECK CONSTRAINT", HANGS }, { "FK CONSTRAINT", HANGS },
    { "INDEX", HANGS }, { "INDEX ATTACH", HANGS }, { "TABLE ATTACH", HANGS }, { "TRIGGER", HANGS }, { "RULE", HANGS },
    { "POLICY", HANGS }, { "ROW SECURITY", HANGS }, { "STATISTICS", HANGS }, { "STATISTICS DATA", HANGS },
    { "SEQUENCE OWNED BY", HANGS }, { "SEQUENCE SET", HANGS }, { "TABLE DATA", HANGS },
    { "MATERIALIZED VIEW DATA", HANGS }, { "ACL", HANGS }, { "COMMENT", HANGS }, { "SECURITY LABEL", HANGS },
};

static unsigned traits_of(const struct kg_toc_entry *e)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].desc, e->desc) == 0)
            return kinds[i].traits;
    return 0;
}

/* ---- the archive as a graph ---- */

#define NONE SIZE_MAX

struct node {
    unsigned traits;
    size_t *dep;
    size_t n_deps;
    size_t schema;               /* the entry of the schema it lives in, or NONE */
    bool attached;               /* to each partition: some TABLE ATTACH names it */
};
struct graph {
    const struct kg_archive *a;
    struct node *node;
    bool *keep;
    bool changed;
};

struct schema { const char *name; size_t at; };

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct schema *)x)->name, ((const struct schema *)y)->name);
}

/* An entry lives in a schema that it may not name as a dependency. */
static void find_schemas(struct graph *g)
{
    const struct kg_archive *a = g->a;
    KG_AUTO_FREE struct schema *list = kg_xalloc_array(a->n_entries, sizeof *list);
    size_t n = 0;

    for (size_t i = 0; i < a->n_entries; i++)
        if (strcmp(a->entry[i].desc, "SCHEMA") == 0 && a->entry[i].tag)
            list[n++] = (struct schema){ a->entry[i].tag, i };
    qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < a->n_entries; i++) {
        struct schema key = { a->entry[i].schema, 0 };
        const struct schema *at = key.name && n ? bsearch(&key, list, n, sizeof key, by_name) : NULL;

        g->node[i].schema = at ? at->at : NONE;
    }
}

/* Dependencies may name entries that are not in the archive: these do not count. */
static void make_graph(struct graph *g)
{
    const struct kg_archive *a = g->a;

    g->node = kg_xalloc_array(a->n_entries, sizeof *g->node);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        struct node *n = &g->node[i];

        n->traits = traits_of(e);
        n->dep = kg_xalloc_array(e->n_deps, sizeof *n->dep);
        for (size_t k = 0; k < e->n_deps; k++) {
            struct kg_err ignored = { 0 };
            const struct kg_toc_entry *d;
            uint64_t id;

            if (kg_parse_range(e->deps[k], 1, INT_MAX, &id, &ignored) < 0 || !(d = kg_archive_find(a, (int)id)) || d == e)
                continue;
            n->dep[n->n_deps++] = (size_t)(d - a->entry);
        }
        if (strcmp(e->desc, "TABLE ATTACH") == 0)
            for (size_t k = 0; k < n->n_deps; k++)
                g->node[n->dep[k]].attached = true;
    }
    find_schemas(g);
}

static void free_graph(struct graph *g)
{
    for (size_t i = 0; g->node && i < g->a->n_entries; i++)
        free(g->node[i].dep);
    free(g->node);
}

static void keep(struct graph *g, size_t i)
{
    if (!g->keep[i])
        g->changed = true;
    g->keep[i] = true;
}

static bool is(const struct graph *g, size_t i, const char *desc) { return strcmp(g->a->entry[i].desc, desc) == 0; }

/* ---- rules ---- */

/* True when child is attached to parent by a TABLE ATTACH entry: then its definition does not need the parent. */
static bool is_partition_of(const struct graph *g, size_t child, size_t parent)
{
    for (size_t i = 0; i < g->a->n_entries; i++) {
        const struct node *n = &g->node[i];
        bool c = false, p = false;

        if (!is(g, i, "TABLE ATTACH"))
            continue;
        for (size_t k = 0; k < n->n_deps; k++) {
            c |= n->dep[k] == child;
            p |= n->dep[k] == parent;
        }
        if (c && p && g->a->entry[i].tag && g->a->entry[child].tag &&
            strcmp(g->a->entry[i].tag, g->a->entry[child].tag) == 0)
            return true;
    }
    return false;
}

static void up(struct graph *g, size_t i)
{
    const struct node *n = &g->node[i];
    bool orphan = is(g, i, "TABLE DATA");

    if (n->schema != NONE)
        keep(g, n->schema);
    for (size_t k = 0; k < n->n_deps; k++) {
        size_t d = n->dep[k];

        orphan &= is(g, d, "TABLE DATA");
        if (g->keep[d] || is(g, d, "TABLE DATA"))
            continue;
        if (is(g, i, "TABLE") && is(g, d, "TABLE") && n->attached && is_partition_of(g, i, d))
            continue;
        keep(g, d);
    }
    /* Rows of an extension's configuration table: the table itself is in no entry, and which extension it belongs to
     * stands nowhere. */
    for (size_t k = 0; orphan && k < g->a->n_entries; k++)
        if (is(g, k, "EXTENSION"))
            keep(g, k);
}

static void down(struct graph *g, size_t i)
{
    const struct node *n = &g->node[i];
    bool on_kept = false;

    if (!(n->traits & HANGS) || g->keep[i])
        return;
    for (size_t k = 0; k < n->n_deps; k++) {
        size_t d = n->dep[k];

        if (g->keep[d])
            on_kept |= !(g->node[d].traits & PULLABLE) || is(g, d, "SEQUENCE") || (n->n_deps == 1 && !is(g, i, "SEQUENCE"));
        else if (!(g->node[d].traits & PULLABLE))
            return;
    }
    if (on_kept)
        keep(g, i);
}

static void parts(struct graph *g, size_t i)
{
    const struct node *n = &g->node[i];

    if (!is(g, i, "TABLE ATTACH"))
        return;
    for (size_t k = 0; k < n->n_deps; k++)
        for (size_t c = 0; c < n->n_deps; c++)
            if (g->keep[n->dep[k]] && !g->keep[n->dep[c]] && g->a->entry[i].tag && g->a->entry[n->dep[c]].tag &&
                strcmp(g->a->entry[n->dep[c]].tag, g->a->entry[i].tag) == 0 && is(g, n->dep[c], "TABLE"))
                keep(g, n->dep[c]);
}

static void close_over(struct graph *g)
{
    do {
        g->changed = false;
        for (size_t i = 0; i < g->a->n_entries; i++) {
            parts(g, i);
            if (g->keep[i])
                up(g, i);
            else
                down(g, i);
        }
    } while (g->changed);
}

/* ---- names ---- */

/* Takes one possibly quoted name off s; what stands behind it is *ret_end (all of it when a quote is not closed). */
static char *one_name(const char *s, const char **ret_end)
{
    const char *begin = s;
    char *out = kg_xalloc(strlen(s) + 1);
    size_t n = 0;

    if (*s != '"') {
        while (*s && *s != '.')
            out[n++] = *s++;
    } else {
        for (s++; *s && !(*s == '"' && s[1] != '"'); s++) {
            s += *s == '"';
            out[n++] = *s;
        }
        s = *s == '"' ? s + 1 : begin;
    }
    *ret_end = s;
    return out;
}

static int seed_table(struct graph *g, const char *spec, struct kg_err *err)
{
    const char *end;
    KG_AUTO_FREE char *first = one_name(spec, &end);
    KG_AUTO_FREE char *second = *end == '.' ? one_name(end + 1, &end) : NULL;
    const char *name = second ? second : first;
    bool found = false;

    if (*end)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not the name of a table", spec);
    for (size_t i = 0; i < g->a->n_entries; i++) {
        const struct kg_toc_entry *e = &g->a->entry[i];

        if (!(g->node[i].traits & RELATION) && !is(g, i, "TABLE DATA") && !is(g, i, "SEQUENCE"))
            continue;
        if (!e->tag || strcmp(e->tag, name) != 0 || (second && (!e->schema || strcmp(e->schema, first) != 0)))
            continue;
        keep(g, i);
        found = true;
    }
    return found ? 0 : kg_err_set(err, KG_E_NO_TABLE, "the recovery point has no table '%s'", spec);
}

static int seed_schema(struct graph *g, const char *spec, struct kg_err *err)
{
    const char *end;
    KG_AUTO_FREE char *name = one_name(spec, &end);
    bool found = false;

    for (size_t i = 0; !*end && i < g->a->n_entries; i++) {
        const struct kg_toc_entry *e = &g->a->entry[i];

        if ((e->schema && strcmp(e->schema, name) == 0 && (g->node[i].traits & (HANGS | PULLABLE)) != HANGS) ||
            (is(g, i, "SCHEMA") && e->tag && strcmp(e->tag, name) == 0)) {
            keep(g, i);
            found = true;
        }
    }
    return found ? 0 : kg_err_set(err, KG_E_NO_TABLE, "the recovery point has no schema '%s'", spec);
}

int kg_archive_select(const struct kg_archive *a, const char *const *schemas, size_t n_schemas,
                      const char *const *tables, size_t n_tables, bool *ret_keep, struct kg_err *err)
{
    struct graph g = { .a = a, .keep = ret_keep };
    int r = 0;

    make_graph(&g);
    memset(ret_keep, 0, a->n_entries * sizeof *ret_keep);
    for (size_t i = 0; r == 0 && i < n_schemas; i++)
        r = seed_schema(&g, schemas[i], err);
    for (size_t i = 0; r == 0 && i < n_tables; i++)
        r = seed_table(&g, tables[i], err);
    if (r == 0)
        close_over(&g);
    for (size_t i = 0; i < a->n_entries; i++)
        ret_keep[i] |= a->entry[i].step == KG_STEP_ALWAYS;
    free_graph(&g);
    return r;
}

/* ---- what is left out ---- */

/* How the entry's tag says which table it belongs to. */
enum owner { BY_PREFIX, BY_TAG, BY_DEPENDENCY };
static const struct { const char *desc, *kind; enum owner owner; } belongings[] = {
    { "FK CONSTRAINT", "foreign key", BY_PREFIX }, { "CHECK CONSTRAINT", "check", BY_PREFIX }, { "CONSTRAINT", "constraint", BY_PREFIX },
    { "TRIGGER", "trigger", BY_PREFIX },           { "RULE", "rule", BY_PREFIX },              { "POLICY", "policy", BY_PREFIX },
    { "DEFAULT", "default", BY_PREFIX },           { "TABLE ATTACH", "partition", BY_TAG },
    { "INDEX", "index", BY_DEPENDENCY },           { "STATISTICS", "statistics", BY_DEPENDENCY },
};

static bool is_relation(const struct kg_toc_entry *e) { return traits_of(e) & RELATION; }

/* "table name", of a table of that schema. */
static bool is_of(const struct kg_toc_entry *e, const struct kg_toc_entry *table, enum owner how)
{
    size_t n = strlen(table->tag ? table->tag : "");

    if (how == BY_DEPENDENCY)
        return true;
    if (!e->tag || !n || strncmp(e->tag, table->tag, n) != 0 || strcmp(e->schema ? e->schema : "", table->schema ? table->schema : "") != 0)
        return false;
    return how == BY_TAG ? !e->tag[n] : e->tag[n] == ' ';
}

static bool is_kept(const struct kg_archive *a, const bool *keep, const struct kg_toc_entry *e) { return keep[e - a->entry]; }

/* The table that is missing; a foreign key names the other one's primary key. */
static const struct kg_toc_entry *missing_table(const struct kg_archive *a, const bool *keep, const struct kg_toc_entry *e)
{
    const struct kg_toc_entry *any = NULL;

    for (size_t k = 0; k < e->n_deps; k++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, e, k);

        if (!d || is_kept(a, keep, d))
            continue;
        if (is_relation(d))
            return d;
        any = d;
    }
    for (size_t k = 0; any && k < any->n_deps; k++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, any, k);

        if (d && is_relation(d) && !is_kept(a, keep, d))
            return d;
    }
    return any;
}

static const struct kg_toc_entry *own_table(const struct kg_archive *a, const bool *keep, const struct kg_toc_entry *e, enum owner how)
{
    for (size_t k = 0; k < e->n_deps; k++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, e, k);

        if (d && is_relation(d) && is_kept(a, keep, d) && is_of(e, d, how))
            return d;
    }
    return NULL;
}

void kg_archive_left_out(const struct kg_archive *a, const bool *keep, kg_left_out_fn *fn, void *ctx)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        struct kg_left_out l = { 0 };

        for (size_t k = 0; !keep[i] && k < KG_ARRAY_LEN(belongings); k++) {
            if (strcmp(belongings[k].desc, e->desc) != 0 || !(l.table = own_table(a, keep, e, belongings[k].owner)) ||
                !(l.needs = missing_table(a, keep, e)))
                continue;
            l.kind = belongings[k].kind;
            l.name = e->tag ? e->tag : "";
            if (belongings[k].owner == BY_PREFIX)
                l.name += strlen(l.table->tag) + 1;
            fn(ctx, &l);
        }
    }
}
