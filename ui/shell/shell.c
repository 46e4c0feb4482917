#include "shell/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "json/json.h"
#include "keepgres/version.h"
#include "model/detail.h"
#include "model/form.h"
#include "model/ids.h"
#include "shell/parts.h"
#include "view/view.h"

enum { SECOND = 1000000, START_RETRY = 2 * SECOND, JOBS_IDLE = 5 * SECOND, JOBS_BUSY = 2 * SECOND, RUNNING_MOST = 20 };

const struct ui_menu_row ui_menu[] = {
    { "Overview", "overview" },
    { "Backup instances", "backup-instances" },
    { "Backup jobs", "backup-jobs" },
    { "Backup policies", "backup-policies" },
    { "Backup vaults", "backup-vaults" },
    { "Resources", NULL },
    { "PostgreSQL servers", "servers" },
    { "Key vaults", "key-vaults" },
    { "Storage accounts", "storage-accounts" },
    { "Access control", "access-control" },
    { "Portal", NULL },
    { "Settings", "settings" },
};
const size_t ui_menu_n = KG_ARRAY_LEN(ui_menu);

/* A page of the menu that was opened from another one is where one is. */
const char *ui_menu_here(const struct ui_shell *s)
{
    for (size_t l = s->n_layers; l-- > 0;)
        for (size_t i = 0; i < ui_menu_n; i++)
            if (ui_menu[i].kind && strcmp(ui_menu[i].kind, s->layer[l].m->kind->name) == 0)
                return ui_menu[i].kind;
    return "";
}

/* ---- layers ---- */

struct ui_model *ui_shell_top(const struct ui_shell *s) { return s->n_layers ? s->layer[s->n_layers - 1].m : NULL; }

static size_t page_layer(const struct ui_shell *s)
{
    size_t i = s->n_layers;

    while (i > 1 && (s->layer[i - 1].m->kind->shape == UI_PANE || s->layer[i - 1].m->kind->shape == UI_DIALOG))
        i--;
    return i - 1;
}

struct ui_model *ui_shell_page(const struct ui_shell *s) { return s->n_layers ? s->layer[page_layer(s)].m : NULL; }

static bool push(struct ui_shell *s, struct ui_model *from, const struct ui_kind *k, const char *arg);

/* What takes the place of a page that closed itself; not when it would lie upon itself. */
static void follow_up(struct ui_shell *s, const struct ui_layer *was)
{
    const struct ui_model *below = ui_shell_top(s);

    if (was->next && !(below && below->kind == was->next && strcmp(below->arg, was->next_arg) == 0))
        (void)push(s, was->from, was->next, was->next_arg);
}

/* Takes closing layers off, from the top only: what lies below something open stays until that is closed too. */
static void settle(struct ui_shell *s)
{
    while (s->n_layers && s->layer[s->n_layers - 1].closing) {
        struct ui_layer was = s->layer[--s->n_layers];
        const char *kind = was.m->kind->name;

        s->ask.open = false;                 /* what it was asked about is gone */
        ui_model_free(was.m);
        if (was.from)
            ui_model_closed(was.from, kind, was.result);
        follow_up(s, &was);
        free(was.result);
        free(was.next_arg);
        s->changed = true;
    }
    if (!s->n_layers && s->started && !s->wish.quit)
        ui_shell_go(s, ui_menu[0].kind, "");
}

static void drop_all(struct ui_shell *s)
{
    while (s->n_layers) {
        struct ui_layer *l = &s->layer[--s->n_layers];

        ui_model_free(l->m);
        free(l->result);
        free(l->next_arg);
    }
}

static bool push(struct ui_shell *s, struct ui_model *from, const struct ui_kind *k, const char *arg)
{
    char text[120];
    size_t at = s->n_layers;

    if (at == UI_LAYERS_MAX) {
        snprintf(text, sizeof text, "%s cannot be opened: %d pages lie on top of each other. Press Esc first.", k->title,
                 UI_LAYERS_MAX);
        ui_notes_add(s, UI_NOTE_WARNING, text, NULL);
        return false;
    }
    s->layer[at] = (struct ui_layer){ .from = from, .serial = ++s->serial };
    s->n_layers++;
    s->ask.open = false;                     /* it was about what lies below now */
    s->layer[at].m = ui_model_new(k, &s->host, arg);
    s->changed = true;
    return true;
}

