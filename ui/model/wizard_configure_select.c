/* "Select databases": the servers of a region, each expanding to its databases. m->arg is {vault, region, secrets, taken}; the
 * result {rows: [{serverId, database, uri, keyVaultId}], secrets}. A server's databases are listed by logging in to it: which
 * secret does that is asked once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/configure.h"
#include "model/kinds.h"

enum { TAG_FLEXIBLE = 1000, TAG_SERVERS, TAG_DATABASES = 2000, SERVERS_MAX = 2000, TEXT_MAX = 4 << 20, ID_MAX = 4096 };

struct database { char *name, *reason; bool marked; };
struct server {
    char *id, *name, *host;
    struct database *database;
    size_t n;
    bool open;
    enum ui_load load;
    bool asked;                              /* it was listed, or is being */
    int tag;
    struct kg_err err;
};
struct line { size_t server, database; };    /* database: SIZE_MAX: the server's own */
struct own {
    struct ui_conf shared;                   /* for secrets and tags */
    struct kg_json *arg;
    struct server *server;
    size_t n, cap;
    struct line *line;
    size_t n_lines;
    size_t elsewhere;                        /* servers of other regions */
    unsigned asking;                         /* of the two lists of servers */
    struct kg_err err;
    size_t wants;                            /* the server that a secret is being chosen for */
};

static struct own *own_of(const struct ui_form *f) { return f->own; }

/* ---- what is shown ---- */

static bool passes(const char *name, const char *filter) { return !*filter || strcasestr(name, filter); }

/* A server stays while any of its databases passes, or while they are not known. */
static bool server_passes(const struct server *s, const char *filter)
{
    if (passes(s->name, filter) || !s->n)
        return true;
    for (size_t i = 0; i < s->n; i++)
        if (passes(s->database[i].name, filter))
            return true;
    return false;
}

static void add_line(struct own *o, size_t server, size_t database)
{
    o->line = kg_xrealloc_array(o->line, o->n_lines + 1, sizeof *o->line);
    o->line[o->n_lines++] = (struct line){ server, database };
}

/* What passes the filter; a server whose own name passes shows all it has. */
static void arrange(struct ui_form *f)
{
    struct own *o = own_of(f);
    const char *filter = ui_form_value(f, "filter");

    o->n_lines = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct server *s = &o->server[i];
        bool all = passes(s->name, filter);

        if (!server_passes(s, filter))
            continue;
        add_line(o, i, SIZE_MAX);
        for (size_t k = 0; s->open && k < s->n; k++)
            if (all || passes(s->database[k].name, filter))
                add_line(o, i, k);
    }
    if (f->grid.cursor >= o->n_lines)
        f->grid.cursor = o->n_lines ? o->n_lines - 1 : 0;
    f->base.changed = true;
}

/* ---- servers ---- */

static int by_name(const void *a, const void *b)
{
    const struct server *x = a, *y = b;
    int d = strcasecmp(x->name, y->name);

    return d ? d : strcasecmp(x->id, y->id);
}

static bool is_known(const struct own *o, const char *id)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcasecmp(o->server[i].id, id) == 0)
            return true;
    return false;
}

static void take_server(struct own *o, const struct kg_json *j)
{
    const char *id = kg_json_str(j, "id"), *region = kg_json_str_or(o->arg, "region", ""), *location = kg_json_str_or(j, "location", "");

    if (!id || is_known(o, id) || o->n >= SERVERS_MAX)
        return;
    if (*region && *location && strcasecmp(region, location) != 0) {
        o->elsewhere++;
        return;
    }
    KG_GROW(o->server, o->n, o->cap);
    o->server[o->n++] = (struct server){ .id = kg_xstrdup(id), .name = kg_xstrdup(kg_json_str_or(j, "name", ui_last_part(id))),
        .host = kg_xstrdup(kg_json_str_or(j, "properties.fullyQualifiedDomainName", "")), .load = UI_READY };
}

static void ask_servers(struct ui_form *f)
{
    static const struct { const char *type; int tag; } lists[] = { { "flexibleServers", TAG_FLEXIBLE }, { "servers", TAG_SERVERS } };
    struct own *o = own_of(f);

    o->elsewhere = 0;
    o->err = (struct kg_err){ 0 };
    f->base.host->ops->forget(f->base.host, &f->base, 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(lists); i++) {
        KG_AUTO_FREE char *path = kg_xprintf("/subscriptions/%s/providers/Microsoft.DBforPostgreSQL/%s", f->base.host->subscription,
                                             lists[i].type);

        ui_ask(&f->base, path, lists[i].tag);
    }
    o->asking = KG_ARRAY_LEN(lists);
    for (size_t i = 0; i < o->n; i++)        /* what was forgotten along with it */
        if (o->server[i].load == UI_LOADING)
            o->server[i] = (struct server){ .id = o->server[i].id, .name = o->server[i].name, .host = o->server[i].host,
                                            .load = UI_READY };
}

