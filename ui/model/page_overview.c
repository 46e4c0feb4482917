#include "model/page_overview.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/kinds.h"

enum { REFRESH = 5 * 1000000 };

const struct ui_first_step ui_first_steps[] = {
    { "Register a PostgreSQL server", "Host, port and how it is connected to.", "add-server", "servers" },
    { "Create a key vault, and a secret in it", "Its secrets are the users and passwords with which backups log in.",
      "create-key-vault", "keyVaultsWithSecrets" },
    { "Create a Backup vault", "Where backups are kept, encrypted. Keep its recovery key safe.", "create-vault", "vaults" },
    { "Create a backup policy", "When backups run, and how long they are kept.", "create-policy", "policies" },
    { "Configure backup", "Choose databases; whether they are ready is checked.", "configure-backup", "instances.total" },
};
const size_t ui_first_steps_n = KG_ARRAY_LEN(ui_first_steps);

/* ---- what the answer says ---- */

static size_t rows_of(const struct ui_overview *o, const char *path)
{
    size_t n = kg_json_count(kg_json_get(o->center, path));

    return n < UI_OVERVIEW_ROWS ? n : UI_OVERVIEW_ROWS;
}

size_t ui_overview_attention(const struct ui_overview *o) { return rows_of(o, "instances.attention"); }
size_t ui_overview_next(const struct ui_overview *o) { return rows_of(o, "nextBackups"); }

bool ui_overview_is_empty(const struct ui_overview *o) { return o->center && !kg_json_u64(o->center, "instances.total", 0); }

bool ui_first_step_done(const struct ui_overview *o, size_t i) { return kg_json_u64(o->center, ui_first_steps[i].count, 0) > 0; }

/* The id of a key vault that is there, but has no secret, while none has one; or NULL. */
static const char *waiting_keyvault(const struct ui_overview *o, size_t i)
{
    return strcmp(ui_first_steps[i].opens, "create-key-vault") == 0 && !ui_first_step_done(o, i)
               ? kg_json_str(o->center, "keyVaultWithoutSecret") : NULL;
}

const char *ui_first_step_text(const struct ui_overview *o, size_t i)
{
    return waiting_keyvault(o, i) ? "The key vault holds no secret to log in with yet. Enter makes one." : ui_first_steps[i].text;
}

static size_t items(const struct ui_overview *o)
{
    return ui_overview_is_empty(o) ? ui_first_steps_n : UI_TILE_ITEMS + ui_overview_attention(o) + ui_overview_next(o);
}

/* ---- asking ---- */

static void ask(struct ui_overview *o)
{
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(1000);

    if (o->asking)
        return;
    ui_path(&o->base, "/subscriptions/{sub}/providers/Microsoft.DataProtection/backupCenter", &path);
    o->asking = true;
    o->asked = o->base.host->now;
    (void)ui_ask(&o->base, path.p, 0);
}

static void open_page(struct ui_model *m) { ask((struct ui_overview *)m); }
static void done(struct ui_model *m) { kg_json_free(((struct ui_overview *)m)->center); }

/* The cursor of the first-run page stands on the first step that is not done. */
static void to_first_step(struct ui_overview *o)
{
    o->cursor = 0;
    while (o->cursor + 1 < ui_first_steps_n && ui_first_step_done(o, o->cursor))
        o->cursor++;
}

static void answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    struct ui_overview *o = (struct ui_overview *)m;
    bool first = !o->center, was_empty = ui_overview_is_empty(o);

    (void)tag, (void)id;
    o->asking = false;
    m->stale = a->err != NULL;
    if (a->err) {
        o->err = *a->err;
        o->load = o->center ? UI_READY : UI_BROKEN;
        return;
    }
    kg_json_free(o->center);
    o->center = kg_json_copy(a->reply->json);
    o->err = (struct kg_err){ 0 };
    o->load = UI_READY;
    if (ui_overview_is_empty(o) && (first || was_empty))
        to_first_step(o);
    if (o->cursor >= items(o))
        o->cursor = items(o) ? items(o) - 1 : 0;
}

static void tick(struct ui_model *m)
{
    struct ui_overview *o = (struct ui_overview *)m;

    if (m->host->now >= ui_due(m->host, o->asked, REFRESH))
        ask(o);
}

static int64_t wake(const struct ui_model *m)
{
    const struct ui_overview *o = (const struct ui_overview *)m;

    return o->asking ? 0 : ui_due(m->host, o->asked, REFRESH);
}

/* ---- keys ---- */

static void open_tile(struct ui_overview *o)
{
    const char *arg, *kind = ui_overview_line(o->cursor / UI_TILE_LINES, o->cursor % UI_TILE_LINES, &arg);

    ui_open(&o->base, kind, arg);
}