void ui_shell_go(struct ui_shell *s, const char *kind, const char *arg)
{
    const struct ui_kind *k = ui_kind_of_name(kind);

    if (!k)
        return;
    if (!s->started) {                       /* as soon as the service answers */
        free(s->start_page);
        s->start_page = kg_xstrdup(kind);
        return;
    }
    drop_all(s);
    (void)push(s, NULL, k, arg);
}

bool ui_shell_dirty(const struct ui_shell *s)
{
    for (size_t i = 0; i < s->n_layers; i++)
        if (ui_model_dirty(s->layer[i].m))
            return true;
    return false;
}

static bool tells_secret(const struct ui_shell *s)
{
    for (size_t i = 0; i < s->n_layers; i++)
        if (s->layer[i].m->kind->family == UI_FORM && ui_form_tells((const struct ui_form *)s->layer[i].m))
            return true;
    return false;
}

void ui_shell_leave(struct ui_shell *s, void (*go)(struct ui_shell *s), const char *kind)
{
    free(s->ask.kind);
    s->ask.kind = kg_xstrdup(kind);
    s->ask.go = go;
    if (!ui_shell_dirty(s)) {
        go(s);
        return;
    }
    free(s->ask.text);
    s->ask.text = kg_xstrdup(tells_secret(s) ? "What is shown here is shown once and kept nowhere. Leave only when you have saved it."
                                             : "What you typed here is lost if you leave.");
    s->ask.open = true;
    s->ask.yes = false;
}

static void leave_for_page(struct ui_shell *s)
{
    KG_AUTO_FREE char *kind = kg_xstrdup(s->ask.kind);

    ui_shell_go(s, kind, "");
}
void ui_shell_visit(struct ui_shell *s, const char *kind) { ui_shell_leave(s, leave_for_page, kind); }

static void leave_top(struct ui_shell *s)
{
    struct ui_model *m = ui_shell_top(s);

    if (m->kind->family == UI_FORM && ui_form_tells((struct ui_form *)m))
        ui_form_press((struct ui_form *)m, UI_BUTTON_CLOSE);     /* what was made goes to who asked for it */
    else
        s->layer[s->n_layers - 1].closing = true;
    settle(s);
}
static void leave_portal(struct ui_shell *s) { s->wish.quit = true; }

/* ---- what models ask of their host ---- */

/* path: of a request that may begin a job; else NULL. */
struct ui_sent { struct ui_sent *next; struct ui_shell *s; struct ui_model *m; int tag; uint64_t id; char *path; };

static void free_sent(struct ui_sent *sent)
{
    free(sent->path);
    free(sent);
}

static void unlink_sent(struct ui_shell *s, const struct ui_sent *what)
{
    for (struct ui_sent **p = &s->sent; *p; p = &(*p)->next)
        if (*p == what) {
            *p = what->next;
            return;
        }
}

static void answered(void *ctx, uint64_t id, const struct kg_answer *a)
{
    struct ui_sent *sent = ctx, was = *sent;
    KG_AUTO_FREE char *job = sent->path && a->reply ? ui_job_of(sent->path, a->reply->json) : NULL;

    unlink_sent(was.s, sent);
    free_sent(sent);
    if (job)
        ui_watch_add(was.s, job);
    if (a->reply)
        ui_watch_see(was.s, a->reply->json);
    ui_model_answer(was.m, was.tag, id, a);
    settle(was.s);
    was.s->changed = true;
}

static uint64_t host_ask(struct ui_host *h, struct ui_model *m, const struct ui_call *c, int tag)
{
    struct ui_shell *s = (struct ui_shell *)h;
    struct ui_sent *sent = kg_xalloc(sizeof *sent);
    struct kg_request rq = { .method = c->method ? c->method : "GET", .path = c->path, .body = c->body,
                             .body_len = c->body ? strlen(c->body) : 0, .keep_text = c->keep_text };

    *sent = (struct ui_sent){ .next = s->sent, .s = s, .m = m, .tag = tag, .path = c->follow ? kg_xstrdup(c->path) : NULL };
    s->sent = sent;
    return sent->id = s->transport.send(s->transport.ctx, &rq, c->follow, answered, sent);
}

