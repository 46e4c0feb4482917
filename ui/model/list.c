#include "model/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"
#include "model/labels.h"

enum { URL_MAX = 8 << 10, BODY_MAX = 64 << 10, TEXT_MAX = 4 << 20, RETRY = 15, NEAR = 20, PAGES_MAX = 400 };

/* ---- what is shown ---- */

const struct ui_row *ui_list_row(const struct ui_list *l, size_t line) { return &l->rows.row[l->shown[line]]; }
const struct ui_row *ui_list_current(const struct ui_list *l) { return l->n_shown ? ui_list_row(l, l->cursor) : NULL; }

/* Filters anew. The cursor stays on the row with this id; where that is not shown any more, on the line it is on (or_first: on
 * the first). */
static void filter(struct ui_list *l, const char *id, bool or_first)
{
    const struct ui_row *at = id ? ui_rows_find(&l->rows, id) : NULL;
    size_t line = or_first ? 0 : l->cursor;

    l->n_shown = ui_rows_filter(&l->rows, l->order, ui_edit_text(&l->filter), l->shown);
    for (size_t i = 0; at && i < l->n_shown; i++)
        if (ui_list_row(l, i) == at) {
            line = i;
            break;
        }
    l->cursor = line < l->n_shown ? line : l->n_shown ? l->n_shown - 1 : 0;
}

static char *current_id(const struct ui_list *l)
{
    const struct ui_row *r = ui_list_current(l);

    return r ? kg_xstrdup(r->id) : NULL;
}

/* After rows or their order changed. */
static void arrange(struct ui_list *l, const char *id)
{
    l->order = kg_xrealloc_array(l->order, l->rows.n + 1, sizeof *l->order);
    l->shown = kg_xrealloc_array(l->shown, l->rows.n + 1, sizeof *l->shown);
    ui_rows_sort(&l->rows, l->kind, l->sort, l->base.host->now, l->order);
    l->arranged++;
    filter(l, id, false);
}

static void refilter(struct ui_list *l)
{
    KG_AUTO_FREE char *id = current_id(l);

    filter(l, id, true);
}

/* ---- asking ---- */

void ui_path(const struct ui_model *m, const char *pattern, struct kg_buf *ret)
{
    for (const char *s = pattern; *s;) {
        size_t n = strcspn(s, "{");

        kg_buf_add(ret, s, n);
        s += n;
        if (strncmp(s, "{arg}", 5) == 0) {
            kg_buf_adds(ret, m->arg);
            s += 5;
        } else if (strncmp(s, "{sub}", 5) == 0) {
            kg_buf_adds(ret, m->host->subscription);
            s += 5;
        } else if (*s) {
            kg_buf_add(ret, s++, 1);
        }
    }
}

static void ask(struct ui_list *l, const char *next)
{
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(URL_MAX), body = KG_BUF_INIT(BODY_MAX);
    struct ui_call call = { 0 };

    if (l->kind->request)
        l->kind->request(l, &path, &body);
    else
        ui_path(&l->base, l->kind->path, &path);
    if (body.len) {
        call.method = "POST";
        call.body = body.p;
        call.follow = true;                  /* the service may have to look first */
    } else if (!strstr(path.p, "$top=")) {
        kg_buf_addf(&path, "%c$top=%d", strchr(path.p, '?') ? '&' : '?', UI_PAGE_ROWS);
    }
    free(l->from);
    l->from = kg_xstrdup(next);
    call.path = next ? next : path.p;
    l->asking = true;
    l->asked = l->base.host->now;
    l->call = ui_ask_call(&l->base, &call, 0);
}

void ui_list_fetch(struct ui_list *l)
{
    if (l->asking)
        l->base.host->ops->forget(l->base.host, &l->base, l->call);
    ui_rows_done(&l->coming);
    l->reloading = true;
    l->pages = 0;
    if (l->load == UI_BROKEN) {
        l->load = UI_LOADING;
        l->err = (struct kg_err){ 0 };
    }
    ask(l, NULL);
}

