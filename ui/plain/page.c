/* Lists, pages about one thing, texts, the Overview and the settings: read out, and what a person says to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/page_overview.h"
#include "model/page_settings.h"
#include "model/reader.h"
#include "plain/parts.h"
#include "shell/parts.h"

enum { TEXT_MAX = 1 << 20, LINES = 40, SECOND = 1000000, TELL_EVERY = 5 * SECOND };

static const char *title_of(const struct ui_model *m) { return m->title ? m->title : m->kind->title; }

/* The text that m, or the tab it shows, is; NULL: it is none. */
static struct ui_reader *text_of(struct ui_model *m)
{
    struct ui_model *shown = m->kind->family == UI_DETAIL ? ui_detail_tab((struct ui_detail *)m) : m;

    return shown && shown->kind->family == UI_READER ? (struct ui_reader *)shown : NULL;
}

struct ui_list *ui_plain_list(struct ui_model *m)
{
    return m->kind->family == UI_LIST ? (struct ui_list *)m : m->kind->family == UI_DETAIL ? ui_detail_list((struct ui_detail *)m) : NULL;
}

/* ---- lists ---- */

bool ui_plain_go_to(struct ui_list *l, const char *id)
{
    for (size_t i = 0; i < l->n_shown; i++)
        if (strcmp(ui_list_row(l, i)->id, id) == 0) {
            l->cursor = i;
            return true;
        }
    return false;
}

static void say_row(struct ui_plain *p, const struct ui_list *l, size_t line)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);
    const struct ui_row *r = ui_list_row(l, line);
    struct ui_shown s;

    for (size_t i = 0; i < l->kind->n_columns; i++) {
        ui_list_cell(l, r, i, &s);
        if (!s.text[0] && i)
            continue;
        if (i)
            kg_buf_addf(&b, "; %s: ", l->kind->column[i].title);
        kg_buf_adds(&b, s.text);
    }
    ui_plain_say(p, "%zu. %s%s", ui_plain_add_id(p, r->id), r->marked ? "selected: " : "", b.p);
}

/* The next rows from at->from on; how many are left is said behind them. */
static void say_rows(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_list *l)
{
    size_t end = at->from + UI_PLAIN_ROWS < l->n_shown ? at->from + UI_PLAIN_ROWS : l->n_shown;

    if (!at->from)
        ui_plain_forget_ids(p);
    for (; at->from < end; at->from++)
        say_row(p, l, at->from);
    if (at->from < l->n_shown)
        ui_plain_say(p, "%zu more%s: Enter", l->n_shown - at->from, l->next ? " and further ones" : "");
    else if (l->next)
        ui_plain_say(p, "More are there: Enter");
}

static void say_list(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_list *l)
{
    char summary[300], filters[300];

    at->from = 0;
    ui_plain_forget_ids(p);
    if (l->err.code)
        ui_plain_err(p, &l->err);
    ui_list_summary(l, summary, sizeof summary);
    ui_list_filters(l, filters, sizeof filters);
    if (*summary)
        ui_plain_say(p, "%s%s%s", summary, *filters ? "; filter: " : "", filters);
    if (l->load == UI_READY && !l->rows.n && l->kind->empty)
        ui_plain_say(p, "%s", l->kind->empty);
    say_rows(p, at, l);
}

/* ---- texts ---- */

/* at->from counts bytes. */
static void say_text(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_reader *r)
{
    size_t len = r->text ? strlen(r->text) : 0;

    if (r->err.code)
        ui_plain_err(p, &r->err);
    for (int i = 0; i < LINES && at->from < len; i++) {
        const char *line = r->text + at->from;
        size_t n = strcspn(line, "\n");

        ui_plain_say(p, "%.*s", (int)n, line);
        at->from += n + (line[n] == '\n');
    }
    if (at->from < len)
        ui_plain_say(p, "The text goes on: Enter");
}

/* ---- pages about one thing ---- */

static void say_values(struct ui_plain *p, const struct ui_detail *d)
{
    struct ui_shown s;

    for (size_t i = 0; i < d->kind->n_values; i++) {
        const struct ui_value *v = &d->kind->value[i];

        if (!ui_detail_has(d, i))
            continue;
        ui_detail_value(d, i, &s);
        if (v->label)
            ui_plain_say(p, "%s: %s", v->label, s.text[0] ? s.text : "-");
        else
            ui_plain_say(p, "%s%s", i ? "\n" : "", s.text);
    }
}

static void say_tabs(struct ui_plain *p, const struct ui_detail *d)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < d->n_tabs; i++)
        kg_buf_addf(&b, "%s%zu %s%s", i ? ", " : "", i + 1, ui_detail_tab_title(d, i), i == d->tab ? " (shown)" : "");
    ui_plain_say(p, "Tabs: %s", b.p);
}

