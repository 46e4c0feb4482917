/* Notifications: the newest stands at the bottom for a while, all are in the pane. */
#include "shell/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"
#include "model/format.h"

void ui_notes_add(struct ui_shell *s, enum ui_note level, const char *text, const char *advice)
{
    if (s->n_notes == UI_NOTES_MAX) {
        free(s->note[0].text);
        free(s->note[0].advice);
        memmove(&s->note[0], &s->note[1], (UI_NOTES_MAX - 1) * sizeof s->note[0]);
        s->n_notes--;
    }
    s->note[s->n_notes++] = (struct ui_noted){ .at = s->host.now, .level = level, .text = kg_xstrdup(text),
                                               .advice = advice && *advice ? kg_xstrdup(advice) : NULL };
    s->noted++;
    s->toast = true;
    s->n_unread += ui_note_stays(s);
    s->changed = true;
}

bool ui_note_stays(const struct ui_shell *s)
{
    const struct ui_noted *n = s->n_notes ? &s->note[s->n_notes - 1] : NULL;

    return s->toast && n && (n->level == UI_NOTE_FAILED || n->advice);
}

void ui_notes_done(struct ui_shell *s)
{
    for (size_t i = 0; i < s->n_notes; i++) {
        free(s->note[i].text);
        free(s->note[i].advice);
    }
    s->n_notes = 0;
}

void ui_notes_act(struct ui_shell *s, enum ui_action a)
{
    s->n_unread = 0;
    s->toast = false;
    switch (a) {
    case UI_ACT_UP: s->notes_pane.top -= 1; break;
    case UI_ACT_DOWN: s->notes_pane.top += 1; break;
    case UI_ACT_PAGE_UP: case UI_ACT_HALF_UP: s->notes_pane.top -= 10; break;
    case UI_ACT_PAGE_DOWN: case UI_ACT_HALF_DOWN: s->notes_pane.top += 10; break;
    case UI_ACT_FIRST: s->notes_pane.top = 0; break;
    case UI_ACT_BACK: case UI_ACT_NOTES: case UI_ACT_OPEN: s->notes_pane.open = false; break;
    default: break;
    }
    if (s->notes_pane.top < 0)
        s->notes_pane.top = 0;
}

static const struct { enum ui_role role; enum ui_glyph glyph; } looks[] = {
    [UI_NOTE_INFO] = { UI_ROLE_STATUS, UI_G_DOT },
    [UI_NOTE_OK] = { UI_ROLE_STATE_OK, UI_G_OK },
    [UI_NOTE_WARNING] = { UI_ROLE_STATE_WARNING, UI_G_WARNING },
    [UI_NOTE_FAILED] = { UI_ROLE_STATE_FAILED, UI_G_FAILED },
};
enum ui_role ui_note_role(enum ui_note level) { return looks[level].role; }
enum ui_glyph ui_note_glyph(enum ui_note level) { return looks[level].glyph; }

/* One note from row y on; a NULL canvas measures. Returns its lines. */
static int draw_note(const struct ui_shell *s, const struct ui_noted *n, struct ui_canvas *c, int y, int x, int w)
{
    struct ui_shown when = { "", UI_NONE };
    int lines = ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 1000, w - 2 }, 0, UI_ROLE_PANE, n->text);

    if (c) {
        char iso[32];

        ui_put(c, y, x, ui_note_role(n->level), ui_note_glyph(n->level));
        ui_text_wrapped(c, (struct ui_rect){ y, x + 2, lines, w - 2 }, 0, ui_note_role(n->level), n->text);
        ui_format(UI_F_TIME, kg_time_iso(n->at, iso), s->host.now, &when);
    }
    if (n->advice) {
        int more = ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 1000, w - 2 }, 0, UI_ROLE_PANE, n->advice);

        if (c)
            ui_text_wrapped(c, (struct ui_rect){ y + lines, x + 2, more, w - 2 }, 0, UI_ROLE_PANE, n->advice);
        lines += more;
    }
    if (c)
        ui_text(c, y + lines, x + 2, w - 2, UI_ROLE_DIM, when.text);
    return lines + 1;
}

void ui_notes_draw_pane(struct ui_shell *s, struct ui_canvas *c, struct ui_rect area)
{
    struct ui_rect in = { area.y + 1, area.x + 2, area.h - 2, area.w - 4 }, was;
    int y, total = 0;

    ui_fill(c, area, UI_ROLE_PANE);
    ui_box(c, area, UI_ROLE_FRAME, "Notifications");
    if (!s->n_notes) {
        ui_text(c, in.y, in.x, in.w, UI_ROLE_DIM, "Nothing has happened since the portal was opened.");
        return;
    }
    for (size_t i = 0; i < s->n_notes; i++)
        total += draw_note(s, &s->note[i], NULL, 0, 0, in.w) + 1;
    if (s->notes_pane.top > total - in.h)
        s->notes_pane.top = total > in.h ? total - in.h : 0;
    was = ui_clip(c, in);
    y = in.y - s->notes_pane.top;
    for (size_t i = s->n_notes; i-- > 0;)
        y += draw_note(s, &s->note[i], c, y, in.x, in.w) + 1;
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
    ui_text(c, r.y + h - 1, r.x + 2, w - 4, UI_ROLE_DIM, " Esc dismisses ");
}