/* The next page, when the cursor is near the end of what is there. */
static void ask_more(struct ui_list *l)
{
    size_t near = l->page > NEAR ? (size_t)l->page : NEAR;

    if (l->next && !l->asking && !l->err.code && l->rows.n < UI_ROWS_MAX && l->pages < PAGES_MAX &&
        l->n_shown - l->cursor <= near)
        ask(l, l->next);
}

/* ---- answers ---- */

static void failed(struct ui_list *l, const struct kg_err *err)
{
    l->err = *err;
    ui_rows_done(&l->coming);
    l->reloading = false;
    l->base.stale = l->answered != 0;
    if (!l->answered)
        l->load = UI_BROKEN;
}

/* Where the next page is. A link names it in full; what is asked for is a path. The caller frees. One that leads to the page
 * itself would never end. */
static char *next_of(const struct ui_list *l, const struct kg_json *answer)
{
    const char *link = kg_json_str_or(answer, "nextLink", ""), *host = strstr(link, "://");

    if (link[0] != '/')
        link = host ? strchrnul(host + 3, '/') : "";
    return link[0] && !(l->from && strcmp(l->from, link) == 0) ? kg_xstrdup(link) : NULL;
}

static size_t count_marked(const struct ui_rows *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += r->row[i].marked;
    return n;
}

/* What came takes the place of what was there; marks go over by id. */
static void take_over(struct ui_list *l)
{
    for (size_t i = 0; l->n_marked && i < l->rows.n; i++) {
        struct ui_row *r = l->rows.row[i].marked ? ui_rows_find(&l->coming, l->rows.row[i].id) : NULL;

        if (r)
            r->marked = true;
    }
    ui_rows_done(&l->rows);
    l->rows = l->coming;
    l->coming = (struct ui_rows){ 0 };
    l->n_marked = count_marked(&l->rows);
    l->reloading = false;
}

/* The array in an answer, or NULL. */
static const struct kg_json *items_of(const struct ui_list *l, const struct kg_json *answer)
{
    const char *where = l->kind->items ? l->kind->items : "value";
    const struct kg_json *a = where[0] ? kg_json_get(answer, where) : answer;

    return kg_json_type(a) == KG_JSON_ARRAY ? a : NULL;
}

void ui_list_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    struct ui_list *l = (struct ui_list *)m;
    struct ui_rows *into = l->reloading ? &l->coming : &l->rows;
    const struct kg_json *answer = a->reply ? a->reply->json : NULL, *items = answer ? items_of(l, answer) : NULL;
    KG_AUTO_FREE char *at = NULL;
    struct kg_err wrong = { 0 };

    (void)tag;
    if (id != l->call || !l->asking)
        return;
    l->asking = false;
    if (a->err || !items) {
        if (!a->err)
            (void)kg_err_set(&wrong, KG_E_NO_REPLY, "the service's answer for '%s' is not a list", m->kind->title);
        failed(l, a->err ? a->err : &wrong);
        return;
    }
    at = current_id(l);
    for (const struct kg_json *c = kg_json_first(items); c && into->n < UI_ROWS_MAX; c = kg_json_next(c))
        if (!l->kind->keep || l->kind->keep(l, c))
            ui_rows_add(into, l->kind, c);
    if (l->kind->above && l->reloading && !l->pages) {
        kg_json_free(l->answer);
        l->answer = kg_json_copy(answer);
    }
    l->pages++;
    free(l->next);
    l->next = next_of(l, answer);
    l->load = UI_READY;
    if (l->reloading && l->next && l->coming.n < l->rows.n && l->coming.n < UI_ROWS_MAX) {
        ask(l, l->next);
        return;
    }
    if (l->reloading)
        take_over(l);
    l->err = (struct kg_err){ 0 };
    m->stale = false;
    l->answered = m->host->now;
    arrange(l, at);
    ask_more(l);
}

/* ---- life ---- */

void ui_list_open(struct ui_model *m)
{
    struct ui_list *l = (struct ui_list *)m;
    struct kg_err ignored = { 0 };

    l->kind = m->kind->data;
    l->sort = l->kind->sort;
    ui_edit_init(&l->filter, 0, false);
    if (m->arg[0] == '{' && kg_json_parse(m->arg, strlen(m->arg), &l->chosen, &ignored) < 0)
        l->chosen = NULL;
    l->given = l->chosen != NULL;
    arrange(l, NULL);
    ui_list_fetch(l);
}