/* ---- databases ---- */

static void drop_databases(struct server *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->database[i].name);
        free(s->database[i].reason);
    }
    free(s->database);
    s->database = NULL;
    s->n = 0;
}

static const struct kg_json *secret_of(const struct own *o, const char *server)
{
    for (const struct kg_json *j = kg_json_first(o->shared.secrets); j; j = kg_json_next(j))
        if (strcasecmp(kg_json_str_or(j, "server", ""), server) == 0)
            return j;
    return NULL;
}

static void list_databases(struct ui_form *f, struct server *s, const char *uri)
{
    struct own *o = own_of(f);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(ID_MAX), text = KG_BUF_INIT(2 * ID_MAX);

    kg_json_set_str(body, "secretUri", uri);
    if (*kg_json_str_or(o->arg, "vault", ""))
        kg_json_set_str(body, "vaultId", kg_json_str(o->arg, "vault"));
    kg_buf_addf(&path, "%s/listDatabases", s->id);
    kg_json_print(body, false, &text);
    s->load = UI_LOADING;
    s->err = (struct kg_err){ 0 };
    s->asked = s->open = true;
    s->tag = ui_conf_tag(&o->shared);
    ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path.p, .body = text.p, .follow = true }, s->tag);
    arrange(f);
}

/* Servers whose secret was chosen before need not be opened again. */
static void open_known(struct ui_form *f)
{
    struct own *o = own_of(f);

    for (size_t i = 0; i < o->n; i++) {
        const struct kg_json *secret = secret_of(o, o->server[i].id);

        if (secret && !o->server[i].asked)
            list_databases(f, &o->server[i], kg_json_str_or(secret, "uri", ""));
    }
}

static void take_servers(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct own *o = own_of(f);
    const struct kg_json *json = a->reply ? a->reply->json : NULL;
    const char *next = a->err ? NULL : kg_json_str(json, "nextLink");

    if (a->err)
        o->err = *a->err;
    else
        for (const struct kg_json *j = kg_json_first(kg_json_get(json, "value")); j; j = kg_json_next(j))
            take_server(o, j);
    if (next && o->n < SERVERS_MAX)
        ui_ask(&f->base, next, tag);
    else
        o->asking--;
    if (!o->asking) {
        qsort(o->server, o->n, sizeof *o->server, by_name);
        open_known(f);
    }
    arrange(f);
}

static bool is_taken(const struct own *o, const struct server *s, const char *database)
{
    KG_AUTO_FREE char *part = ui_conf_encode(database);
    KG_AUTO_FREE char *id = kg_xprintf("%s/databases/%s", s->id, part);

    for (const struct kg_json *j = kg_json_first(kg_json_get(o->arg, "taken")); j; j = kg_json_next(j))
        if (strcasecmp(kg_json_value_str(j) ? kg_json_value_str(j) : "", id) == 0)
            return true;
    return false;
}

/* Why it cannot be chosen; NULL: it can. The caller frees. */
static char *reason_of(const struct own *o, const struct server *s, const struct kg_json *j)
{
    static const char part[] = "/backupVaults/";
    const char *by = strcasestr(kg_json_str_or(j, "protectedBy", ""), part), *reason = kg_json_str(j, "reason");

    if (is_taken(o, s, kg_json_str_or(j, "name", "")))
        return kg_xstrdup("It is in your list already.");
    if (by)
        return kg_xprintf("It is protected by vault '%.*s'.", (int)strcspn(by + sizeof part - 1, "/"), by + sizeof part - 1);
    return kg_xstrdup(reason ? reason : kg_json_bool(j, "selectable", true) ? NULL : "It cannot be backed up.");
}

static void take_databases(struct ui_form *f, struct server *s, const struct kg_answer *a)
{
    struct own *o = own_of(f);
    const struct kg_json *list = kg_json_get(a->reply ? a->reply->json : NULL, "value");

    s->tag = 0;
    s->load = a->err ? UI_BROKEN : UI_READY;
    if (a->err) {
        s->err = *a->err;
        arrange(f);
        return;
    }
    drop_databases(s);
    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j)) {
        const char *name = kg_json_str(j, "name");

        if (!name)
            continue;
        s->database = kg_xrealloc_array(s->database, s->n + 1, sizeof *s->database);
        s->database[s->n++] = (struct database){ .name = kg_xstrdup(name), .reason = reason_of(o, s, j) };
    }
    arrange(f);
}

