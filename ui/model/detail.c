#include "model/detail.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/time.h"

enum { RETRY = 15, RAW_MAX = 256 << 10 };

#define STATES "properties.currentProtectionState properties.status properties.provisioningState status"

static const struct ui_value *value(const struct ui_detail *d, size_t i) { return &d->kind->value[i]; }
static bool is_heading(const struct ui_detail *d, size_t i) { return !value(d, i)->label; }

void ui_detail_fetch(struct ui_detail *d)
{
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(RAW_MAX);

    if (d->asking)
        d->base.host->ops->forget(d->base.host, &d->base, d->call);
    if (d->load == UI_BROKEN) {
        d->load = UI_LOADING;
        d->err = (struct kg_err){ 0 };
    }
    ui_path(&d->base, d->kind->path ? d->kind->path : "{arg}", &path);
    d->asking = true;
    d->asked = d->base.host->now;
    d->call = ui_ask(&d->base, path.p, 0);
}

void ui_detail_open(struct ui_model *m)
{
    struct ui_detail *d = (struct ui_detail *)m;

    d->kind = m->kind->data;
    d->n_tabs = 1;
    while (d->n_tabs <= UI_TABS_MAX - 1 && d->kind->tab[d->n_tabs - 1])
        d->n_tabs++;
    while (d->cursor + 1 < d->kind->n_values && is_heading(d, d->cursor))
        d->cursor++;
    if (m->arg[0] == '/' && !m->title)
        m->title = kg_xstrdup(ui_last_part(m->arg));
    ui_detail_fetch(d);
}

void ui_detail_done(struct ui_model *m)
{
    struct ui_detail *d = (struct ui_detail *)m;

    for (size_t i = 0; i < UI_TABS_MAX; i++)
        ui_model_free(d->list[i]);
    kg_json_free(d->resource);
}

/* To the next value in a direction; headings and what is hidden are passed over. At the ends it stays, and the view may scroll on. */
static void step(struct ui_detail *d, int by)
{
    size_t i = d->cursor;

    for (;;) {
        if ((by < 0 && i == 0) || (by > 0 && i + 1 >= d->kind->n_values))
            return;
        i += (size_t)by;
        if (!is_heading(d, i) && ui_detail_has(d, i)) {
            d->cursor = i;
            return;
        }
    }
}

/* The cursor off a value that is not shown any more. */
static void leave_hidden(struct ui_detail *d)
{
    size_t at = d->cursor;

    if (!d->kind->n_values || (!is_heading(d, at) && ui_detail_has(d, at)))
        return;
    step(d, -1);
    if (d->cursor == at)
        step(d, 1);
}

void ui_detail_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    struct ui_detail *d = (struct ui_detail *)m;
    const struct kg_json *answer = a->reply ? a->reply->json : NULL;
    struct ui_shown said = { "", UI_NONE };
    const char *name;

    (void)tag;
    if (!d->asking || id != d->call)
        return;
    d->asking = false;
    if (a->err || kg_json_type(answer) != KG_JSON_OBJECT) {
        d->err = (struct kg_err){ 0 };
        if (a->err)
            d->err = *a->err;
        else
            (void)kg_err_set(&d->err, KG_E_NO_REPLY, "the service's answer for '%s' is not a resource", m->arg);
        m->stale = d->resource != NULL;
        if (!d->resource)
            d->load = UI_BROKEN;
        return;
    }
    kg_json_free(d->resource);
    d->resource = kg_json_copy(answer);
    d->err = (struct kg_err){ 0 };
    d->load = UI_READY;
    d->answered = m->host->now;
    m->stale = false;
    leave_hidden(d);
    if (d->kind->title)
        d->kind->title(answer, m->host->now, &said);
    name = said.text[0] ? said.text : kg_json_str(answer, "properties.friendlyName");
    if (!name || !name[0])
        name = kg_json_str(answer, "name");
    if (name && name[0]) {
        free(m->title);
        m->title = kg_xstrdup(name);
    }
}