void ui_list_done(struct ui_model *m)
{
    struct ui_list *l = (struct ui_list *)m;

    ui_rows_done(&l->rows);
    ui_rows_done(&l->coming);
    ui_edit_done(&l->filter);
    kg_json_free(l->chosen);
    kg_json_free(l->answer);
    free(l->order);
    free(l->shown);
    free(l->next);
    free(l->from);
}

/* Seconds until the next asking by itself; 0: none. A list of many pages is asked for the less often. */
static int64_t interval(const struct ui_list *l)
{
    int64_t s = l->kind->refresh;

    if ((l->err.code || l->base.stale) && (!s || s > RETRY))
        return RETRY;
    return s * (int64_t)(l->pages > 1 ? l->pages : 1);
}

/* What is shown changes with the clock. */
static bool has_ages(const struct ui_list *l)
{
    for (size_t i = 0; i < l->kind->n_columns; i++)
        if (l->kind->column[i].format == UI_F_AGO || l->kind->column[i].cell)
            return true;
    return false;
}

int64_t ui_list_wake(const struct ui_model *m)
{
    const struct ui_list *l = (const struct ui_list *)m;
    int64_t next = interval(l) && !l->asking ? ui_due(m->host, l->asked, interval(l) * KG_SECOND) : 0;
    int64_t age = l->n_shown && has_ages(l) ? m->host->now + 30 * KG_SECOND : 0;

    return next && age ? (next < age ? next : age) : next + age;
}

void ui_list_tick(struct ui_model *m)
{
    struct ui_list *l = (struct ui_list *)m;
    struct kg_err before = l->err;

    m->changed |= l->n_shown && has_ages(l);
    if (l->asking || !interval(l) || m->host->now < ui_due(m->host, l->asked, interval(l) * KG_SECOND))
        return;
    ui_list_fetch(l);
    l->err = before;                         /* stays in sight until there is an answer */
    if (before.code && !l->answered)
        l->load = UI_BROKEN;
}

void ui_list_closed(struct ui_model *m, const char *kind, const char *result)
{
    struct ui_list *l = (struct ui_list *)m;
    struct kg_json *chosen = NULL;
    struct kg_err ignored = { 0 };

    if (!result && ui_kind_is_page(kind))
        ui_list_fetch(l);
    if (!result)
        return;
    if (l->kind->filter_form && strcmp(kind, l->kind->filter_form) == 0) {
        if (kg_json_parse(result, strlen(result), &chosen, &ignored) < 0)
            return;
        kg_json_free(l->chosen);
        l->chosen = chosen;
        l->given = false;
        l->cursor = l->top = 0;
    }
    ui_list_fetch(l);                        /* what was made, changed or deleted shows here */
}

void ui_list_choose(struct ui_model *m)
{
    struct ui_list *l = (struct ui_list *)m;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(BODY_MAX);

    if (l->chosen)
        kg_json_print(l->chosen, false, &b);
    ui_open(m, l->kind->filter_form, b.p);
}

/* ---- keys ---- */

static void move_to(struct ui_list *l, int64_t line)
{
    int64_t last = (int64_t)l->n_shown - 1;

    l->cursor = line < 0 || last < 0 ? 0 : (size_t)(line > last ? last : line);
    ask_more(l);
}

static bool move(struct ui_list *l, enum ui_action a)
{
    int64_t at = (int64_t)l->cursor, page = l->page > 1 ? l->page : 10;

    switch (a) {
    case UI_ACT_UP: move_to(l, at - 1); return true;
    case UI_ACT_DOWN: move_to(l, at + 1); return true;
    case UI_ACT_PAGE_UP: move_to(l, at - page); return true;
    case UI_ACT_PAGE_DOWN: move_to(l, at + page); return true;
    case UI_ACT_HALF_UP: move_to(l, at - page / 2); return true;
    case UI_ACT_HALF_DOWN: move_to(l, at + page / 2); return true;
    case UI_ACT_FIRST: move_to(l, 0); return true;
    case UI_ACT_LAST: move_to(l, INT64_MAX); return true;
    default: return false;
    }
}