static void choose_secret(struct ui_form *f, size_t server)
{
    struct own *o = own_of(f);
    const struct server *s = &o->server[server];
    const struct kg_json *now = secret_of(o, s->id);
    KG_AUTO_JSON struct kg_json *arg = kg_json_object();
    KG_AUTO_FREE char *what = kg_xprintf("listing the databases of server '%s'", s->name);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4 * ID_MAX);

    o->wants = server;
    kg_json_set_str(arg, "for", what);
    kg_json_set_str(arg, "uri", kg_json_str_or(now, "uri", ""));
    kg_json_set_str(arg, "keyVaultId", kg_json_str_or(now, "keyVaultId", ""));
    kg_json_print(arg, false, &text);
    ui_open(&f->base, "assign-key-vault", text.p);
}

/* Opens a server's node: with what is known, else by asking it, else by asking for a secret first. */
static void expand(struct ui_form *f, size_t server)
{
    struct own *o = own_of(f);
    struct server *s = &o->server[server];
    const struct kg_json *secret = secret_of(o, s->id);

    if (s->load == UI_BROKEN || !secret) {
        choose_secret(f, server);
    } else if (!s->asked) {
        list_databases(f, s, kg_json_str_or(secret, "uri", ""));
    } else {
        s->open = true;
        arrange(f);
    }
}

/* ---- the grid ---- */

static size_t count(const struct ui_form *f) { return own_of(f)->n_lines; }

static struct database *database_at(const struct own *o, size_t row)
{
    const struct line *l = &o->line[row];

    return l->database == SIZE_MAX ? NULL : &o->server[l->server].database[l->database];
}

static bool marked(const struct ui_form *f, size_t row)
{
    const struct database *d = database_at(own_of(f), row);

    return d && d->marked;
}

static int depth(const struct ui_form *f, size_t row) { return own_of(f)->line[row].database != SIZE_MAX; }

static enum ui_state node(const struct ui_form *f, size_t row)
{
    const struct own *o = own_of(f);
    const struct server *s = &o->server[o->line[row].server];

    if (database_at(o, row))
        return UI_NONE;
    return s->load == UI_LOADING ? UI_BUSY : s->open && s->load == UI_READY ? UI_OK : UI_OFF;
}

static void show(struct ui_shown *ret, const char *text)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(UI_SHOWN);

    kg_text_add_printable(&b, text);
    kg_text_copy(ret->text, sizeof ret->text, b.p);
}

static size_t count_marked(const struct server *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->database[i].marked;
    return n;
}

static void show_server(const struct server *s, struct ui_shown *ret)
{
    if (s->load == UI_BROKEN) {
        show(ret, "Its databases could not be listed");      /* why stands below the list, whole */
        ret->state = UI_FAILED;
    } else if (s->load == UI_LOADING) {
        show(ret, "Listing its databases…");
    } else if (!s->asked) {
        show(ret, "Enter lists its databases");
    } else {
        snprintf(ret->text, sizeof ret->text, "%zu database%s, %zu selected", s->n, s->n == 1 ? "" : "s", count_marked(s));
    }
}

static void cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    const struct own *o = own_of(f);
    const struct server *s = &o->server[o->line[row].server];
    const struct database *d = database_at(o, row);

    if (!d && column)
        show_server(s, ret);
    else if (!d)
        show(ret, s->name);
    else if (!column)
        show(ret, d->name);
    else
        show(ret, d->reason ? d->reason : d->marked ? "selected" : "");
    if (d && d->reason)
        ret->state = UI_OFF;
}

/* All that can be chosen of a server and passes the filter; when all are chosen already, none is. */
static void mark_lines(struct ui_form *f, size_t server)
{
    struct own *o = own_of(f);
    bool all = true;

    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < o->n_lines; i++) {
            struct database *d = database_at(o, i);

            if (!d || d->reason || (server != SIZE_MAX && o->line[i].server != server))
                continue;
            if (round)
                d->marked = !all;
            else
                all &= d->marked;
        }
}

static void mark(struct ui_form *f, size_t row)
{
    struct own *o = own_of(f);
    struct database *d = database_at(o, row);

    if (!d && !o->server[o->line[row].server].open) {
        expand(f, o->line[row].server);
    } else if (!d) {
        mark_lines(f, o->line[row].server);
    } else {
        d->marked = !d->marked && !d->reason;
    }
}

static void collapse(struct ui_form *f, size_t row)
{
    struct own *o = own_of(f);
    size_t server = o->line[row].server;

    while (row && o->line[row].database != SIZE_MAX)
        row--;
    f->grid.cursor = row;
    o->server[server].open = false;
    arrange(f);
}

