/* The command palette: finds the commands of this page, all pages, wizards, portal commands and resources by parts of their
 * names, as the Azure portal's search box does.
 *
 * (1) Every word that was typed must be in an entry, ignoring case, as the beginning of a word better than in its middle.
 * (2) Resources are fetched each time the palette is opened: what was made a moment ago is found. Until an answer is there the
 *     one before is searched; what arrives later joins the list without moving the cursor off its entry. */
#include "shell/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "json/json.h"
#include "model/cells.h"
#include "model/format.h"
#include "theme/theme.h"

enum { LIST_H = 14, PALETTE_W = 76, RESOURCES_MAX = 2000 };

/* ---- resources ---- */

/* Behind "/subscriptions/NAME/". What lies in a vault is not among the resources, so backup instances and policies are asked for
 * as well. */
static const struct { const char *method, *path, *body; } lists[UI_FOUND_IN] = {
    { "GET", "resources?$top=1000", NULL },
    { "POST", "providers/Microsoft.DataProtection/searchBackupInstances", "{}" },
    { "POST", "providers/Microsoft.DataProtection/searchBackupPolicies", "{}" },
};
#define POLICY "Backup policy"
static const struct { const char *type, *what; } types[] = {
    { "Microsoft.DataProtection/backupVaults", "Backup vault" },
    { "Microsoft.DataProtection/backupVaults/backupPolicies", POLICY },
    { "Microsoft.DBforPostgreSQL/flexibleServers", "PostgreSQL flexible server" },
    { "Microsoft.DBforPostgreSQL/servers", "PostgreSQL server" },
    { "Microsoft.KeyVault/vaults", "Key vault" },
    { "Microsoft.Storage/storageAccounts", "Storage account" },
};

static const char *what_is(const char *type)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(types); i++)
        if (strcasecmp(types[i].type, type) == 0)
            return types[i].what;
    return "Backup instance";
}

/* "Backup policy of prod-vault": several vaults may have one of the same name. */
static void add_what(const struct kg_json *of, struct kg_json *ret)
{
    char vault[100], what[140];

    snprintf(what, sizeof what, "%s", what_is(kg_json_str_or(of, "type", "")));
    if (strcmp(what, POLICY) == 0 && *ui_id_part(kg_json_str_or(of, "id", ""), "backupVaults", vault, sizeof vault))
        snprintf(what, sizeof what, POLICY " of %s", vault);
    kg_json_set_str(ret, "what", what);
}

static void find(struct ui_shell *s);

static void resources_answered(void *ctx, uint64_t id, const struct kg_answer *a)
{
    struct ui_shell *s = ctx;
    const struct kg_json *items;
    const char *next, *host;
    size_t which = 0;

    while (which < KG_ARRAY_LEN(lists) && s->palette.call[which] != id)
        which++;
    if (which == KG_ARRAY_LEN(lists))
        return;
    s->palette.call[which] = 0;
    if (a->err)
        return;
    if (s->palette.stale[which]) {
        kg_json_free(s->palette.resources[which]);
        s->palette.resources[which] = kg_json_array();
        s->palette.stale[which] = false;
    }
    items = kg_json_get(a->reply->json, "value");
    if (!items)
        items = kg_json_get(a->reply->json, "data");
    for (const struct kg_json *i = kg_json_first(items); i; i = kg_json_next(i)) {
        struct kg_json *r = kg_json_object();

        kg_json_set_str(r, "id", kg_json_str_or(i, "id", ""));
        kg_json_set_str(r, "name", kg_json_str_or(i, "properties.friendlyName", kg_json_str_or(i, "name", "")));
        add_what(i, r);
        kg_json_push(s->palette.resources[which], r);
    }
    next = kg_json_str_or(a->reply->json, "nextLink", "");
    host = strstr(next, "://");
    next = host ? strchrnul(host + 3, '/') : next;
    if (which == 0 && *next == '/' && kg_json_count(s->palette.resources[which]) < RESOURCES_MAX)
        s->palette.call[which] = ui_shell_get(s, "GET", next, NULL, resources_answered);
    if (s->palette.open)
        find(s);
    s->changed = true;
}