static void host_forget(struct ui_host *h, struct ui_model *m, uint64_t id)
{
    struct ui_shell *s = (struct ui_shell *)h;

    for (struct ui_sent **p = &s->sent; *p;) {
        struct ui_sent *sent = *p;

        if (sent->m != m || (id && sent->id != id)) {
            p = &sent->next;
            continue;
        }
        *p = sent->next;
        s->transport.cancel(s->transport.ctx, sent->id);
        free_sent(sent);
    }
}

bool ui_shell_awaits(const struct ui_shell *s, const struct ui_model *m)
{
    for (const struct ui_sent *sent = s->sent; sent; sent = sent->next)
        if (sent->m == m)
            return true;
    return false;
}

static void host_open(struct ui_host *h, struct ui_model *from, const char *kind, const char *arg)
{
    struct ui_shell *s = (struct ui_shell *)h;
    const struct ui_kind *k = kind && *kind ? ui_kind_of_name(kind) : ui_kind_of_id(arg);
    char text[200];

    for (size_t i = 0; k && i < s->n_layers; i++)
        if (s->layer[i].m == from && s->layer[i].closing) {
            free(s->layer[i].next_arg);
            s->layer[i].next = k;
            s->layer[i].next_arg = kg_xstrdup(arg ? arg : "");
            return;
        }
    if (k) {
        (void)push(s, from, k, arg);
        return;
    }
    snprintf(text, sizeof text, "There is no page for '%.100s'.", kind && *kind ? kind : arg);
    ui_notes_add(s, UI_NOTE_WARNING, text, NULL);
}

static void host_close(struct ui_host *h, struct ui_model *m, const char *result)
{
    struct ui_shell *s = (struct ui_shell *)h;

    if (!result && m->kind->shape == UI_WIZARD && m == ui_shell_top(s) && ui_model_dirty(m)) {
        ui_shell_leave(s, leave_top, NULL);
        return;
    }
    for (size_t i = 0; i < s->n_layers; i++)
        if (s->layer[i].m == m && !s->layer[i].closing) {
            s->layer[i].closing = true;
            s->layer[i].result = kg_xstrdup(result);
        }
}

static void host_note(struct ui_host *h, enum ui_note level, const char *text, const char *advice)
{
    ui_notes_add((struct ui_shell *)h, level, text, advice);
}

static void host_copy(struct ui_host *h, const char *text)
{
    struct ui_shell *s = (struct ui_shell *)h;

    free(s->wish.copy);
    s->wish.copy = kg_xstrdup(text);
    ui_notes_add(s, UI_NOTE_INFO, "Copied.", NULL);
}

static int write_text(int fd, const char *file, const char *text, struct kg_err *err)
{
    size_t n = strlen(text), done = 0;

    while (done < n) {
        ssize_t w = write(fd, text + done, n - done);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return kg_err_sys(err, errno, "write '%s'", file);
        done += (size_t)w;
    }
    return fsync(fd) < 0 && errno != EINVAL ? kg_err_sys(err, errno, "write '%s'", file) : 0;
}

static int host_save(struct ui_host *h, const char *file, const char *text, struct kg_err *err)
{
    KG_AUTO_FREE char *path = file[0] == '~' && file[1] == '/' && *h->home ? kg_xprintf("%s%s", h->home, file + 1) : kg_xstrdup(file);
    KG_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        kg_err_sys(err, errno, "write '%s'", file);
        kg_err_advise(err, "Choose a file that does not exist, in a folder of yours.");
        return -(int)err->code;
    }
    if (write_text(fd, file, text, err) < 0) {
        (void)unlink(path);                  /* half of it is worth nothing, and would be in the way */
        return -(int)err->code;
    }
    return 0;
}

static const char *host_setting(struct ui_host *h, const char *name, const char *value)
{
    static const char *const names[] = { "theme", "mouse", "slow" };
    struct ui_shell *s = (struct ui_shell *)h;
    size_t i = 0;

    while (i + 1 < KG_ARRAY_LEN(names) && strcmp(names[i], name) != 0)
        i++;
    if (!value)
        return s->setting[i];
    kg_text_copy(s->setting[i], sizeof s->setting[i], value);
    s->changed = true;
    if (i == 0) {
        free(s->wish.theme);
        s->wish.theme = kg_xstrdup(value);
    } else if (i == 1) {
        s->wish.mouse_changed = true;
        s->wish.mouse = strcmp(value, "on") == 0;
    } else {
        free(s->wish.slow);
        s->wish.slow = kg_xstrdup(value);
    }
    return s->setting[i];
}