const struct kg_json *ui_detail_resource(const struct ui_model *m)
{
    return m->kind->family == UI_DETAIL ? ((const struct ui_detail *)m)->resource : NULL;
}

void ui_detail_value(const struct ui_detail *d, size_t i, struct ui_shown *ret)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(RAW_MAX);
    const struct ui_value *v = value(d, i);

    ret->text[0] = '\0';
    ret->state = UI_NONE;
    if (!v->label) {
        kg_text_copy(ret->text, sizeof ret->text, v->paths);
    } else if (d->resource && v->text) {
        v->text(d->resource, d->base.host->now, ret);
    } else if (d->resource && v->paths) {
        ui_raw(d->resource, v->paths, &raw);
        ui_format(v->format, raw.p, d->base.host->now, ret);
    }
}

bool ui_detail_has(const struct ui_detail *d, size_t i)
{
    struct ui_shown s;

    if (is_heading(d, i)) {
        while (++i < d->kind->n_values && !is_heading(d, i))
            if (ui_detail_has(d, i))
                return true;
        return false;
    }
    if (!(value(d, i)->format & UI_F_IF_ANY))
        return true;
    ui_detail_value(d, i, &s);
    return s.text[0] != '\0';
}

void ui_detail_state(const struct ui_detail *d, struct ui_shown *ret)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(RAW_MAX);

    if (d->resource)
        ui_raw(d->resource, d->kind->state ? d->kind->state : STATES, &raw);
    ui_format(UI_F_STATE, raw.p, d->base.host->now, ret);
}

/* ---- tabs ---- */

struct ui_model *ui_detail_tab(const struct ui_detail *d) { return d->list[d->tab]; }

struct ui_list *ui_detail_list(const struct ui_detail *d)
{
    struct ui_model *tab = ui_detail_tab(d);

    return tab && tab->kind->family == UI_LIST ? (struct ui_list *)tab : NULL;
}

const char *ui_detail_tab_title(const struct ui_detail *d, size_t tab)
{
    const struct ui_kind *k = tab ? ui_kind_of_name(d->kind->tab[tab - 1]) : NULL;

    if (!tab)
        return d->kind->values_title ? d->kind->values_title : "Overview";
    return k ? k->title : d->kind->tab[tab - 1];
}

void ui_detail_show_tab(struct ui_detail *d, size_t tab)
{
    const struct ui_kind *k;

    d->tab = tab % d->n_tabs;
    k = d->tab && !d->list[d->tab] ? ui_kind_of_name(d->kind->tab[d->tab - 1]) : NULL;
    if (k) {
        d->list[d->tab] = ui_model_new(k, d->base.host, d->base.arg);
        d->list[d->tab]->of = &d->base;
    }
}

/* ---- time ---- */

static int64_t interval(const struct ui_detail *d)
{
    int64_t s = d->kind->refresh;

    return (d->err.code || d->base.stale) && (!s || s > RETRY) ? RETRY : s;
}

int64_t ui_detail_wake(const struct ui_model *m)
{
    const struct ui_detail *d = (const struct ui_detail *)m;
    int64_t own = interval(d) && !d->asking ? ui_due(m->host, d->asked, interval(d) * KG_SECOND) : 0;
    int64_t list = d->list[d->tab] ? ui_model_wake(d->list[d->tab]) : 0;

    return own && list ? (own < list ? own : list) : own + list;
}

void ui_detail_tick(struct ui_model *m)
{
    struct ui_detail *d = (struct ui_detail *)m;
    struct kg_err before = d->err;

    if (d->list[d->tab]) {
        d->list[d->tab]->changed = false;
        ui_model_tick(d->list[d->tab]);
        m->changed |= d->list[d->tab]->changed;
    }
    if (d->asking || !interval(d) || m->host->now < ui_due(m->host, d->asked, interval(d) * KG_SECOND))
        return;
    ui_detail_fetch(d);
    d->err = before;                         /* stays in sight until there is an answer */
    if (before.code && !d->resource)
        d->load = UI_BROKEN;
}