static void fetch(struct ui_shell *s)
{
    if (!s->started)
        return;
    for (size_t i = 0; i < KG_ARRAY_LEN(lists); i++) {
        char path[300];

        snprintf(path, sizeof path, "/subscriptions/%s/%s", s->host.subscription, lists[i].path);
        if (s->palette.call[i])
            s->transport.cancel(s->transport.ctx, s->palette.call[i]);
        s->palette.stale[i] = true;
        s->palette.call[i] = ui_shell_get(s, lists[i].method, path, lists[i].body, resources_answered);
    }
}

/* ---- finding ---- */

/* Points for one word in a text: 0 it is not there. */
static int word_score(const char *text, const char *word, size_t n)
{
    int best = 0;

    for (const char *at = text; *at; at++)
        if (strncasecmp(at, word, n) == 0) {
            int points = at == text ? 30 : !isalnum((unsigned char)at[-1]) ? 20 : 10;

            if (points > best)
                best = points;
        }
    return best;
}

static int score(const char *text, const char *query)
{
    int sum = 1;

    while (*query) {
        size_t n = strcspn(query, " ");
        int points = n ? word_score(text, query, n) : 0;

        if (n && !points)
            return 0;
        sum += points;
        query += n;
        query += *query == ' ';
    }
    return sum;
}

static void forget_found(struct ui_shell *s)
{
    for (size_t i = 0; i < s->palette.n_found; i++) {
        free(s->palette.found[i].label);
        free(s->palette.found[i].hint);
        free(s->palette.found[i].arg);
    }
    s->palette.n_found = 0;
}

/* bonus: what is nearer at hand comes first among equals. */
static void offer(struct ui_shell *s, int bonus, const char *label, const char *hint, const char *words,
    struct ui_found what)
{
    KG_AUTO_FREE char *all = kg_xprintf("%s %s %s", label, hint, words ? words : "");
    int points = score(all, ui_edit_text(&s->palette.edit));

    if (!points || s->palette.n_found == UI_FOUND_MAX) {
        free(what.arg);
        return;
    }
    /* A hit in the label itself counts double. */
    what.score = points + score(label, ui_edit_text(&s->palette.edit)) + bonus;
    what.label = kg_xstrdup(label);
    what.hint = kg_xstrdup(hint);
    s->palette.found[s->palette.n_found++] = what;
}

static void offer_commands(struct ui_shell *s)
{
    struct ui_of of[64];
    size_t n = ui_shell_commands(s, of, KG_ARRAY_LEN(of));

    for (size_t i = 0; i < n; i++) {
        const char *why = ui_command_refused(of[i].c, of[i].m);
        char hint[200], key[16];

        snprintf(hint, sizeof hint, "%s%s%s%.150s", of[i].c->key ? ui_key_label(of[i].c->key, key) : "", of[i].c->key ? ": " : "",
                 why ? "not now, " : "", why ? why : of[i].c->help);
        offer(s, why ? 5 : 6, of[i].c->label, hint, of[i].c->name, (struct ui_found){ .command = of[i].c, .of = of[i].m });
    }
}

static void offer_kinds(struct ui_shell *s)
{
    const struct ui_kind *k;

    for (size_t i = 0; (k = ui_kind_at(i)); i++) {
        bool alone = (k->shape == UI_PAGE && k->family != UI_DETAIL && k->family != UI_READER) || k->shape == UI_WIZARD;

        if (!alone || !k->found_by)
            continue;
        offer(s, 4, k->title, k->shape == UI_WIZARD ? "wizard" : "page", k->found_by, (struct ui_found){ .kind = k->name });
    }
}