static const struct ui_host_ops host_ops = { .ask = host_ask, .forget = host_forget, .open = host_open, .close = host_close,
                                             .note = host_note, .copy = host_copy, .save = host_save, .setting = host_setting };

/* ---- the shell's own questions ---- */

uint64_t ui_shell_get(struct ui_shell *s, const char *method, const char *path, const char *body, kg_async_fn *fn)
{
    struct kg_request rq = { .method = method, .path = path, .body = body, .body_len = body ? strlen(body) : 0 };

    return s->transport.send(s->transport.ctx, &rq, false, fn, s);
}

static void service_answered(void *ctx, uint64_t id, const struct kg_answer *a)
{
    struct ui_shell *s = ctx;

    (void)id;
    if (!a->err)
        kg_text_copy(s->host.user, sizeof s->host.user, kg_json_str_or(a->reply->json, "caller.principalName", ""));
    s->changed = true;
}

static void start_answered(void *ctx, uint64_t id, const struct kg_answer *a)
{
    struct ui_shell *s = ctx;
    const char *path;

    (void)id;
    s->start_call = 0;
    s->changed = true;
    if (a->err) {
        s->start_err = *a->err;
        return;
    }
    path = kg_json_str_or(a->reply->json, "value.0.id", "");
    kg_text_copy(s->host.subscription, sizeof s->host.subscription, *path ? ui_last_part(path) : "default");
    s->started = true;
    (void)ui_shell_get(s, "GET", "/providers/Microsoft.KeepGres/service", NULL, service_answered);
    ui_shell_go(s, s->start_page, "");
    if (!s->n_layers)
        ui_shell_go(s, ui_menu[0].kind, "");
}

static void start(struct ui_shell *s)
{
    s->jobs.asked = s->host.now;
    s->start_call = ui_shell_get(s, "GET", "/subscriptions", NULL, start_answered);
}

/* What the status line says of running jobs. */
static void jobs_answered(void *ctx, uint64_t id, const struct kg_answer *a)
{
    struct ui_shell *s = ctx;
    const struct kg_json *value;
    unsigned running;
    double percent, total;

    (void)id;
    s->jobs.call = 0;
    if (a->err)
        return;
    value = kg_json_get(a->reply->json, "value");
    if (!value)
        value = kg_json_get(a->reply->json, "data");
    running = (unsigned)kg_json_count(value);
    ui_watch_running(s, value, running < RUNNING_MOST);
    total = kg_json_double(kg_json_first(value), "properties.extendedInfo.progress.bytesTotal", 0);
    percent = kg_json_double(kg_json_first(value), "properties.extendedInfo.progress.bytesDone", 0);
    percent = total > 0 && percent <= total ? 100 * percent / total : -1;
    s->changed |= running != s->jobs.running || (int)percent != (int)s->jobs.percent;
    s->jobs.running = running;
    s->jobs.percent = percent;
}

static void ask_jobs(struct ui_shell *s)
{
    KG_AUTO_FREE char *path = kg_xprintf("/subscriptions/%s/providers/Microsoft.DataProtection/searchBackupJobs?$top=%d",
                                         s->host.subscription, RUNNING_MOST);

    s->jobs.asked = s->host.now;
    s->jobs.call = ui_shell_get(s, "POST", path, "{\"statuses\":[\"InProgress\"]}", jobs_answered);
}

static int64_t jobs_due(const struct ui_shell *s)
{
    return ui_due(&s->host, s->jobs.asked, !s->started ? START_RETRY : s->jobs.running || s->watch.n ? JOBS_BUSY : JOBS_IDLE);
}

/* ---- commands and actions ---- */

static size_t add_commands(struct ui_of *ret, size_t n, size_t max, const struct ui_command *c, size_t n_c,
    struct ui_model *m)
{
    for (size_t i = 0; i < n_c && n < max; i++)
        ret[n++] = (struct ui_of){ &c[i], m };
    return n;
}

