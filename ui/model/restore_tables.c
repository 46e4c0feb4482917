/* What the chosen recovery point holds: a tree of schemas and tables, of which some can be marked. */
#include "model/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

enum { NAME_MAX_ = 1024 };

/* ---- what is there ---- */

static void drop(struct ui_restore *r)
{
    for (size_t i = 0; i < r->tables.n; i++) {
        free(r->tables.v[i].schema);
        free(r->tables.v[i].name);
        free(r->tables.v[i].kind);
    }
    r->tables.n = r->tables.n_shown = 0;
}

void ui_restore_tables_done(struct ui_restore *r)
{
    drop(r);
    free(r->tables.v);
    free(r->tables.shown);
    free(r->tables.of);
}

/* Schemas, and the tables of those that are open. */
static void arrange(struct ui_restore *r)
{
    r->tables.shown = kg_xrealloc_array(r->tables.shown, r->tables.n + 1, sizeof *r->tables.shown);
    r->tables.n_shown = 0;
    for (size_t i = 0; i < r->tables.n; i++)
        if (!r->tables.v[i].name || r->tables.v[r->tables.v[i].parent].open)
            r->tables.shown[r->tables.n_shown++] = i;
}

static struct ui_restore_node *push(struct ui_restore *r)
{
    KG_GROW(r->tables.v, r->tables.n, r->tables.cap);
    r->tables.v[r->tables.n] = (struct ui_restore_node){ 0 };
    return &r->tables.v[r->tables.n++];
}

static int by_name(const void *a, const void *b)
{
    const struct kg_json *x = *(const struct kg_json *const *)a, *y = *(const struct kg_json *const *)b;
    int c = strcmp(kg_json_str_or(x, "schema", ""), kg_json_str_or(y, "schema", ""));

    return c ? c : strcmp(kg_json_str_or(x, "name", ""), kg_json_str_or(y, "name", ""));
}

static void add_table(struct ui_restore *r, size_t *schema, const struct kg_json *item)
{
    const char *in = kg_json_str_or(item, "schema", "");
    struct ui_restore_node *t;

    if (!r->tables.n || strcmp(r->tables.v[*schema].schema, in) != 0) {
        *schema = r->tables.n;
        push(r)->schema = kg_xstrdup(in);
    }
    t = push(r);
    t->schema = kg_xstrdup(in);
    t->name = kg_xstrdup(kg_json_str_or(item, "name", ""));
    t->kind = kg_xstrdup(kg_json_str_or(item, "kind", "table"));
    t->rows = kg_json_u64(item, "rows", 0);
    t->bytes = kg_json_u64(item, "bytes", 0);
    t->parent = *schema;
    r->tables.v[*schema].rows += t->rows;
    r->tables.v[*schema].bytes += t->bytes;
}

static void take(struct ui_restore *r, const struct kg_json *json)
{
    const struct kg_json *list = kg_json_get(json, "value");
    size_t n = 0, schema = 0, schemas = 0;
    KG_AUTO_FREE const struct kg_json **item = kg_xalloc_array(kg_json_count(list) + 1, sizeof *item);

    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j))
        item[n++] = j;
    qsort(item, n, sizeof *item, by_name);
    drop(r);
    for (size_t i = 0; i < n; i++)
        add_table(r, &schema, item[i]);
    for (size_t i = 0; i < r->tables.n; i++)
        schemas += !r->tables.v[i].name;
    for (size_t i = 0; schemas == 1 && i < r->tables.n; i++)
        r->tables.v[i].open = !r->tables.v[i].name;
    r->tables.omitted = kg_json_u64(json, "omitted", 0);
    arrange(r);
}