static const struct { const char *label, *hint; } portal[] = {
    { "quit", "leave the portal; jobs go on" }, { "mouse", "mouse on or off" }, { "save",
      "save FILE: write the screen as text" },
};

static void offer_portal(struct ui_shell *s)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(portal); i++)
        offer(s, 0, portal[i].label, portal[i].hint, NULL, (struct ui_found){ .arg = kg_xstrdup(portal[i].label) });
    for (size_t i = 0; ui_theme_shipped(i); i++) {
        KG_AUTO_FREE char *label = kg_xprintf("theme %s", ui_theme_shipped(i));

        offer(s, 0, label, "the portal's colours", NULL, (struct ui_found){ .arg = kg_xstrdup(label) });
    }
    for (enum ui_action a = UI_ACT_FILTER; a < UI_ACT_COUNT_; a++)
        if (a != UI_ACT_PALETTE && a != UI_ACT_QUIT)
            offer(s, 1, ui_action_label(a), ui_action_help(a), ui_action_name(a), (struct ui_found){ .action = a });
}

static void offer_resources(struct ui_shell *s)
{
    if (!*ui_edit_text(&s->palette.edit))
        return;
    for (size_t i = 0; i < KG_ARRAY_LEN(lists); i++)
        for (const struct kg_json *r = kg_json_first(s->palette.resources[i]); r; r = kg_json_next(r))
            offer(s, 3, kg_json_str_or(r, "name", ""), kg_json_str_or(r, "what", ""), NULL,
                  (struct ui_found){ .kind = "", .arg = kg_xstrdup(kg_json_str_or(r, "id", "")) });
}

static int by_score(const void *a, const void *b)
{
    const struct ui_found *x = a, *y = b;

    return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : strcasecmp(x->label, y->label);
}

static void find(struct ui_shell *s)
{
    KG_AUTO_FREE char *was = s->palette.cursor ? kg_xstrdup(s->palette.found[s->palette.cursor].label) : NULL;

    forget_found(s);
    offer_commands(s);
    offer_kinds(s);
    offer_portal(s);
    offer_resources(s);
    qsort(s->palette.found, s->palette.n_found, sizeof s->palette.found[0], by_score);
    s->palette.cursor = 0;
    for (size_t i = 0; was && i < s->palette.n_found; i++)
        if (strcmp(s->palette.found[i].label, was) == 0) {
            s->palette.cursor = i;
            break;
        }
}

/* ---- running what was found ---- */

static void remember(struct ui_shell *s, const char *text)
{
    size_t max = KG_ARRAY_LEN(s->palette.history);

    if (!*text)
        return;
    if (s->palette.n_history == max) {
        free(s->palette.history[0]);
        memmove(&s->palette.history[0], &s->palette.history[1], (max - 1) * sizeof s->palette.history[0]);
        s->palette.n_history--;
    }
    s->palette.history[s->palette.n_history++] = kg_xstrdup(text);
}

static void leave_for_kind(struct ui_shell *s)
{
    const struct ui_kind *k = ui_kind_of_name(s->ask.kind);

    if (k && k->shape == UI_WIZARD && ui_shell_top(s))
        ui_open(ui_shell_top(s), s->ask.kind, "");
    else
        ui_shell_go(s, s->ask.kind, "");
}

static void quit(struct ui_shell *s) { s->wish.quit = true; }

/* True: the text was a portal command with its argument. */
static bool run_portal(struct ui_shell *s, const char *text)
{
    if (strcmp(text, "quit") == 0 || strcmp(text, "q") == 0) {
        ui_shell_leave(s, quit, NULL);
    } else if (strcmp(text, "mouse") == 0) {
        (void)s->host.ops->setting(&s->host, "mouse", s->wish.mouse ? "off" : "on");
        ui_notes_add(s, UI_NOTE_INFO,
            s->wish.mouse ? "The mouse is on: hold Shift to select text." : "The mouse is off.", NULL);
    } else if (strncmp(text, "theme ", 6) == 0) {
        (void)s->host.ops->setting(&s->host, "theme", text + 6);
    } else if (strncmp(text, "save ", 5) == 0 && text[5]) {
        free(s->wish.save_screen);
        s->wish.save_screen = kg_xstrdup(text + 5);
    } else {
        return false;
    }
    return true;
}