size_t ui_shell_commands(const struct ui_shell *s, struct ui_of *ret, size_t max)
{
    struct ui_model *m = ui_shell_top(s);
    size_t n = 0;

    if (!m)
        return 0;
    if (m->kind->family == UI_FORM) {
        const struct ui_form *f = (const struct ui_form *)m;
        const struct ui_grid *g = f->step < f->kind->n_steps ? f->kind->step[f->step].grid : NULL;

        if (g && ui_form_keys(f) != &ui_keys_text && !ui_form_tells(f))
            n = add_commands(ret, n, max, g->commands, g->n_commands, m);
    }
    if (m->kind->family == UI_DETAIL) {
        struct ui_list *l = ui_detail_list((const struct ui_detail *)m);

        if (l)
            n = add_commands(ret, n, max, l->base.kind->commands, l->base.kind->n_commands, &l->base);
    }
    return add_commands(ret, n, max, m->kind->commands, m->kind->n_commands, m);
}

static bool run_command(struct ui_shell *s, uint32_t key)
{
    struct ui_of of[64];
    size_t n = ui_shell_commands(s, of, KG_ARRAY_LEN(of));

    for (size_t i = 0; i < n; i++)
        if (of[i].c->key == key && key) {
            ui_command_run(of[i].c, of[i].m);
            return true;
        }
    return false;
}

/* A page that nothing lies below stays, a wizard that the portal was started with does not. */
static void back(struct ui_shell *s)
{
    const struct ui_model *top = ui_shell_top(s);

    if (!top || (s->n_layers == 1 && top->kind->shape == UI_PAGE && !ui_model_dirty(top)))
        return;
    if (ui_model_dirty(top))
        ui_shell_leave(s, leave_top, NULL);
    else
        leave_top(s);
}

static void copy_shown(struct ui_shell *s)
{
    struct ui_model *m = ui_shell_top(s);
    const char *id = m ? ui_model_row_id(m) : NULL;

    host_copy(&s->host, id ? id : m ? m->arg : "");
}

static void open_menu(struct ui_shell *s)
{
    s->menu.open = true;
    for (size_t i = 0; i < ui_menu_n; i++)
        if (ui_menu[i].kind && strcmp(ui_menu[i].kind, ui_menu_here(s)) == 0)
            s->menu.cursor = i;
}

/* What no page took. */
static void act_global(struct ui_shell *s, enum ui_action a)
{
    switch (a) {
    case UI_ACT_BACK: back(s); break;
    case UI_ACT_MENU: open_menu(s); break;
    case UI_ACT_PALETTE: ui_palette_open(s, ""); break;
    case UI_ACT_HELP: s->help.open = true; s->help.top = 0; break;
    case UI_ACT_NOTES: ui_notes_open(s); break;
    case UI_ACT_REDRAW: s->wish.redraw = true; break;
    case UI_ACT_COPY: copy_shown(s); break;
    case UI_ACT_QUIT: ui_shell_leave(s, leave_portal, NULL); break;
    default: break;
    }
}

void ui_shell_act(struct ui_shell *s, enum ui_action a)
{
    struct ui_model *m = ui_shell_top(s);

    if (a == UI_ACT_NONE)
        return;
    if (!m || !ui_model_act(m, a))
        act_global(s, a);
}

/* ---- events ---- */

static void menu_event(struct ui_shell *s, enum ui_action a)
{
    size_t to = s->menu.cursor;

    switch (a) {
    case UI_ACT_UP: case UI_ACT_PREVIOUS: do to = (to + ui_menu_n - 1) % ui_menu_n; while (!ui_menu[to].kind); break;
    case UI_ACT_DOWN: case UI_ACT_NEXT: do to = (to + 1) % ui_menu_n; while (!ui_menu[to].kind); break;
    case UI_ACT_FIRST: case UI_ACT_PAGE_UP: to = 0; break;
    case UI_ACT_LAST: case UI_ACT_PAGE_DOWN: to = ui_menu_n - 1; break;
    case UI_ACT_OPEN: case UI_ACT_RIGHT:
        s->menu.open = false;
        ui_shell_visit(s, ui_menu[to].kind);
        return;
    case UI_ACT_BACK: case UI_ACT_MENU: case UI_ACT_LEFT: s->menu.open = false; return;
    case UI_ACT_QUIT: case UI_ACT_PALETTE: case UI_ACT_HELP: s->menu.open = false; act_global(s, a); return;
    default: return;
    }
    s->menu.cursor = to;
}