/* Something was made, changed or deleted from here. */
void ui_detail_closed(struct ui_model *m, const char *kind, const char *result)
{
    struct ui_detail *d = (struct ui_detail *)m;

    if (result || ui_kind_is_page(kind))
        ui_detail_fetch(d);
    if (!result)
        return;
    for (size_t i = 1; i < UI_TABS_MAX; i++)
        if (d->list[i])
            ui_model_closed(d->list[i], kind, result);
}

/* ---- keys ---- */

static bool open_value(struct ui_detail *d)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(RAW_MAX);
    const struct ui_value *v = d->kind->n_values ? value(d, d->cursor) : NULL;

    if (v && v->label && v->opens && v->paths && d->resource)
        ui_raw(d->resource, v->paths, &raw);
    if (raw.len)
        ui_open(&d->base, v->opens, raw.p);
    return raw.len > 0;
}

static bool copy_value(struct ui_detail *d)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(RAW_MAX);
    const struct ui_value *v = d->kind->n_values ? value(d, d->cursor) : NULL;
    struct ui_shown s;

    if (!v || !v->label || !d->resource)
        return false;
    if (v->paths)
        ui_raw(d->resource, v->paths, &raw);
    if (v->text || !raw.len) {
        ui_detail_value(d, d->cursor, &s);
        kg_buf_reset(&raw);
        kg_buf_adds(&raw, s.text);
    }
    d->base.host->ops->copy(d->base.host, raw.p);
    return true;
}

static bool act_values(struct ui_detail *d, enum ui_action a)
{
    int page = d->page > 2 ? d->page - 1 : 10;
    int by = a == UI_ACT_UP || a == UI_ACT_PAGE_UP || a == UI_ACT_HALF_UP || a == UI_ACT_FIRST ? -1 : 1;
    int n = 1;

    switch (a) {
    case UI_ACT_OPEN: return open_value(d);
    case UI_ACT_COPY: return copy_value(d);
    case UI_ACT_FIRST: case UI_ACT_LAST: n = (int)d->kind->n_values; break;
    case UI_ACT_PAGE_UP: case UI_ACT_PAGE_DOWN: n = page; break;
    case UI_ACT_HALF_UP: case UI_ACT_HALF_DOWN: n = page / 2; break;
    case UI_ACT_UP: case UI_ACT_DOWN: break;
    default: return false;
    }
    while (n-- > 0)
        step(d, by);
    return true;
}

bool ui_detail_act(struct ui_model *m, enum ui_action a)
{
    struct ui_detail *d = (struct ui_detail *)m;
    struct ui_model *list = d->list[d->tab];

    if (a == UI_ACT_REFRESH)
        ui_detail_fetch(d);
    if (list && ui_model_act(list, a))
        return true;
    switch (a) {
    case UI_ACT_REFRESH: return true;
    case UI_ACT_LEFT: case UI_ACT_PREVIOUS:
        if (d->n_tabs > 1)
            ui_detail_show_tab(d, d->tab + d->n_tabs - 1);
        return d->n_tabs > 1;
    case UI_ACT_RIGHT: case UI_ACT_NEXT:
        if (d->n_tabs > 1)
            ui_detail_show_tab(d, d->tab + 1);
        return d->n_tabs > 1;
    case UI_ACT_BACK:
        if (!d->err.code || !d->resource)    /* an error without values is the whole page: it goes with it */
            return false;
        d->err = (struct kg_err){ 0 };
        return true;
    default: return d->tab == 0 && act_values(d, a);
    }
}

bool ui_detail_type(struct ui_model *m, const struct ui_event *ev)
{
    struct ui_detail *d = (struct ui_detail *)m;

    return d->list[d->tab] && ui_model_type(d->list[d->tab], ev);
}