/* Not when what it was found on has been closed since, by an answer. */
static void run_found(struct ui_shell *s, const struct ui_found *f)
{
    struct ui_of of[64];
    size_t n = ui_shell_commands(s, of, KG_ARRAY_LEN(of));

    for (size_t i = 0; i < n; i++)
        if (of[i].c == f->command && of[i].m == f->of) {
            ui_command_run(f->command, f->of);
            return;
        }
}

static void run(struct ui_shell *s)
{
    KG_AUTO_FREE char *typed = kg_xstrdup(ui_edit_text(&s->palette.edit));
    struct ui_found f = s->palette.n_found ? s->palette.found[s->palette.cursor] : (struct ui_found){ 0 };
    KG_AUTO_FREE char *arg = kg_xstrdup(f.arg);

    if (!s->palette.n_found) {               /* perhaps not yet: it stays */
        if (run_portal(s, typed))
            ui_palette_close(s);
        return;
    }
    remember(s, typed);
    if (f.arg && strcmp(f.arg, "save") == 0 && strncmp(typed, "save ", 5) != 0) {
        ui_edit_set(&s->palette.edit, "save ");
        find(s);
        return;
    }
    ui_palette_close(s);
    if (run_portal(s, typed))
        return;
    if (f.command)
        run_found(s, &f);
    else if (f.action != UI_ACT_NONE)
        ui_shell_act(s, f.action);
    else if (f.kind && *f.kind)
        ui_shell_leave(s, leave_for_kind, f.kind);
    else if (f.kind && ui_shell_top(s))
        ui_open(ui_shell_top(s), "", arg);
    else if (arg)
        (void)run_portal(s, arg);
}

/* ---- keys ---- */

void ui_palette_open(struct ui_shell *s, const char *text)
{
    s->palette.open = true;
    s->palette.cursor = s->palette.top = 0;
    s->palette.at = s->palette.n_history;
    ui_edit_done(&s->palette.edit);
    ui_edit_init(&s->palette.edit, 300, false);
    ui_edit_set(&s->palette.edit, text);
    fetch(s);
    find(s);
}

void ui_palette_close(struct ui_shell *s)
{
    s->palette.open = false;
    forget_found(s);
    ui_edit_done(&s->palette.edit);
}

void ui_palette_done(struct ui_shell *s)
{
    forget_found(s);
    ui_edit_done(&s->palette.edit);
    for (size_t i = 0; i < KG_ARRAY_LEN(lists); i++)
        kg_json_free(s->palette.resources[i]);
    for (size_t i = 0; i < s->palette.n_history; i++)
        free(s->palette.history[i]);
}

static void recall(struct ui_shell *s, bool older)
{
    if (older ? s->palette.at == 0 : s->palette.at + 1 >= s->palette.n_history)
        return;
    s->palette.at += older ? (size_t)-1 : 1;
    ui_edit_set(&s->palette.edit, s->palette.history[s->palette.at]);
    find(s);
}

static void complete(struct ui_shell *s)
{
    if (!s->palette.n_found)
        return;
    ui_edit_set(&s->palette.edit, s->palette.found[s->palette.cursor].label);
    find(s);
}