static void ask_event(struct ui_shell *s, const struct ui_event *ev)
{
    enum ui_action a = ui_keymap_find(&ui_keys_form, ev->key);

    if (a == UI_ACT_LEFT || a == UI_ACT_RIGHT || a == UI_ACT_NEXT || a == UI_ACT_PREVIOUS)
        s->ask.yes = !s->ask.yes;
    else if (a == UI_ACT_BACK || ev->key == 'n' || (a == UI_ACT_OPEN && !s->ask.yes))
        s->ask.open = false;
    else if (ev->key == 'y' || (a == UI_ACT_OPEN && s->ask.yes)) {
        s->ask.open = false;
        s->ask.go(s);
    }
}

/* Nothing but these closes it: a key pressed to try it out does nothing else. */
static void help_event(struct ui_shell *s, uint32_t pressed)
{
    static const struct { enum ui_action a; int by; } moves[] = {
        { UI_ACT_UP, -1 }, { UI_ACT_DOWN, 1 }, { UI_ACT_PAGE_UP, -15 }, { UI_ACT_PAGE_DOWN, 15 }, { UI_ACT_HALF_UP, -8 },
        { UI_ACT_HALF_DOWN, 8 }, { UI_ACT_FIRST, -10000 }, { UI_ACT_LAST, 10000 },
    };

    enum ui_action a = pressed == ' ' ? UI_ACT_PAGE_DOWN : ui_keymap_find(&ui_keys_reader, pressed);

    for (size_t i = 0; i < KG_ARRAY_LEN(moves); i++)
        if (moves[i].a == a)
            s->help.top += moves[i].by;
    if (a == UI_ACT_BACK || a == UI_ACT_HELP || a == UI_ACT_QUIT)
        s->help.open = false;
}

static void key(struct ui_shell *s, const struct ui_event *ev)
{
    struct ui_model *m = ui_shell_top(s);

    if (m && ui_model_type(m, ev))
        return;
    if (m && ui_view_keys(m) != &ui_keys_text && run_command(s, ev->key))
        return;
    ui_shell_act(s, ui_keymap_find(m ? ui_view_keys(m) : &ui_keys_global, ev->key));
}

static void pressed(struct ui_shell *s, const struct ui_event *ev)
{
    bool failed = ui_note_stays(s), covered = s->ask.open || s->palette.open || s->help.open || s->notes_pane.open;

    if (s->toast && (!failed || (ev->key == UI_KEY_ESC && !covered))) {
        s->toast = false;
        if (failed)
            return;
    }
    if (s->ask.open)
        ask_event(s, ev);
    else if (s->palette.open)
        ui_palette_event(s, ev);
    else if (s->help.open)
        help_event(s, ev->key);
    else if (s->notes_pane.open)
        ui_notes_act(s, ui_keymap_find(&ui_keys_list, ev->key));
    else if (s->menu.open)
        menu_event(s, ui_keymap_find(&ui_keys_list, ev->key));
    else
        key(s, ev);
}

void ui_shell_event(struct ui_shell *s, const struct ui_event *ev, int64_t now)
{
    s->host.now = now;
    s->changed = true;
    switch (ev->kind) {
    case UI_EV_KEY: pressed(s, ev); break;
    case UI_EV_PASTE:
        if (s->palette.open)
            ui_palette_event(s, ev);
        else if (!s->ask.open && !s->help.open && !s->notes_pane.open && !s->menu.open && ui_shell_top(s))
            (void)ui_model_type(ui_shell_top(s), ev);
        break;
    case UI_EV_WHEEL_UP: case UI_EV_WHEEL_DOWN:
        for (int i = 0; i < 3; i++)
            pressed(s, &(struct ui_event){ .kind = UI_EV_KEY,
                .key = ev->kind == UI_EV_WHEEL_UP ? UI_KEY_UP : UI_KEY_DOWN });
        break;
    case UI_EV_CLICK: case UI_EV_DOUBLE_CLICK: ui_frame_click(s, ev); break;
    case UI_EV_HANGUP: s->wish.quit = true; break;
    case UI_EV_RESIZE: case UI_EV_SUSPEND: case UI_EV_RESUMED: case UI_EV_NONE: break;
    }
    settle(s);
}