static void say_detail(struct ui_plain *p, struct ui_plain_layer *at, struct ui_detail *d)
{
    struct ui_list *l = ui_detail_list(d);
    struct ui_shown state;

    ui_plain_forget_ids(p);
    if (d->err.code)
        ui_plain_err(p, &d->err);
    if (d->n_tabs > 1)
        say_tabs(p, d);
    if (l)
        say_list(p, at, l);
    else if (text_of(&d->base))
        say_text(p, at, text_of(&d->base));
    else if (d->resource)
        say_values(p, d);
    ui_detail_state(d, &state);
    if (state.state == UI_BUSY && d->kind->refresh)
        ui_plain_say(p, "It goes on: type watch to follow it to its end.");
}

/* ---- the Overview, the settings ---- */

static void say_center(struct ui_plain *p, const struct ui_overview *o)
{
    static const struct { const char *title, *list, *none; } lists[] = {
        { "Needs attention", "instances.attention", "Nothing: all is well." },
        { "Next scheduled backups", "nextBackups", "Nothing is scheduled." },
    };
    const size_t n[] = { ui_overview_attention(o), ui_overview_next(o) };
    struct ui_shown l[UI_TILE_LINES], when;

    for (size_t i = 0; i < UI_TILES; i++) {
        const char *title = ui_overview_tile(o, i, l);

        for (size_t k = 0; k < UI_TILE_LINES; k++) {                 /* a line without text has its number all the same */
            size_t at = ui_plain_add_id(p, title);

            if (l[k].text[0])
                ui_plain_say(p, "%zu. %s: %s", at, title, l[k].text);
        }
    }
    for (size_t k = 0; k < KG_ARRAY_LEN(lists); k++) {
        const struct kg_json *row = kg_json_first(kg_json_get(o->center, lists[k].list));

        ui_plain_say(p, "%s: %s", lists[k].title, n[k] ? "" : lists[k].none);
        for (size_t i = 0; i < n[k] && row; i++, row = kg_json_next(row)) {
            ui_format(UI_F_TIME, kg_json_str_or(row, "time", ""), o->base.host->now, &when);
            ui_plain_say(p, "%zu. %s: %s", ui_plain_add_id(p, kg_json_str_or(row, "id", "")), kg_json_str_or(row, "friendlyName", ""),
                         kg_json_str_or(row, "reason", when.text));
        }
    }
}

static void say_overview(struct ui_plain *p, const struct ui_overview *o)
{
    ui_plain_forget_ids(p);
    if (o->err.code)
        ui_plain_err(p, &o->err);
    if (o->center && !ui_overview_is_empty(o)) {
        say_center(p, o);
        return;
    }
    if (!o->center)
        return;
    ui_plain_say(p, "From nothing to the first backup: nothing is protected yet. Type the number of a step.");
    for (size_t i = 0; i < ui_first_steps_n; i++)
        ui_plain_say(p, "%zu. %s%s. %s", ui_plain_add_id(p, ui_first_steps[i].opens), ui_first_steps[i].title,
                     ui_first_step_done(o, i) ? " (done)" : "", ui_first_step_text(o, i));
}

static void say_settings(struct ui_plain *p, struct ui_model *m)
{
    ui_plain_forget_ids(p);
    for (size_t i = 0; i < ui_setting_rows_n; i++)
        ui_plain_say(p, "%zu. %s: %s. %s", ui_plain_add_id(p, ui_setting_rows[i].name), ui_setting_rows[i].label,
                     m->host->ops->setting(m->host, ui_setting_rows[i].name, NULL), ui_setting_rows[i].help);
    ui_plain_say(p, "A number takes the next value.");
}

static bool is_overview(const struct ui_model *m) { return strcmp(m->kind->name, "overview") == 0; }
static bool is_settings(const struct ui_model *m) { return strcmp(m->kind->name, "settings") == 0; }

/* ---- turns ---- */

/* What is to be read out is on its way. */
static bool is_coming(struct ui_model *m)
{
    const struct ui_list *l = ui_plain_list(m);

    switch (m->kind->family) {
    case UI_LIST: return l->asking;
    case UI_DETAIL: return ((const struct ui_detail *)m)->asking || (l && l->asking) || (text_of(m) && text_of(m)->asking);
    case UI_READER: return text_of(m)->asking;
    case UI_CUSTOM: return is_overview(m) && ((const struct ui_overview *)m)->asking;
    case UI_FORM: break;
    }
    return false;
}

