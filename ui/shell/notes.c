/* Notifications: the newest stands at the bottom for a while, all are in the pane. */
#include "shell/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/time.h"
#include "model/format.h"

static struct ui_noted *add(struct ui_shell *s, enum ui_note level, const char *text)
{
    struct ui_noted *n;

    if (s->n_notes == UI_NOTES_MAX) {
        free(s->note[0].text);
        free(s->note[0].advice);
        free(s->note[0].link);
        memmove(&s->note[0], &s->note[1], (UI_NOTES_MAX - 1) * sizeof s->note[0]);
        s->n_notes--;
    }
    n = &s->note[s->n_notes++];
    *n = (struct ui_noted){ .at = s->host.now, .level = level, .text = kg_xstrdup(text) };
    s->noted++;
    s->notes_pane.cursor += s->notes_pane.cursor > 0;               /* stays on its note */
    s->toast = s->changed = true;
    return n;
}

void ui_notes_add(struct ui_shell *s, enum ui_note level, const char *text, const char *advice)
{
    struct ui_noted *n = add(s, level, text);

    n->advice = advice && *advice ? kg_xstrdup(advice) : NULL;
    n->box = level == UI_NOTE_FAILED || n->advice;
    s->n_unread += n->box;
}

void ui_notes_add_about(struct ui_shell *s, enum ui_note level, const char *text, const char *id)
{
    const struct ui_model *top = ui_shell_top(s);
    bool covers = ui_note_stays(s), seen = top && strcasecmp(top->arg, id) == 0;

    add(s, level, text)->link = kg_xstrdup(id);
    if (covers && s->n_notes > 1) {          /* what waits for Esc goes on waiting, as the newest */
        struct ui_noted last = s->note[s->n_notes - 1];

        s->note[s->n_notes - 1] = s->note[s->n_notes - 2];
        s->note[s->n_notes - 2] = last;
    }
    s->toast = covers || !seen;
    s->n_unread += !seen && (level == UI_NOTE_FAILED || level == UI_NOTE_WARNING);
}

bool ui_note_stays(const struct ui_shell *s) { return s->toast && s->n_notes && s->note[s->n_notes - 1].box; }

void ui_notes_done(struct ui_shell *s)
{
    for (size_t i = 0; i < s->n_notes; i++) {
        free(s->note[i].text);
        free(s->note[i].advice);
        free(s->note[i].link);
    }
    s->n_notes = 0;
}

/* The page of what the note is about. */
static void open_link(struct ui_shell *s)
{
    size_t at = s->notes_pane.cursor;
    const struct ui_noted *n = at < s->n_notes ? &s->note[s->n_notes - 1 - at] : NULL;

    if (!n || !n->link || !ui_shell_top(s))
        return;
    s->notes_pane.open = false;
    ui_open(ui_shell_top(s), "", n->link);
}

void ui_notes_open(struct ui_shell *s)
{
    s->notes_pane.open = true;
    s->notes_pane.cursor = 0;
    s->notes_pane.top = 0;
    s->n_unread = 0;
    s->toast = false;
}

void ui_notes_act(struct ui_shell *s, enum ui_action a)
{
    enum { PAGE = 5 };
    size_t *at = &s->notes_pane.cursor, last = s->n_notes ? s->n_notes - 1 : 0;

    switch (a) {
    case UI_ACT_UP: case UI_ACT_PREVIOUS: *at -= *at > 0; break;
    case UI_ACT_DOWN: case UI_ACT_NEXT: *at += *at < last; break;
    case UI_ACT_PAGE_UP: case UI_ACT_HALF_UP: *at = *at > PAGE ? *at - PAGE : 0; break;
    case UI_ACT_PAGE_DOWN: case UI_ACT_HALF_DOWN: *at = *at + PAGE < last ? *at + PAGE : last; break;
    case UI_ACT_FIRST: *at = 0; break;
    case UI_ACT_LAST: *at = last; break;
    case UI_ACT_OPEN: open_link(s); break;
    case UI_ACT_BACK: case UI_ACT_NOTES: case UI_ACT_QUIT: s->notes_pane.open = false; break;
    default: break;
    }
}

static const struct { enum ui_role role; enum ui_glyph glyph; } looks[] = {
    [UI_NOTE_INFO] = { UI_ROLE_STATUS, UI_G_DOT },
    [UI_NOTE_OK] = { UI_ROLE_STATE_OK, UI_G_OK },
    [UI_NOTE_WARNING] = { UI_ROLE_STATE_WARNING, UI_G_WARNING },
    [UI_NOTE_FAILED] = { UI_ROLE_STATE_FAILED, UI_G_FAILED },
};
enum ui_role ui_note_role(enum ui_note level) { return looks[level].role; }
enum ui_glyph ui_note_glyph(enum ui_note level) { return looks[level].glyph; }