static void mark(struct ui_list *l, struct ui_row *r, bool on)
{
    l->n_marked = l->n_marked + on - r->marked;
    r->marked = on;
}

static void mark_all(struct ui_list *l)
{
    bool all = l->n_shown > 0;

    for (size_t i = 0; i < l->n_shown; i++)
        all &= ui_list_row(l, i)->marked;
    for (size_t i = 0; i < l->n_shown; i++)
        mark(l, &l->rows.row[l->shown[i]], !all);
}

/* Newest and largest first, names from A. */
static bool downwards_first(const struct ui_column *c)
{
    return c->format == UI_F_TIME || c->format == UI_F_AGO || c->format == UI_F_BYTES || c->format == UI_F_COUNT ||
           c->format == UI_F_DURATION || c->format == UI_F_PERCENT;
}

/* One column after the other, each both ways, then as answered. */
static void sort_next(struct ui_list *l)
{
    KG_AUTO_FREE char *id = current_id(l);
    int column = abs(l->sort);
    bool down = column && downwards_first(&l->kind->column[column - 1]);

    if (column && (l->sort < 0) == down)
        l->sort = -l->sort;
    else if (++column > (int)l->kind->n_columns)
        l->sort = 0;
    else
        l->sort = downwards_first(&l->kind->column[column - 1]) ? -column : column;
    arrange(l, id);
}

static void copy_id(void *ctx, const struct ui_row *r)
{
    struct kg_buf *b = ctx;

    if (b->len)
        kg_buf_adds(b, "\n");
    kg_buf_adds(b, r->id);
}

static bool clear_filter(struct ui_list *l)
{
    if (ui_edit_text(&l->filter)[0]) {
        KG_AUTO_FREE char *id = current_id(l);

        ui_edit_set(&l->filter, "");
        filter(l, id, false);
        return true;
    }
    if (l->chosen && !l->given) {
        kg_json_free(l->chosen);
        l->chosen = NULL;
        ui_list_fetch(l);
        return true;
    }
    return false;
}

/* Closes one thing after the other; false: nothing of the list is open any more. */
static bool back(struct ui_list *l)
{
    if (l->filtering) {
        l->filtering = false;
        (void)clear_filter(l);
        return true;
    }
    if (l->err.code && l->answered) {        /* an error without rows is the whole page: it goes with it */
        l->err = (struct kg_err){ 0 };
        return true;
    }
    return clear_filter(l);
}

static bool open_row(struct ui_list *l)
{
    const struct ui_row *r = ui_list_current(l);

    if (r && l->kind->opens)
        ui_open(&l->base, l->kind->opens, r->id);
    else if (r)
        ui_close(&l->base, r->id);
    return r != NULL;
}

bool ui_list_act(struct ui_model *m, enum ui_action a)
{
    struct ui_list *l = (struct ui_list *)m;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);

    if (move(l, a))
        return true;
    if (a == UI_ACT_BACK)
        return back(l);
    if (l->filtering && (a == UI_ACT_OPEN || a == UI_ACT_NEXT || a == UI_ACT_PREVIOUS)) {
        l->filtering = false;
        return true;
    }
    switch (a) {
    case UI_ACT_OPEN: return open_row(l);
    case UI_ACT_FILTER: l->filtering = true; return true;
    case UI_ACT_SORT: sort_next(l); return true;
    case UI_ACT_REFRESH: ui_list_fetch(l); return true;
    case UI_ACT_MARK_ALL: mark_all(l); return true;
    case UI_ACT_MARK:
        if (!l->n_shown)
            return false;
        mark(l, &l->rows.row[l->shown[l->cursor]], !ui_list_current(l)->marked);
        return true;
    case UI_ACT_COPY:
        if (!ui_list_each(l, copy_id, &b))
            return false;
        m->host->ops->copy(m->host, b.p);
        return true;
    default: return false;
    }
}

