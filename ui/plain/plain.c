/* --plain: turns, the words that work everywhere, the menu and the search.
 *
 * (1) A question is open (p->asks) or something is on its way; never both. What comes while a question is open is applied to the
 *     models at once and read out behind the next line, but for notes.
 * (2) Layers are told from each other by the shell's serials: what lies below something that was closed is read out again, a
 *     form goes on with the question that was open. */
#include "plain/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "plain/parts.h"
#include "shell/parts.h"

enum { SECOND = 1000000, PATIENCE = 2 * SECOND, FOUND_MAX = 20 };

/* ---- layers ---- */

static void forget_layer(struct ui_plain_layer *l)
{
    free(l->filter);
    *l = (struct ui_plain_layer){ 0 };
}

struct ui_plain_layer *ui_plain_top(struct ui_plain *p)
{
    size_t n = p->shell.n_layers;

    for (size_t i = 0; i < UI_LAYERS_MAX; i++)
        if (p->layer[i].serial && (i >= n || p->layer[i].serial != p->shell.layer[i].serial))
            forget_layer(&p->layer[i]);
    if (!n)
        return NULL;
    p->layer[n - 1].serial = p->shell.layer[n - 1].serial;
    return &p->layer[n - 1];
}

void ui_plain_settle(struct ui_plain *p)
{
    ui_shell_event(&p->shell, &(struct ui_event){ .kind = UI_EV_NONE }, p->shell.host.now);
}

static void press(struct ui_plain *p, uint32_t key)
{
    ui_shell_event(&p->shell, &(struct ui_event){ .kind = UI_EV_KEY, .key = key }, p->shell.host.now);
}

/* ---- what happened ---- */

static void tell_notes(struct ui_plain *p)
{
    static const char *const levels[] = {
        [UI_NOTE_INFO] = "Note", [UI_NOTE_OK] = "Done", [UI_NOTE_WARNING] = "Warning", [UI_NOTE_FAILED] = "Failed",
    };
    struct ui_shell *s = &p->shell;
    size_t n = (size_t)(s->noted - p->notes_told) < s->n_notes ? (size_t)(s->noted - p->notes_told) : s->n_notes;

    for (size_t i = s->n_notes - n; i < s->n_notes; i++) {
        ui_plain_say(p, "%s: %s", levels[s->note[i].level], s->note[i].text);
        if (s->note[i].advice)
            ui_plain_say(p, "Recommended: %s", s->note[i].advice);
    }
    p->notes_told = s->noted;
    s->n_unread = 0;
    s->toast = false;
}

static void tell_health(struct ui_plain *p)
{
    struct kg_async_health h = p->shell.transport.health(p->shell.transport.ctx);
    bool lost = p->shell.started && !h.reachable && !h.starting;

    if (lost == p->unreachable)
        return;
    p->unreachable = lost;
    ui_plain_say(p, lost ? "Warning: the service does not answer; what is read out may be old." : "Note: the service answers again.");
}

/* Before there is a page. */
static void tell_start(struct ui_plain *p)
{
    if (p->start_told || p->shell.start_err.code == KG_E_OK)
        return;
    p->start_told = true;
    ui_plain_err(p, &p->shell.start_err);
    ui_plain_say(p, "It is asked again every two seconds; Ctrl-C leaves.");
}

/* ---- commands ---- */

static bool begins(const char *text, const char *with, size_t n) { return n && strncasecmp(text, with, n) == 0; }

/* Whether line names the command; *ret_n: bytes of line that do. A key is one character and a word of its own. */
static bool is_named(const struct ui_command *c, const char *line, bool whole, size_t *ret_n)
{
    const char *const names[] = { c->name, c->label };
    size_t word = strcspn(line, " ");

    *ret_n = word;
    if (word == 1 && c->key == (unsigned char)line[0])
        return true;
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);

        if (begins(line, names[i], n) && (!line[n] || line[n] == ' ')) {
            *ret_n = n;
            return true;
        }
        if (!whole && begins(names[i], line, strlen(line))) {
            *ret_n = strlen(line);
            return true;
        }
        if (!whole && begins(names[i], line, word))
            return true;
    }
    return false;
}