/* "14:02:09, Enter opens the job" */
static void say_when(const struct ui_shell *s, const struct ui_noted *n, char *out, size_t room)
{
    struct ui_shown when = { "", UI_NONE };
    char iso[32];

    ui_format(UI_F_TIME, kg_time_iso(n->at, iso), s->host.now, &when);
    snprintf(out, room, "%.60s%s", when.text, n->link ? ", Enter opens it" : "");
}

/* One note from row y on; a NULL canvas measures. Returns its lines. */
static int draw_note(const struct ui_shell *s, const struct ui_noted *n, struct ui_canvas *c, int y, int x, int w)
{
    int lines = ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 1000, w - 2 }, 0, UI_ROLE_PANE, n->text);
    char when[100] = "";

    if (c) {
        ui_put(c, y, x, ui_note_role(n->level), ui_note_glyph(n->level));
        ui_text_wrapped(c, (struct ui_rect){ y, x + 2, lines, w - 2 }, 0, ui_note_role(n->level), n->text);
        say_when(s, n, when, sizeof when);
    }
    if (n->advice) {
        int more = ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 1000, w - 2 }, 0, UI_ROLE_PANE, n->advice);

        if (c)
            ui_text_wrapped(c, (struct ui_rect){ y + lines, x + 2, more, w - 2 }, 0, UI_ROLE_PANE, n->advice);
        lines += more;
    }
    if (c)
        ui_text(c, y + lines, x + 2, w - 2, UI_ROLE_DIM, when);
    return lines + 1;
}

/* The i-th note from the newest, and how many lines are above it. */
static const struct ui_noted *noted_at(const struct ui_shell *s, size_t i, int w, int *ret_above)
{
    *ret_above = 0;
    for (size_t k = 0; k < i; k++)
        *ret_above += draw_note(s, &s->note[s->n_notes - 1 - k], NULL, 0, 0, w) + 1;
    return &s->note[s->n_notes - 1 - i];
}

/* The first line, so that the note under the cursor is in sight. */
static int scroll_to(const struct ui_shell *s, struct ui_rect in)
{
    int above, h = draw_note(s, noted_at(s, s->notes_pane.cursor, in.w - 2, &above), NULL, 0, 0, in.w - 2), top = s->notes_pane.top;

    top = above + h > top + in.h ? above + h - in.h : top;
    return above < top ? above : top;
}

void ui_notes_draw_pane(struct ui_shell *s, struct ui_canvas *c, struct ui_rect area)
{
    struct ui_rect in = { area.y + 1, area.x + 2, area.h - 2, area.w - 4 }, was;

    ui_fill(c, area, UI_ROLE_PANE);
    ui_box(c, area, UI_ROLE_FRAME, "Notifications");
    if (!s->n_notes) {
        ui_text(c, in.y, in.x, in.w, UI_ROLE_DIM, "Nothing has happened since the portal was opened.");
        return;
    }
    s->notes_pane.cursor = s->notes_pane.cursor < s->n_notes ? s->notes_pane.cursor : s->n_notes - 1;
    s->notes_pane.top = scroll_to(s, in);
    was = ui_clip(c, in);
    for (size_t i = 0; i < s->n_notes; i++) {
        int y;
        const struct ui_noted *n = noted_at(s, i, in.w - 2, &y);

        y += in.y - s->notes_pane.top;
        if (i == s->notes_pane.cursor)
            ui_put(c, y, in.x, UI_ROLE_TAB_CURRENT, UI_G_CRUMB);
        (void)draw_note(s, n, c, y, in.x + 2, in.w - 2);
    }
    ui_unclip(c, was);
}

void ui_notes_draw_toast(struct ui_shell *s, struct ui_canvas *c, struct ui_rect area)
{
    const struct ui_noted *n = &s->note[s->n_notes - 1];
    int w = area.w > 100 ? 100 : area.w, h = draw_note(s, n, NULL, 0, 0, w - 4) + 1;
    struct ui_rect r;

    if (h > area.h)
        h = area.h;
    r = (struct ui_rect){ area.y + area.h - h, area.x + (area.w - w) / 2, h, w };
    ui_fill(c, r, UI_ROLE_DIALOG);
    ui_box(c, r, ui_note_role(n->level), n->level == UI_NOTE_FAILED ? "Failed" : "Note");
    /* The line for its time is where the hint stands. */
    (void)draw_note(s, n, c, r.y + 1, r.x + 2, w - 4);
    ui_fill(c, (struct ui_rect){ r.y + h - 1, r.x + 1, 1, w - 2 }, UI_ROLE_DIALOG);
    ui_hline(c, r.y + h - 1, r.x + 1, w - 2, ui_note_role(n->level));
    ui_text(c, r.y + h - 1, r.x + 2, w - 4, UI_ROLE_DIM, ui_note_stays(s) ? " Esc dismisses " : " Any key goes on ");
}