void ui_restore_tables_ask(struct ui_form *f)
{
    struct ui_restore *r = ui_restore_of(f);
    KG_AUTO_FREE char *path = NULL;

    if (!r->points.chosen || (r->tables.of && strcasecmp(r->tables.of, r->points.chosen) == 0 && r->tables.load != UI_BROKEN))
        return;
    drop(r);
    free(r->tables.of);
    r->tables.of = kg_xstrdup(r->points.chosen);
    r->tables.load = UI_LOADING;
    r->tables.err = (struct kg_err){ 0 };
    r->tables.asked++;
    path = kg_xprintf("%s/listContents", r->points.chosen);
    (void)ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path, .body = "{}", .follow = true },
                      UI_RESTORE_CONTENTS + r->tables.asked);
}

void ui_restore_tables_answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct ui_restore *r = ui_restore_of(f);

    if (tag != UI_RESTORE_CONTENTS + r->tables.asked)
        return;
    r->tables.load = a->err ? UI_BROKEN : UI_READY;
    if (a->err)
        r->tables.err = *a->err;
    else
        take(r, a->reply ? a->reply->json : NULL);
    f->base.changed = true;
}

/* ---- marks ---- */

static bool is_marked(const struct ui_restore *r, size_t i)
{
    const struct ui_restore_node *n = &r->tables.v[i];

    return n->marked || (n->name && r->tables.v[n->parent].marked);
}

/* A table that leaves a marked schema leaves its sisters marked, one by one. */
static void toggle(struct ui_restore *r, size_t i)
{
    struct ui_restore_node *n = &r->tables.v[i];
    bool on = !is_marked(r, i), apart = n->name && r->tables.v[n->parent].marked;
    size_t schema = n->name ? n->parent : i;

    for (size_t k = schema + 1; k < r->tables.n && r->tables.v[k].name; k++)
        if (apart || !n->name)
            r->tables.v[k].marked = apart;
    if (apart)
        r->tables.v[schema].marked = false;
    n->marked = on;
}

bool ui_restore_tables_any(const struct ui_restore *r)
{
    for (size_t i = 0; i < r->tables.n; i++)
        if (r->tables.v[i].marked)
            return true;
    return false;
}

void ui_restore_tables_words(const struct ui_restore *r, struct kg_buf *ret)
{
    size_t schemas = 0, tables = 0;
    uint64_t rows = 0, bytes = 0;
    char size[40], count[40];

    for (size_t i = 0; i < r->tables.n; i++) {
        const struct ui_restore_node *n = &r->tables.v[i];

        if (!n->marked)
            continue;
        schemas += !n->name;
        tables += n->name != NULL;
        rows += n->rows;
        bytes += n->bytes;
    }
    ui_format_bytes((double)bytes, size, sizeof size);
    ui_format_count(rows, count, sizeof count);
    if (schemas)
        kg_buf_addf(ret, "%zu schema%s", schemas, schemas == 1 ? "" : "s");
    if (tables)
        kg_buf_addf(ret, "%s%zu table%s", schemas ? ", " : "", tables, tables == 1 ? "" : "s");
    if (schemas || tables)
        kg_buf_addf(ret, ": %s rows, %s", count, size);
}

/* Names with a dot or a quote are ambiguous without quotes. */
static void add_name(const char *name, struct kg_buf *ret)
{
    if (!strpbrk(name, ".\"")) {
        kg_buf_adds(ret, name);
        return;
    }
    kg_buf_adds(ret, "\"");
    for (; *name; name++)
        kg_buf_addf(ret, "%s%c", *name == '"' ? "\"" : "", *name);
    kg_buf_adds(ret, "\"");
}

void ui_restore_tables_each(const struct ui_restore *r, void (*fn)(void *ctx, bool table, const char *name), void *ctx)
{
    for (size_t i = 0; i < r->tables.n; i++) {
        KG_AUTO_BUF struct kg_buf name = KG_BUF_INIT(NAME_MAX_);
        const struct ui_restore_node *n = &r->tables.v[i];

        if (!n->marked)
            continue;
        add_name(n->schema, &name);
        if (n->name) {
            kg_buf_adds(&name, ".");
            add_name(n->name, &name);
        }
        fn(ctx, n->name != NULL, name.p);
    }
}

/* ---- the grid ---- */