/* The row that the command applies to is said with it, or some are marked. */
static bool choose_row(struct ui_plain *p, const struct ui_of *of, const char *rest)
{
    struct ui_list *l = ui_plain_list(of->m);
    const char *id;
    char word[20];

    if (!(of->c->flags & UI_NEEDS_ROW) || !l)
        return true;
    ui_plain_word(&rest, word, sizeof word);
    id = ui_plain_id(p, word);
    if (id && ui_plain_go_to(l, id))
        return true;
    if (!*word && l->n_marked && (of->c->flags & UI_MANY) == UI_MANY)
        return true;
    if (*word)
        ui_plain_say(p, "Error: there is no row %s", word);
    else
        ui_plain_say(p, "Error: say the row's number, too: %s 1", of->c->name);
    return false;
}

bool ui_plain_command(struct ui_plain *p, const char *line)
{
    struct ui_of of[64];
    size_t n = ui_shell_commands(&p->shell, of, KG_ARRAY_LEN(of)), len = 0, used;
    const struct ui_of *found = NULL;

    for (int whole = 1; whole >= 0 && !found; whole--)
        for (size_t i = 0; i < n; i++) {
            if (!is_named(of[i].c, line, whole, &used))
                continue;
            if (found) {
                ui_plain_say(p, "Error: that may be %s or %s", found->c->name, of[i].c->name);
                return true;
            }
            found = &of[i];
            len = used;
            if (whole)
                break;
        }
    if (!found)
        return false;
    if (choose_row(p, found, line + len))
        ui_command_run(found->c, found->m);
    return true;
}

void ui_plain_say_commands(struct ui_plain *p, bool with_help)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 16);
    struct ui_of of[64];
    size_t n = ui_shell_commands(&p->shell, of, KG_ARRAY_LEN(of));
    char key[16];

    for (size_t i = 0; i < n; i++) {
        const char *why = ui_command_refused(of[i].c, of[i].m);

        if (with_help)
            ui_plain_say(p, "  %s%s%s%s: %s%s%s", of[i].c->name, of[i].c->key ? " (" : "",
                         of[i].c->key ? ui_key_label(of[i].c->key, key) : "", of[i].c->key ? ")" : "", of[i].c->help,
                         why ? "; not now: " : "", why ? why : "");
        else if (!(of[i].c->flags & UI_HIDDEN) && (!why || ((of[i].c->flags & UI_NEEDS_ROW) && ui_model_row_id(of[i].m))))
            kg_buf_addf(&b, "%s%s", b.len ? ", " : "", of[i].c->name);
    }
    if (b.len)
        ui_plain_say(p, "Commands: %s", b.p);
}

/* ---- help ---- */

static void help(struct ui_plain *p, const struct ui_model *m)
{
    static const char *const everywhere[] = {
        "back: to the page or the question before", "menu: the pages to choose from",
        "find WORDS: pages, wizards and resources with these words in their names", "show: read the page out again",
        "notes: what happened, newest last", "quit: leave; jobs go on",
    };
    static const char *const pages[] = {
        "NUMBER: open that row or step", "Enter: the next rows", "filter WORDS: only rows with these words; without words all",
        "sort [COLUMN]: by the next column, or by this one", "mark NUMBERS, all: select rows; commands apply to them",
        "open LABEL: what a value names", "tab NUMBER: another part of the page", "id [NUMBER]: the resource's id",
        "refresh: ask the service again", "watch: tell what changes until it has ended",
    };
    static const char *const forms[] = {
        "Enter: the value in brackets stays", "-: no value, where none is needed",
        "A choice takes a number, or words that filter it; :more the next ones; :new makes a new one",
        "In rows: a NUMBER opens one; mark NUMBERS, all, and a command's name work; watch waits until nothing is loading",
        "Words, here with a colon in front (:back); a text that begins with a colon is typed with two:",
        "  cancel: leave without doing anything",
    };

    ui_plain_say(p, "Words that work here:");
    for (size_t i = 0; m && m->kind->family != UI_FORM && i < KG_ARRAY_LEN(pages); i++)
        ui_plain_say(p, "  %s", pages[i]);
    for (size_t i = 0; m && m->kind->family == UI_FORM && i < KG_ARRAY_LEN(forms); i++)
        ui_plain_say(p, "  %s", forms[i]);
    for (size_t i = 0; i < KG_ARRAY_LEN(everywhere); i++)
        ui_plain_say(p, "%s%s", m && m->kind->family == UI_FORM ? "    " : "  ", everywhere[i]);
    ui_plain_say_commands(p, true);
}

