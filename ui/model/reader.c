#include "model/reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

enum { TEXT_MAX = 8 << 20, TAB = 8 };

/* Takes a text over: tabs become blanks, other control characters what text.h makes of them. Of a text that is too long the
 * end is kept, which is what one looks for in a log. */
void ui_reader_take(struct ui_reader *r, const char *text, size_t len)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX + TEXT_MAX / 2);
    bool at_end;
    size_t column = 0, skip = len > TEXT_MAX / 4 ? len - TEXT_MAX / 4 : 0;

    while (skip && skip < len && ((unsigned char)text[skip] & 0xC0) == 0x80)
        skip++;
    if (skip)
        kg_buf_adds(&b, "[the beginning is left out]\n");
    for (const char *s = text + skip; *s; column++, s++) {
        if (*s == '\t') {
            kg_buf_addf(&b, "%*s", (int)(TAB - column % TAB), "");
            column += TAB - column % TAB - 1;
        } else if (*s == '\n') {
            kg_buf_add(&b, s, 1);
            column = (size_t)-1;
        } else if (*s != '\r' || s[1] != '\n') {
            char one[2] = { *s };

            if ((unsigned char)*s < 0x20 || *s == 0x7f)
                kg_text_add_printable(&b, one);
            else
                kg_buf_add(&b, s, 1);
        }
    }
    at_end = !r->text || r->top + r->page >= r->lines;
    free(r->text);
    r->text = kg_buf_take(&b);
    r->width = 0;
    if (at_end && r->base.kind->answer)      /* a text that grows; the view stops at the last page */
        r->top = INT_MAX / 2;
    r->load = UI_READY;
    r->err = (struct kg_err){ 0 };
}

static void fetch(struct ui_reader *r)
{
    if (r->asking)
        r->base.host->ops->forget(r->base.host, &r->base, r->call);
    r->asking = true;
    r->call = ui_ask_call(&r->base, &(struct ui_call){ .path = r->base.arg, .keep_text = true }, 0);
}

void ui_reader_open(struct ui_model *m)
{
    struct ui_reader *r = (struct ui_reader *)m;

    if (m->arg[0] == '/')
        fetch(r);
    else
        ui_reader_take(r, m->arg, strlen(m->arg));
}

void ui_reader_done(struct ui_model *m)
{
    struct ui_reader *r = (struct ui_reader *)m;

    free(r->text);
    free(r->line);
}

void ui_reader_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    struct ui_reader *r = (struct ui_reader *)m;

    (void)tag;
    if (!r->asking || id != r->call)
        return;
    r->asking = false;
    if (a->err || !a->reply || !a->reply->text) {
        r->err = (struct kg_err){ 0 };
        if (a->err)
            r->err = *a->err;
        else
            (void)kg_err_set(&r->err, KG_E_NO_REPLY, "the service answered without a text");
        r->load = r->text ? UI_READY : UI_BROKEN;
        m->stale = r->text != NULL;
        return;
    }
    m->stale = false;
    ui_reader_take(r, a->reply->text, a->reply->len);
}

static bool scroll_to(struct ui_reader *r, int top)
{
    int last = r->lines > r->page ? r->lines - r->page : 0;

    r->top = top < 0 ? 0 : top > last ? last : top;
    return true;
}

bool ui_reader_act(struct ui_model *m, enum ui_action a)
{
    struct ui_reader *r = (struct ui_reader *)m;
    int page = r->page > 2 ? r->page - 1 : 1;

    switch (a) {
    case UI_ACT_UP: return scroll_to(r, r->top - 1);
    case UI_ACT_DOWN: return scroll_to(r, r->top + 1);
    case UI_ACT_PAGE_UP: return scroll_to(r, r->top - page);
    case UI_ACT_PAGE_DOWN: return scroll_to(r, r->top + page);
    case UI_ACT_HALF_UP: return scroll_to(r, r->top - (page + 1) / 2);
    case UI_ACT_HALF_DOWN: return scroll_to(r, r->top + (page + 1) / 2);
    case UI_ACT_FIRST: return scroll_to(r, 0);
    case UI_ACT_LAST: return scroll_to(r, r->lines);
    case UI_ACT_REFRESH:
        if (m->arg[0] == '/')
            fetch(r);
        return m->arg[0] == '/';
    case UI_ACT_COPY:
        if (r->text)
            m->host->ops->copy(m->host, r->text);
        return r->text != NULL;
    case UI_ACT_BACK:
        if (!r->err.code || !r->text)        /* an error without a text is the whole page: it goes with it */
            return false;
        r->err = (struct kg_err){ 0 };
        return true;
    default: return false;
    }
}