static void open_row(struct ui_overview *o, const char *list, size_t i)
{
    const struct kg_json *row = kg_json_first(kg_json_get(o->center, list));

    while (row && i--)
        row = kg_json_next(row);
    if (row)
        ui_open(&o->base, "backup-instance", kg_json_str_or(row, "id", ""));
}

static void open_step(struct ui_overview *o)
{
    const char *keyvault = waiting_keyvault(o, o->cursor);

    ui_open(&o->base, keyvault ? "create-secret" : ui_first_steps[o->cursor].opens, keyvault);
}

static void open_item(struct ui_overview *o)
{
    size_t attention = ui_overview_attention(o);

    if (!o->center)
        return;
    if (ui_overview_is_empty(o))
        open_step(o);
    else if (o->cursor < UI_TILE_ITEMS)
        open_tile(o);
    else if (o->cursor < UI_TILE_ITEMS + attention)
        open_row(o, "instances.attention", o->cursor - UI_TILE_ITEMS);
    else
        open_row(o, "nextBackups", o->cursor - UI_TILE_ITEMS - attention);
}

/* Among the tiles' lines: up and down inside of a tile, then on to the lists; to the sides from tile to tile, on the same line. */
static void move_in_tiles(struct ui_overview *o, enum ui_action a)
{
    size_t tile = o->cursor / UI_TILE_LINES, line = o->cursor % UI_TILE_LINES, n = items(o);

    if (a == UI_ACT_UP)
        o->cursor -= line > 0;
    else if (a == UI_ACT_DOWN && line + 1 < UI_TILE_LINES)
        o->cursor++;
    else if (a == UI_ACT_DOWN)
        o->cursor = n > UI_TILE_ITEMS ? UI_TILE_ITEMS : o->cursor;
    else if (a == UI_ACT_LEFT || a == UI_ACT_PREVIOUS)
        o->cursor = tile ? o->cursor - UI_TILE_LINES : n - 1;
    else if (tile + 1 < UI_TILES)
        o->cursor += UI_TILE_LINES;
    else
        o->cursor = n > UI_TILE_ITEMS ? UI_TILE_ITEMS : 0;
}

static void move(struct ui_overview *o, enum ui_action a)
{
    size_t n = items(o);

    if (!ui_overview_is_empty(o) && o->cursor < UI_TILE_ITEMS)
        move_in_tiles(o, a);
    else if (a == UI_ACT_UP)
        o->cursor -= o->cursor > 0;
    else if (a == UI_ACT_DOWN)
        o->cursor += o->cursor + 1 < n;
    else if (a == UI_ACT_LEFT || a == UI_ACT_PREVIOUS)
        o->cursor = o->cursor ? o->cursor - 1 : n ? n - 1 : 0;
    else
        o->cursor = o->cursor + 1 < n ? o->cursor + 1 : 0;
}

static bool act(struct ui_model *m, enum ui_action a)
{
    struct ui_overview *o = (struct ui_overview *)m;
    size_t n = items(o);

    switch (a) {
    case UI_ACT_BACK:
        if (o->err.code == KG_E_OK || !o->center)
            return false;
        o->err = (struct kg_err){ 0 };
        return true;
    case UI_ACT_UP: case UI_ACT_DOWN: case UI_ACT_LEFT: case UI_ACT_RIGHT: case UI_ACT_PREVIOUS: case UI_ACT_NEXT:
        move(o, a);
        return true;
    case UI_ACT_FIRST: o->cursor = 0; return true;
    case UI_ACT_LAST: o->cursor = n ? n - 1 : 0; return true;
    case UI_ACT_OPEN: open_item(o); return true;
    case UI_ACT_REFRESH: ask(o); return true;
    default: return false;
    }
}

static void closed(struct ui_model *m, const char *kind, const char *result)
{
    (void)kind, (void)result;
    ask((struct ui_overview *)m);
}

static const struct ui_command commands[] = {
    { "configure-backup", "Configure backup", 'c', UI_WRITES, "Protect databases: vault, policy, databases, readiness", NULL, NULL,
      "configure-backup" },
    { "restore", "Restore", 'r', UI_WRITES, "Restore a database or files from a recovery point", NULL, NULL, "restore" },
    { "create-vault", "Create vault", 'v', UI_WRITES, "Create a Backup vault", NULL, NULL, "create-vault" },
    { "create-policy", "Create policy", 'p', UI_WRITES, "Create a backup policy", NULL, NULL, "create-policy" },
};
const struct ui_kind ui_page_overview = {
    .name = "overview", .title = "Backup center", .family = UI_CUSTOM, .commands = commands, .n_commands = KG_ARRAY_LEN(commands),
    .size = sizeof(struct ui_overview), .found_by = "overview home start", .open = open_page, .done = done, .answer = answer,
      .act = act,
    .tick = tick, .wake = wake, .closed = closed,
};