void ui_palette_event(struct ui_shell *s, const struct ui_event *ev)
{
    size_t n = s->palette.n_found;

    if (ui_edit_type(&s->palette.edit, ev)) {
        s->palette.cursor = s->palette.top = 0;
        find(s);
        return;
    }
    switch (ev->kind == UI_EV_KEY ? ev->key : 0) {
    case UI_KEY_ESC: ui_palette_close(s); break;
    case UI_KEY_ENTER: run(s); break;
    case UI_KEY_TAB: complete(s); break;
    case UI_KEY_UP: if (s->palette.cursor) s->palette.cursor--; break;
    case UI_KEY_DOWN: if (s->palette.cursor + 1 < n) s->palette.cursor++; break;
    case UI_KEY_PGUP: s->palette.cursor = s->palette.cursor > LIST_H ? s->palette.cursor - LIST_H : 0; break;
    case UI_KEY_PGDN: s->palette.cursor = n ? (s->palette.cursor + LIST_H < n ? s->palette.cursor + LIST_H : n - 1) : 0; break;
    case UI_CTRL('p'): recall(s, true); break;
    case UI_CTRL('n'): recall(s, false); break;
    default: break;
    }
}

static struct ui_rect area(int w) { return (struct ui_rect){ 1, (w - PALETTE_W) / 2, LIST_H + 4, PALETTE_W }; }

void ui_palette_click(struct ui_shell *s, const struct ui_event *ev)
{
    struct ui_rect r = area(s->w);
    size_t at = s->palette.top + (size_t)(ev->y - r.y - 3);

    if (ev->y < r.y || ev->y >= r.y + r.h || ev->x < r.x || ev->x >= r.x + r.w) {
        ui_palette_close(s);
    } else if (ev->y >= r.y + 3 && ev->y < r.y + 3 + LIST_H && at < s->palette.n_found) {
        s->palette.cursor = at;
        run(s);
    }
}

static bool is_loading(const struct ui_shell *s)
{
    for (size_t i = 0; i < UI_FOUND_IN; i++)
        if (s->palette.call[i])
            return true;
    return false;
}

void ui_palette_draw(struct ui_shell *s, struct ui_canvas *c)
{
    struct ui_rect r = area(c->w);
    size_t *top = &s->palette.top, at = s->palette.cursor;

    ui_flag(c, (struct ui_rect){ 0, 0, c->h, c->w }, UI_SHADE);
    ui_fill(c, r, UI_ROLE_DIALOG);
    ui_box(c, r, UI_ROLE_FRAME, "Search pages, commands and resources");
    ui_fill(c, (struct ui_rect){ r.y + 1, r.x + 2, 1, r.w - 4 }, UI_ROLE_FIELD_FOCUS);
    ui_text(c, r.y + 1, r.x + 2, 2, UI_ROLE_FIELD_FOCUS, "> ");
    ui_text(c, r.y + 1, r.x + 4, r.w - 6, UI_ROLE_FIELD_FOCUS, ui_edit_text(&s->palette.edit));
    c->cursor_y = r.y + 1;
    c->cursor_x = r.x + 4 + ui_width(ui_edit_text(&s->palette.edit));
    ui_hline(c, r.y + 2, r.x + 1, r.w - 2, UI_ROLE_FRAME);
    if (at < *top)
        *top = at;
    if (at >= *top + LIST_H)
        *top = at - LIST_H + 1;
    if (!s->palette.n_found)
        ui_text(c, r.y + 3, r.x + 2, r.w - 4, UI_ROLE_DIM,
                is_loading(s) ? "Loading..." : "Nothing has all of these words.");
    for (size_t i = *top; i < s->palette.n_found && i < *top + LIST_H; i++) {
        int y = r.y + 3 + (int)(i - *top), took;
        enum ui_role role = i == at ? UI_ROLE_CURSOR : UI_ROLE_ITEM;

        if (i == at)
            ui_fill(c, (struct ui_rect){ y, r.x + 1, 1, r.w - 2 }, role);
        took = ui_text(c, y, r.x + 2, 40, role, s->palette.found[i].label);
        ui_text(c, y, r.x + 4 + (took > 28 ? took : 28), r.w - 6 - (took > 28 ? took : 28), i == at ? role : UI_ROLE_DIM,
                s->palette.found[i].hint);
    }
}