static void to_filter(struct ui_form *f)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->input[i].field->name && strcmp(f->input[i].field->name, "filter") == 0)
            ui_form_focus(f, (int)i);
}

static bool act(struct ui_form *f, size_t row, enum ui_action a)
{
    struct own *o = own_of(f);
    size_t server = o->line[row].server;
    bool is_server = !database_at(o, row);

    switch (a) {
    case UI_ACT_MARK: mark(f, row); break;
    case UI_ACT_MARK_ALL: mark_lines(f, SIZE_MAX); break;
    case UI_ACT_LEFT: collapse(f, row); break;
    case UI_ACT_FILTER: to_filter(f); break;
    case UI_ACT_RIGHT:
        if (is_server && o->server[server].load != UI_LOADING)
            expand(f, server);
        break;
    case UI_ACT_OPEN:
        if (!is_server)
            mark(f, row);
        else if (o->server[server].open && o->server[server].load == UI_READY)
            collapse(f, row);
        else if (o->server[server].load != UI_LOADING)
            expand(f, server);
        break;
    default: return false;
    }
    f->base.changed = true;
    return true;
}

/* ---- commands ---- */

static const char *needs_server(const struct ui_model *m)
{
    const struct ui_form *f = (const struct ui_form *)m;
    const struct own *o = f->own;

    if (f->grid.cursor >= o->n_lines)
        return "there is no server";
    return o->server[o->line[f->grid.cursor].server].load == UI_LOADING ? "its databases are being listed" : NULL;
}

static void other_secret(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;

    choose_secret(f, own_of(f)->line[f->grid.cursor].server);
}

static void add_server(struct ui_model *m) { ui_open(m, "add-server", ""); }

static const struct ui_command commands[] = {
    { "list-with-secret", "Log in with", 'v', 0, "Choose the key vault and secret that list the databases of this server", needs_server,
      other_secret, NULL },
    { "add-server", "Add server", 'c', UI_WRITES, "Register a PostgreSQL server", NULL, add_server, NULL },
};
static const struct ui_column columns[] = {
    { .title = "Server / database", .min = 20, .want = 30 },
    { .title = "", .min = 20, .want = 44 },
};
static const struct ui_grid grid = {
    .column = columns, .n_columns = KG_ARRAY_LEN(columns), .count = count, .cell = cell, .marked = marked, .depth = depth, .node = node,
    .act = act, .commands = commands, .n_commands = KG_ARRAY_LEN(commands),
    .empty = "No PostgreSQL server to show. Press c to add one.",
};

static void add_err(const struct kg_err *err, struct kg_buf *ret)
{
    kg_text_add_printable(ret, err->msg);
    kg_buf_addf(ret, " (%s)\n", kg_code_arm(err->code));
    kg_text_add_printable(ret, err->action);
}

/* What the row's own line has no room for, in full. */
static void add_row(const struct own *o, size_t row, struct kg_buf *ret)
{
    const struct server *s = row < o->n_lines ? &o->server[o->line[row].server] : NULL;
    const struct database *d = s ? database_at(o, row) : NULL;

    if (s && s->load == UI_BROKEN) {
        kg_buf_adds(ret, "\n");
        kg_text_add_printable(ret, s->name);
        kg_buf_adds(ret, ": ");
        add_err(&s->err, ret);
        kg_buf_adds(ret, "\nEnter logs in again, also with another secret.");
    } else if (d && d->reason) {
        kg_buf_adds(ret, "\n");
        kg_text_add_printable(ret, d->name);
        kg_buf_adds(ret, ": ");
        kg_text_add_printable(ret, d->reason);
    }
}

static void summary(const struct ui_form *f, struct kg_buf *ret)
{
    const struct own *o = own_of(f);
    size_t n = 0;

    for (size_t i = 0; i < o->n; i++)
        n += count_marked(&o->server[i]);
    if (o->err.code) {
        kg_buf_adds(ret, "! Not all servers could be listed: ");
        add_err(&o->err, ret);
        return;
    }
    kg_buf_addf(ret, o->asking ? "Loading…" : "%zu selected", n);
    if (o->elsewhere) {
        kg_buf_addf(ret, ". %zu server%s of other regions %s not shown: the vault is in '", o->elsewhere, o->elsewhere == 1 ? "" : "s",
                    o->elsewhere == 1 ? "is" : "are");
        kg_text_add_printable(ret, kg_json_str_or(o->arg, "region", ""));
        kg_buf_adds(ret, "'");
    }
    add_row(o, f->grid.cursor, ret);
}