bool ui_list_type(struct ui_model *m, const struct ui_event *ev)
{
    struct ui_list *l = (struct ui_list *)m;
    KG_AUTO_FREE char *before = kg_xstrdup(ui_edit_text(&l->filter));

    if (!l->filtering || !ui_edit_type(&l->filter, ev))
        return false;
    if (strcmp(before, ui_edit_text(&l->filter)) != 0) {
        refilter(l);
        ask_more(l);
    }
    return true;
}

size_t ui_list_each(const struct ui_list *l, void (*fn)(void *ctx, const struct ui_row *r), void *ctx)
{
    if (!l->n_marked) {
        if (l->n_shown && fn)
            fn(ctx, ui_list_current(l));
        return l->n_shown ? 1 : 0;
    }
    for (size_t i = 0; fn && i < l->rows.n; i++)
        if (l->rows.row[l->order[i]].marked)
            fn(ctx, &l->rows.row[l->order[i]]);
    return l->n_marked;
}

/* ---- said in words ---- */

/* Fields whose values are the service's words; all others hold names and ids that people gave, which stand as they are. */
static bool holds_words(const char *field)
{
    static const char *const fields[] = { "status", "statuses", "operations", "protectionStates" };

    return kg_text_index(fields, KG_ARRAY_LEN(fields), field) >= 0;
}

static void add_chosen(const struct kg_json *field, struct kg_buf *ret)
{
    const struct kg_json *first = kg_json_type(field) == KG_JSON_ARRAY ? kg_json_first(field) : field;
    const char *sep = ": ";
    char label[100];

    if (!first || !kg_json_value_str(first))
        return;
    ui_label(kg_json_key(field), label, sizeof label);
    kg_buf_addf(ret, "%s%s", ret->len ? ", " : "", label);
    for (const struct kg_json *v = first; v; v = first == field ? NULL : kg_json_next(v), sep = " or ") {
        const char *value = kg_json_value_str(v) ? kg_json_value_str(v) : "";

        if (holds_words(kg_json_key(field)))
            ui_label(value, label, sizeof label);
        kg_buf_addf(ret, "%s%s", sep, holds_words(kg_json_key(field)) ? label : ui_last_part(value));
    }
}

void ui_list_filters(const struct ui_list *l, char *out, size_t n)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(BODY_MAX);

    for (const struct kg_json *c = kg_json_first(l->chosen); c; c = kg_json_next(c))
        add_chosen(c, &b);
    if (ui_edit_text(&l->filter)[0])
        kg_buf_addf(&b, "%s%s", b.len ? ", " : "", ui_edit_text(&l->filter));
    kg_text_copy(out, n, b.p);
}

static size_t count_hidden_marks(const struct ui_list *l)
{
    size_t n = l->n_marked;

    for (size_t i = 0; n && i < l->n_shown; i++)
        n -= ui_list_row(l, i)->marked;
    return n;
}

void ui_list_summary(const struct ui_list *l, char *out, size_t n)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    char a[32], all[32], iso[32];
    struct ui_shown since;

    if (l->load != UI_READY) {
        kg_text_copy(out, n, "");
        return;
    }
    ui_format_count(l->n_shown, a, sizeof a);
    ui_format_count(l->rows.n, all, sizeof all);
    if (l->n_shown == l->rows.n)
        kg_buf_addf(&b, "%s row%s", all, l->rows.n == 1 ? "" : "s");
    else
        kg_buf_addf(&b, "%s of %s rows", a, all);
    if (l->n_marked)
        kg_buf_addf(&b, ", %zu selected", l->n_marked);
    if (l->n_marked && count_hidden_marks(l))
        kg_buf_addf(&b, " (%zu hidden by the filter)", count_hidden_marks(l));
    if (l->next)
        kg_buf_adds(&b, ", more are there");
    if (l->sort)
        kg_buf_addf(&b, ", sorted by %s", l->kind->column[abs(l->sort) - 1].title);
    if (l->base.stale) {
        ui_format(UI_F_TIME, kg_time_iso(l->answered, iso), l->base.host->now, &since);
        kg_buf_addf(&b, ", stale since %s", since.text);
    }
    kg_text_copy(out, n, b.p);
}