/* ---- menu and search ---- */

static void open_menu(struct ui_plain *p)
{
    ui_plain_forget_ids(p);
    for (size_t i = 0; i < ui_menu_n; i++)
        if (ui_menu[i].kind)
            ui_plain_say(p, "%zu. %s", ui_plain_add_id(p, ui_menu[i].kind), ui_menu[i].title);
    p->mode = UI_PLAIN_MENU;
}

/* What can be opened: not what is for keys alone. */
static bool is_offered(const struct ui_found *f) { return f->command || f->kind; }

static void say_found(struct ui_plain *p)
{
    char at[24];

    p->finding = false;
    ui_plain_forget_ids(p);
    for (size_t i = 0; i < p->shell.palette.n_found && p->n_ids < FOUND_MAX; i++) {
        const struct ui_found *f = &p->shell.palette.found[i];

        if (!is_offered(f))
            continue;
        snprintf(at, sizeof at, "%zu", i);
        ui_plain_say(p, "%zu. %s: %s", ui_plain_add_id(p, at), f->label, f->hint);
    }
    p->mode = UI_PLAIN_FOUND;
    if (p->n_ids)
        return;
    ui_plain_say(p, "Nothing has all of these words.");
    p->mode = UI_PLAIN_PAGE;
    ui_palette_close(&p->shell);
}

static bool is_finding(const struct ui_plain *p)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(p->shell.palette.call); i++)
        if (p->shell.palette.call[i])
            return true;
    return false;
}

static void choose(struct ui_plain *p, const char *line)
{
    KG_AUTO_FREE char *id = kg_xstrdup(ui_plain_id(p, line));
    enum ui_plain_mode mode = p->mode;
    struct kg_err ignored = { 0 };
    uint64_t at;

    p->mode = UI_PLAIN_PAGE;
    ui_plain_top(p)->shown = false;
    if (mode == UI_PLAIN_FOUND && id && kg_parse_u64(id, &at, &ignored) == 0) {
        p->shell.palette.cursor = at;
        press(p, UI_KEY_ENTER);
        return;
    }
    if (mode == UI_PLAIN_FOUND)
        ui_palette_close(&p->shell);
    if (id)
        ui_shell_visit(&p->shell, id);
    else if (*line)
        ui_plain_say(p, "Error: there is no %s", line);
}

/* ---- lines ---- */

bool ui_plain_anywhere(struct ui_plain *p, const char *line)
{
    char word[60];

    ui_plain_word(&line, word, sizeof word);
    if (ui_plain_is(word, "help") || ui_plain_is(word, "?")) {
        help(p, ui_shell_top(&p->shell));
    } else if (ui_plain_is(word, "quit") || ui_plain_is(word, "q") || ui_plain_is(word, "exit")) {
        ui_shell_act(&p->shell, UI_ACT_QUIT);
    } else if (ui_plain_is(word, "back") || ui_plain_is(word, "cancel")) {
        ui_plain_top(p)->shown = false;
        ui_shell_act(&p->shell, UI_ACT_BACK);
    } else if (ui_plain_is(word, "menu")) {
        open_menu(p);
    } else if (ui_plain_is(word, "find")) {
        ui_palette_open(&p->shell, line);
        p->finding = true;
    } else if (ui_plain_is(word, "notes")) {
        p->notes_told = p->shell.noted - p->shell.n_notes;
    } else {
        return false;
    }
    return true;
}

static void answer_leave(struct ui_plain *p, const char *line) { press(p, ui_plain_yes(line) ? 'y' : 'n'); }

void ui_plain_line(struct ui_plain *p, const char *line, size_t n, int64_t now)
{
    struct ui_plain_layer *at;
    struct ui_model *m;
    bool colon = line[0] == ':' && line[1] != ':';

    p->shell.host.now = now;
    if (p->watching) {
        p->watching = false;
        p->layer[p->shell.n_layers - 1].shown = false;
        return;
    }
    p->asks = p->secret = p->middle = false;
    m = ui_shell_top(&p->shell);
    at = ui_plain_top(p);
    if (!m)
        return;
    if (p->shell.ask.open)
        answer_leave(p, line);
    else if (p->mode != UI_PLAIN_PAGE)
        choose(p, line);
    else if (m->kind->family == UI_FORM)
        ui_plain_form_line(p, at, (struct ui_form *)m, line, n);
    else if (!ui_plain_anywhere(p, line + colon))
        ui_plain_page_line(p, at, m, line + colon);
    ui_plain_settle(p);
}