static void say_page(struct ui_plain *p, struct ui_plain_layer *at, struct ui_model *m)
{
    struct ui_shown state = { "", UI_NONE };

    at->from = 0;
    if (m->kind->family == UI_DETAIL)
        ui_detail_state((struct ui_detail *)m, &state);
    ui_plain_say(p, "\n%s%s%s", title_of(m), state.text[0] ? ": " : "", state.text);
    switch (m->kind->family) {
    case UI_LIST: say_list(p, at, (struct ui_list *)m); break;
    case UI_DETAIL: say_detail(p, at, (struct ui_detail *)m); break;
    case UI_READER: say_text(p, at, text_of(m)); break;
    case UI_CUSTOM:
        if (is_overview(m))
            say_overview(p, (struct ui_overview *)m);
        else if (is_settings(m))
            say_settings(p, m);
        break;
    case UI_FORM: break;
    }
    ui_plain_say_commands(p, false);
}

bool ui_plain_page_turn(struct ui_plain *p, struct ui_plain_layer *at, struct ui_model *m)
{
    if (!at->shown || at->listed) {
        if (is_coming(m))
            return false;
        if (!at->shown)
            say_page(p, at, m);
        else
            say_rows(p, at, ui_plain_list(m));
        at->shown = true;
        at->listed = false;
    }
    ui_plain_ask(p, "> ");
    return true;
}

/* ---- watching ---- */

static void forget_told(struct ui_plain *p)
{
    for (size_t i = 0; i < p->n_told; i++)
        free(p->told[i]);
    free(p->told);
    p->told = NULL;
    p->n_told = 0;
}

/* Values that are others than when they were told last. */
static void tell_changes(struct ui_plain *p, const struct ui_detail *d)
{
    bool first = !p->told;
    struct ui_shown s;

    if (first) {
        p->n_told = d->kind->n_values;
        p->told = kg_xalloc_array(p->n_told + 1, sizeof *p->told);
    }
    for (size_t i = 0; i < p->n_told; i++) {
        const struct ui_value *v = &d->kind->value[i];

        ui_detail_value(d, i, &s);
        if (!v->label || (v->format & UI_F_RESTLESS) || (p->told[i] && strcmp(p->told[i], s.text) == 0))
            continue;
        if (!first && s.text[0])
            ui_plain_say(p, "%s: %s", v->label, s.text);
        free(p->told[i]);
        p->told[i] = kg_xstrdup(s.text);
    }
    p->told_at = d->base.host->now;
}

bool ui_plain_watch_turn(struct ui_plain *p, struct ui_model *m)
{
    const struct ui_detail *d = (const struct ui_detail *)m;
    struct ui_shown state;
    bool over = m->kind->family != UI_DETAIL;

    if (!over) {
        ui_detail_state(d, &state);
        over = d->resource && state.state != UI_BUSY;
        if (!p->told || over || m->host->now - p->told_at >= TELL_EVERY)
            tell_changes(p, d);
    }
    if (!over)
        return true;
    p->watching = false;
    forget_told(p);
    return false;
}

/* ---- what a person says ---- */

struct said { struct ui_plain *p; struct ui_plain_layer *at; struct ui_model *m; struct ui_list *l; const char *rest; };

static void say_what_is_wanted(const struct said *s, const char *what) { ui_plain_say(s->p, "Error: %s", what); }

static void do_more(const struct said *s)
{
    if (text_of(s->m)) {
        say_text(s->p, s->at, text_of(s->m));
        return;
    }
    if (!s->l)
        return;
    if (s->at->from >= s->l->n_shown && s->l->next)
        (void)ui_model_act(s->m, UI_ACT_LAST);               /* which asks for the next page */
    s->at->listed = true;
}

static void do_show(const struct said *s) { s->at->shown = false; }

static void do_refresh(const struct said *s)
{
    (void)ui_model_act(s->m, UI_ACT_REFRESH);
    s->at->shown = false;
}

static void do_filter(const struct said *s)
{
    if (!s->l) {
        say_what_is_wanted(s, "there is no list to filter");
        return;
    }
    (void)ui_model_act(&s->l->base, UI_ACT_FILTER);
    (void)ui_model_type(&s->l->base, &(struct ui_event){ .kind = UI_EV_KEY, .key = UI_KEY_END });
    (void)ui_model_type(&s->l->base, &(struct ui_event){ .kind = UI_EV_KEY, .key = UI_CTRL('u') });
    ui_plain_paste(&s->l->base, s->rest, strlen(s->rest));
    (void)ui_model_act(&s->l->base, UI_ACT_OPEN);
    s->at->shown = false;
}