static const char *check_selection(const struct ui_form *f)
{
    const struct own *o = own_of(f);

    for (size_t i = 0; i < o->n; i++)
        if (count_marked(&o->server[i]))
            return NULL;
    return "Select at least one database: open a server with Enter, select with Space.";
}

/* ---- beginning and end ---- */

static void filter_changed(struct ui_form *f)
{
    if (own_of(f))
        arrange(f);
}

static void open_page(struct ui_form *f)
{
    struct own *o = own_of(f);
    struct kg_err ignored = { 0 };

    if (kg_json_parse(f->base.arg, strlen(f->base.arg), &o->arg, &ignored) < 0)
        o->arg = NULL;
    o->shared.secrets = kg_json_get(o->arg, "secrets") ? kg_json_copy(kg_json_get(o->arg, "secrets")) : kg_json_array();
    ask_servers(f);
}

static void done(struct ui_form *f)
{
    struct own *o = own_of(f);

    for (size_t i = 0; i < o->n; i++) {
        drop_databases(&o->server[i]);
        free(o->server[i].id);
        free(o->server[i].name);
        free(o->server[i].host);
    }
    free(o->server);
    free(o->line);
    kg_json_free(o->arg);
    kg_json_free(o->shared.secrets);
}

static void answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct own *o = own_of(f);

    if (tag < TAG_DATABASES)
        take_servers(f, tag, a);
    for (size_t i = 0; i < o->n && tag >= TAG_DATABASES; i++)
        if (o->server[i].tag == tag) {
            take_databases(f, &o->server[i], a);
            return;
        }
}

static void closed(struct ui_form *f, const char *kind, const char *result)
{
    struct own *o = own_of(f);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };
    const char *uri;

    if (!result)
        return;
    if (strcmp(kind, "add-server") == 0)
        ask_servers(f);
    if (strcmp(kind, "assign-key-vault") != 0 || kg_json_parse(result, strlen(result), &j, &ignored) < 0 || o->wants >= o->n)
        return;
    uri = kg_json_str_or(j, "uri", "");
    ui_conf_remember(&o->shared, o->server[o->wants].id, uri, kg_json_str(j, "keyVaultId"));
    list_databases(f, &o->server[o->wants], uri);
}

static void add_chosen(const struct own *o, const struct server *s, struct kg_json *rows)
{
    const struct kg_json *secret = secret_of(o, s->id);

    for (size_t i = 0; i < s->n; i++) {
        struct kg_json *one;

        if (!s->database[i].marked)
            continue;
        one = kg_json_object();
        kg_json_set_str(one, "serverId", s->id);
        kg_json_set_str(one, "database", s->database[i].name);
        kg_json_set_str(one, "uri", kg_json_str(secret, "uri"));
        kg_json_set_str(one, "keyVaultId", kg_json_str(secret, "keyVaultId"));
        kg_json_push(rows, one);
    }
}

static void finished(struct ui_form *f)
{
    const struct own *o = own_of(f);
    KG_AUTO_JSON struct kg_json *result = kg_json_object();
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(TEXT_MAX);
    struct kg_json *rows = kg_json_array();

    for (size_t i = 0; i < o->n; i++)
        add_chosen(o, &o->server[i], rows);
    kg_json_set(result, "rows", rows);
    kg_json_set(result, "secrets", kg_json_copy(o->shared.secrets));
    kg_json_print(result, false, &text);
    ui_close(&f->base, text.p);
}

/* A filter is nothing to lose, a selection is. */
static bool dirty(const struct ui_model *m)
{
    const struct ui_form *f = (const struct ui_form *)m;

    return !f->finished && !check_selection(f);
}

static const struct ui_field fields[] = {
    { .name = "databases", .label = "", .type = UI_FIELD_GRID },
    { .name = "filter", .label = "Filter", .type = UI_FIELD_TEXT, .optional = true, .max = 200, .changed = filter_changed,
      .press = ui_form_focus_grid },
    { .label = "", .type = UI_FIELD_NOTE, .text = summary },
};
static const struct ui_step steps[] = { { .title = "Databases", .field = fields, .n_fields = KG_ARRAY_LEN(fields), .grid = &grid,
                                          .check = check_selection } };
static const struct ui_form_kind form = {
    .step = steps, .n_steps = 1, .submit_label = "Add", .own_size = sizeof(struct own), .open = open_page, .done = done,
    .answer = answer, .closed = closed, .finished = finished,
};
const struct ui_kind ui_wizard_select_databases = {
    .name = "select-databases", .title = "Select databases", .shape = UI_WIZARD, .family = UI_FORM, .data = &form,
    .dirty = dirty,
};