/* ---- turns ---- */

/* What is asked next. False: something is on its way. */
static bool next_question(struct ui_plain *p)
{
    struct ui_shell *s = &p->shell;
    struct ui_plain_layer *at = ui_plain_top(p);
    struct ui_model *m = ui_shell_top(s);

    if (!at) {
        tell_start(p);
        return false;
    }
    if (s->ask.open) {
        ui_plain_ask(p, "%s Leave? yes or no [no]: ", s->ask.text);
        return true;
    }
    if (p->finding && is_finding(p))
        return false;
    if (p->finding)
        say_found(p);
    if (p->mode != UI_PLAIN_PAGE) {
        ui_plain_ask(p, "Number, or Enter for none: ");
        return true;
    }
    if (p->watching && ui_plain_watch_turn(p, m))
        return false;
    if (at->serial != p->last_serial) {      /* it is new, or back in sight */
        at->shown = at->listed = at->introduced = false;
        p->last_serial = at->serial;
        p->doing = NULL;
    }
    return m->kind->family == UI_FORM ? ui_plain_form_turn(p, at, (struct ui_form *)m) : ui_plain_page_turn(p, at, m);
}

static void tell_waiting(struct ui_plain *p)
{
    int64_t now = p->shell.host.now;

    if (!p->waits_since)
        p->waits_since = now;
    if (!p->waits_told && !p->watching && p->shell.started && now - p->waits_since >= PATIENCE) {
        ui_plain_say(p, "Waiting for the service.");
        p->waits_told = true;
    }
}

void ui_plain_turn(struct ui_plain *p, int64_t now)
{
    p->shell.host.now = now;
    if (ui_shell_is_due(&p->shell, now))
        ui_shell_tick(&p->shell, now);
    tell_notes(p);
    tell_health(p);
    if (p->asks && !p->middle)               /* something was said in between: the question again */
        p->asks = false;
    if (p->shell.wish.quit || p->asks)
        return;
    if (!next_question(p)) {
        tell_waiting(p);
        p->shell.wish.quit |= p->ended && p->start_told;     /* nobody is there to wait for it */
        return;
    }
    p->waits_since = 0;
    p->waits_told = false;
    if (p->ended) {
        ui_plain_say(p, "%s", ui_shell_dirty(&p->shell) ? "The input has ended: the portal is left, what was typed is lost."
                                                        : "The input has ended: the portal is left.");
        p->asks = false;
        p->shell.wish.quit = true;
    }
}

bool ui_plain_asks(const struct ui_plain *p) { return p->asks || (p->watching && p->stops_watching); }
bool ui_plain_secret(const struct ui_plain *p) { return p->secret; }
bool ui_plain_left(const struct ui_plain *p) { return p->shell.wish.quit; }

void ui_plain_end(struct ui_plain *p)
{
    p->ended = true;
    p->asks = p->secret = false;
}

int64_t ui_plain_wake(const struct ui_plain *p)
{
    int64_t wake = ui_shell_wake(&p->shell);

    if (p->waits_since && !p->waits_told && p->waits_since + PATIENCE < wake)
        wake = p->waits_since + PATIENCE;
    return wake;
}

void ui_plain_init(struct ui_plain *p, const struct ui_plain_opts *o, int64_t now)
{
    memset(p, 0, sizeof *p);
    p->write = o->write;
    p->ctx = o->ctx;
    p->utf8 = o->utf8;
    p->stops_watching = o->stops_watching;
    ui_plain_say(p, "keepgres, the portal as questions and lines. Type help to hear the words that work.");
    ui_shell_init(&p->shell, o->transport, o->page, o->readonly, now);
    kg_text_copy(p->shell.host.home, sizeof p->shell.host.home, o->home ? o->home : "");
}

void ui_plain_done(struct ui_plain *p)
{
    for (size_t i = 0; i < UI_LAYERS_MAX; i++)
        forget_layer(&p->layer[i]);
    for (size_t i = 0; i < p->n_told; i++)
        free(p->told[i]);
    free(p->told);
    ui_plain_forget_ids(p);
    free(p->id);
    ui_shell_done(&p->shell);
}