/* The next order, or the next by this column. */
static void do_sort(const struct said *s)
{
    size_t turns = s->l ? 2 * s->l->kind->n_columns + 1 : 0;
    bool found = false;

    for (size_t i = 0; i < turns && !found; i++) {
        (void)ui_model_act(s->m, UI_ACT_SORT);
        found = !*s->rest || (s->l->sort && ui_plain_is(s->l->kind->column[abs(s->l->sort) - 1].title, s->rest));
    }
    if (!found)
        say_what_is_wanted(s, s->l ? "there is no such column" : "there is no list to sort");
    s->at->shown = false;
}

/* Every number in rest is a row's. */
static void do_mark(const struct said *s)
{
    char word[20];

    for (const char *rest = s->rest; *ui_plain_word(&rest, word, sizeof word);) {
        const char *id = ui_plain_id(s->p, word);

        if (s->l && id && ui_plain_go_to(s->l, id))
            (void)ui_model_act(s->m, UI_ACT_MARK);
        else
            ui_plain_say(s->p, "Error: there is no row %s", word);
    }
    if (s->l)
        ui_plain_say(s->p, "%zu selected; commands apply to them.", s->l->n_marked);
}

static void do_all(const struct said *s)
{
    if (s->l)
        (void)ui_model_act(s->m, UI_ACT_MARK_ALL);
    if (s->l)
        ui_plain_say(s->p, "%zu selected; commands apply to them.", s->l->n_marked);
}

static void do_tab(const struct said *s)
{
    struct ui_detail *d = s->m->kind->family == UI_DETAIL ? (struct ui_detail *)s->m : NULL;
    struct kg_err ignored = { 0 };
    uint64_t n;

    if (!d || kg_parse_range(s->rest, 1, d->n_tabs, &n, &ignored) < 0) {
        say_what_is_wanted(s, "there is no such tab");
        return;
    }
    ui_detail_show_tab(d, n - 1);
    s->at->shown = false;
}

/* What a value of a page about one thing names: "open vault". */
static bool open_value(const struct said *s)
{
    struct ui_detail *d = s->m->kind->family == UI_DETAIL && !s->l ? (struct ui_detail *)s->m : NULL;

    for (size_t i = 0; d && *s->rest && i < d->kind->n_values; i++)
        if (d->kind->value[i].label && d->kind->value[i].opens && ui_detail_has(d, i) &&
            kg_starts_with_nocase(d->kind->value[i].label, s->rest)) {
            d->cursor = i;
            return ui_model_act(s->m, UI_ACT_OPEN);
        }
    return false;
}

static bool open_number(const struct said *s)
{
    const char *id = ui_plain_id(s->p, s->rest);
    size_t at = 0;

    while (id && s->p->id[at] != id)
        at++;
    if (!id)
        return false;
    if (is_overview(s->m))
        ((struct ui_overview *)s->m)->cursor = at;
    else if (is_settings(s->m))
        ((struct ui_setting_page *)s->m)->cursor = at;
    else if (!s->l || !ui_plain_go_to(s->l, id))
        return false;
    (void)ui_model_act(s->m, UI_ACT_OPEN);
    s->at->shown &= !is_settings(s->m);
    return true;
}

static void do_open(const struct said *s)
{
    if (!open_number(s) && !open_value(s))
        say_what_is_wanted(s, "there is nothing of that number or name to open; type show to hear what there is");
}

static void do_id(const struct said *s)
{
    const char *id = ui_plain_id(s->p, s->rest);

    ui_plain_say(s->p, "%s", id ? id : s->m->arg);
}

static void do_watch(const struct said *s)
{
    if (s->l && *s->rest)
        do_open(s);
    s->p->watching = true;
}

static const struct { const char *word; void (*run)(const struct said *s); } words[] = {
    { "more", do_more }, { "show", do_show }, { "refresh", do_refresh }, { "filter", do_filter }, { "sort", do_sort },
    { "mark", do_mark }, { "all", do_all }, { "tab", do_tab }, { "open", do_open }, { "id", do_id }, { "watch", do_watch },
};

void ui_plain_page_line(struct ui_plain *p, struct ui_plain_layer *at, struct ui_model *m, const char *line)
{
    struct said s = { p, at, m, ui_plain_list(m), line };
    char word[60];

    ui_plain_word(&s.rest, word, sizeof word);
    if (!*word) {
        do_more(&s);
        return;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(words); i++)
        if (ui_plain_is(word, words[i].word)) {
            words[i].run(&s);
            return;
        }
    if (*word >= '0' && *word <= '9') {
        s.rest = word;
        if (m->kind->family == UI_DETAIL && !s.l)
            do_tab(&s);
        else
            do_open(&s);
        return;
    }
    if (!ui_plain_command(p, line))
        ui_plain_say(p, "Error: '%s' is none of the words that work here; type help to hear them", word);
}