/* The first two numbers of a version, as one; 0: it has none. They tell what a service understands. */
static uint64_t series(const char *version)
{
    const char *minor = strchr(version, '.');
    KG_AUTO_FREE char *first = minor ? kg_xstrndup(version, (size_t)(minor - version)) : NULL;
    KG_AUTO_FREE char *second = minor ? kg_xstrndup(minor + 1, strcspn(minor + 1, ".")) : NULL;
    struct kg_err ignored = { 0 };
    uint64_t a, b;

    if (!minor || kg_parse_range(first, 0, 9999, &a, &ignored) < 0 || kg_parse_range(second, 0, 9999, &b, &ignored) < 0)
        return 0;
    return a * 10000 + b;
}

/* Told once for each that is met. */
static void tell_version(struct ui_shell *s)
{
    struct kg_async_health h = s->transport.health(s->transport.ctx);
    uint64_t theirs = series(h.server_version), ours = series(KG_VERSION);
    char text[200];

    if (strcmp(h.server_version, s->server_version) == 0)
        return;
    kg_text_copy(s->server_version, sizeof s->server_version, h.server_version);
    if (!theirs || theirs == ours)
        return;
    snprintf(text, sizeof text, "The service is of version %.30s, this portal of %s: some of it may not work.", h.server_version,
             KG_VERSION);
    ui_notes_add(s, UI_NOTE_WARNING, text,
                 theirs > ours ? "Leave the portal, and start it from the newer installation."
                               : "Stop the older service with 'keepgres service stop'; the next command starts the newer one.");
}

void ui_shell_tick(struct ui_shell *s, int64_t now)
{
    s->host.now = now;
    if (!s->started) {
        if (!s->start_call && now >= jobs_due(s))
            start(s);
        return;
    }
    for (size_t i = page_layer(s); i < s->n_layers; i++)
        ui_model_tick(s->layer[i].m);
    settle(s);
    tell_version(s);
    if (!s->jobs.call && now >= jobs_due(s))
        ask_jobs(s);
}

int64_t ui_shell_wake(const struct ui_shell *s)
{
    int64_t wake = s->jobs.call || s->start_call ? 0 : jobs_due(s);

    for (size_t i = s->n_layers ? page_layer(s) : 0; i < s->n_layers; i++) {
        int64_t w = ui_model_wake(s->layer[i].m);

        if (w && (!wake || w < wake))
            wake = w;
    }
    return wake ? wake : s->host.now + JOBS_IDLE;
}

bool ui_shell_is_due(const struct ui_shell *s, int64_t now) { return now < s->host.now || now >= ui_shell_wake(s); }

bool ui_shell_changed(struct ui_shell *s)
{
    bool changed = s->changed;

    for (size_t i = 0; i < s->n_layers; i++) {
        changed |= s->layer[i].m->changed;
        s->layer[i].m->changed = false;
    }
    s->changed = false;
    return changed;
}

void ui_shell_draw(struct ui_shell *s, struct ui_canvas *c) { ui_frame_draw(s, c); }

void ui_shell_init(struct ui_shell *s, const struct ui_transport *t, const char *start_page, bool readonly, int64_t now)
{
    memset(s, 0, sizeof *s);
    s->host.ops = &host_ops;
    s->host.now = now;
    s->host.readonly = readonly;
    s->transport = *t;
    s->start_page = kg_xstrdup(start_page && *start_page ? start_page : ui_menu[0].kind);
    s->changed = true;
    s->jobs.percent = -1;
    start(s);
}

void ui_shell_done(struct ui_shell *s)
{
    drop_all(s);
    while (s->sent) {
        struct ui_sent *next = s->sent->next;

        free_sent(s->sent);
        s->sent = next;
    }
    ui_palette_done(s);
    ui_notes_done(s);
    ui_watch_done(s);
    free(s->start_page);
    free(s->ask.text);
    free(s->ask.kind);
    free(s->wish.copy);
    free(s->wish.theme);
    free(s->wish.slow);
    free(s->wish.save_screen);
}