enum { C_NAME, C_KIND, C_ROWS, C_SIZE };
static const struct ui_column columns[] = {
    [C_NAME] = { .title = "Schema, table", .min = 20, .want = 44 }, [C_KIND] = { .title = "Kind", .min = 15, .want = 17, .rank = 1 },
    [C_ROWS] = { .title = "Rows", .min = 9, .want = 14, .right = true },
    [C_SIZE] = { .title = "Size", .min = 9, .want = 10, .right = true },
};

static size_t count(const struct ui_form *f) { return ui_restore_of(f)->tables.n_shown; }

static const struct ui_restore_node *node_at(const struct ui_form *f, size_t row)
{
    return &ui_restore_of(f)->tables.v[ui_restore_of(f)->tables.shown[row]];
}

/* Of a schema of which some tables are chosen: how many. */
static void kind_words(const struct ui_form *f, size_t row, struct ui_shown *ret)
{
    const struct ui_restore *r = ui_restore_of(f);
    size_t i = r->tables.shown[row], all = 0, some = 0;

    for (size_t k = i + 1; !r->tables.v[i].name && k < r->tables.n && r->tables.v[k].name; k++, all++)
        some += r->tables.v[k].marked;
    if (some)
        snprintf(ret->text, sizeof ret->text, "%zu of %zu chosen", some, all);
    else
        kg_text_copy(ret->text, sizeof ret->text, r->tables.v[i].kind ? r->tables.v[i].kind : "schema");
}

static void cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    const struct ui_restore_node *n = node_at(f, row);
    KG_AUTO_BUF struct kg_buf name = KG_BUF_INIT(NAME_MAX_);

    switch (column) {
    case C_NAME:
        kg_text_add_printable(&name, n->name ? n->name : n->schema);
        kg_text_copy(ret->text, sizeof ret->text, name.len ? name.p : "");
        break;
    case C_KIND: kind_words(f, row, ret); break;
    case C_ROWS: ui_format_count(n->rows, ret->text, sizeof ret->text); break;
    default: ui_format_bytes((double)n->bytes, ret->text, sizeof ret->text); break;
    }
}

static bool marked(const struct ui_form *f, size_t row) { return is_marked(ui_restore_of(f), ui_restore_of(f)->tables.shown[row]); }
static int depth(const struct ui_form *f, size_t row) { return node_at(f, row)->name != NULL; }
static enum ui_state node(const struct ui_form *f, size_t row)
{
    const struct ui_restore_node *n = node_at(f, row);

    return n->name ? UI_NONE : n->open ? UI_OK : UI_OFF;
}

static bool unfold(struct ui_form *f, size_t i, bool open)
{
    struct ui_restore *r = ui_restore_of(f);
    bool was = r->tables.v[i].open;

    r->tables.v[i].open = open;
    arrange(r);
    return was != open;
}

/* Left on a table goes to its schema. */
static bool fold(struct ui_form *f, size_t i)
{
    struct ui_restore *r = ui_restore_of(f);

    if (!r->tables.v[i].name)
        return unfold(f, i, false);
    for (size_t row = 0; row < r->tables.n_shown; row++)
        if (r->tables.shown[row] == r->tables.v[i].parent)
            f->grid.cursor = row;
    return true;
}

static bool act(struct ui_form *f, size_t row, enum ui_action a)
{
    struct ui_restore *r = ui_restore_of(f);
    size_t i = r->tables.shown[row];
    bool table = r->tables.v[i].name != NULL;

    switch (a) {
    case UI_ACT_RIGHT: return table || unfold(f, i, true);
    case UI_ACT_LEFT: return fold(f, i);
    case UI_ACT_OPEN:
        if (!table)
            return unfold(f, i, !r->tables.v[i].open);
        toggle(r, i);
        return true;
    case UI_ACT_MARK:
        toggle(r, i);
        return true;
    default: return false;
    }
}

const struct ui_grid ui_restore_tables_grid = {
    .column = columns, .n_columns = KG_ARRAY_LEN(columns), .empty = " ", .count = count, .cell = cell, .marked = marked,
    .depth = depth, .node = node, .act = act,
};
