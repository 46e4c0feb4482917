/* The last button: one call after another. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"
#include "model/form_int.h"

enum { BODY_MAX = 1 << 20, BODY_ROOM = 64 << 10 };

/* Growing would leave copies behind of what a body holds: it has room from the beginning, and is wiped at the end. */
static void reserve(struct kg_buf *b)
{
    KG_AUTO_FREE char *room = kg_xalloc(BODY_ROOM);

    kg_buf_add(b, room, BODY_ROOM);
    kg_buf_cut(b, 0);
}

static void wipe(struct kg_buf *b)
{
    if (b->cap)
        kg_wipe(b->p, b->cap);
    kg_buf_done(b);
}

/* ---- what was sent already ---- */

static void digest(struct ui_form *f, const struct ui_submit *s, uint8_t path[32], uint8_t body[32])
{
    struct kg_hasher *h;

    if (!f->did_key)
        f->did_key = kg_secret_random(KG_KEY_BYTES);
    h = kg_hasher_new(KG_HASH_BLAKE2B, f->did_key);
    kg_hasher_hash(h, s->path->p, s->path->len, path);
    kg_hasher_hash(h, s->body->p, s->body->len, body);
    kg_hasher_free(h);
}

static bool done_before(struct ui_form *f, const struct ui_submit *s)
{
    uint8_t path[32], body[32];

    if (!f->did[f->sent].good)
        return false;
    digest(f, s, path, body);
    return memcmp(path, f->did[f->sent].path, sizeof path) == 0 && memcmp(body, f->did[f->sent].body, sizeof body) == 0;
}

/* ---- the end ---- */

void ui_form_close(struct ui_form *f)
{
    const char *id = kg_json_str(f->answers[0], "id");

    f->finished = true;
    ui_close(&f->base, id ? id : f->base.arg);
}

static void finish(struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(UI_EDIT_MAX);

    f->sending = false;
    f->finished = true;
    f->doing = NULL;
    if (f->kind->succeeded && !f->failed) {
        (void)ui_form_expand(f, f->kind->succeeded, false, &text);
        ui_note(&f->base, UI_NOTE_OK, text.p);
    }
    if (f->told) {
        ui_form_propose_file(f);
        ui_form_focus(f, -1 - UI_BUTTON_SAVE);
    }
    else if (f->kind->finished)
        f->kind->finished(f);
    else
        ui_form_close(f);
}

/* ---- calls ---- */

static void send_from(struct ui_form *f);

/* One call, the f->sent-th. True: it was made before, on to the next. */
static bool send_one(struct ui_form *f, struct ui_submit *s)
{
    if (!f->kind->submit || f->sent >= UI_CALLS_MAX || !f->kind->submit(f, f->sent, s)) {
        finish(f);
        return false;
    }
    if (kg_buf_ok(s->path, &f->err) < 0 || kg_buf_ok(s->body, &f->err) < 0) {
        f->sending = false;
        return false;
    }
    if (done_before(f, s)) {
        f->sent++;
        return true;
    }
    f->did[f->sent].good = false;
    digest(f, s, f->did[f->sent].path, f->did[f->sent].body);
    f->doing = s->doing;
    f->call_secret = s->secret;
    f->call = ui_ask_call(&f->base, &(struct ui_call){ .method = s->method ? s->method : "PUT", .path = s->path->p,
                                                       .body = s->body->len ? s->body->p : NULL, .follow = s->follow,
                                                       .keep_text = s->secret }, UI_TAG_SUBMIT);
    return false;
}

static void send_from(struct ui_form *f)
{
    for (bool again = true; again;) {
        struct kg_buf path = KG_BUF_INIT(BODY_MAX), body = KG_BUF_INIT(BODY_MAX);

        reserve(&body);
        again = send_one(f, &(struct ui_submit){ .path = &path, .body = &body });
        wipe(&body);
        kg_buf_done(&path);
    }
}

void ui_form_submit(struct ui_form *f)
{
    const char *name = ui_form_typed_name(f);
    size_t wrong;

    if (f->sending || f->finished)
        return;
    if (f->base.host->readonly && ui_form_writes(f)) {
        ui_note(&f->base, UI_NOTE_WARNING, "this portal was started with --readonly");
        return;
    }
    f->err = (struct kg_err){ 0 };           /* it was about what was sent before */
    for (size_t s = 0; s < f->kind->n_steps; s++) {
        f->checked[s] = true;
        if (ui_form_step_good(f, s))
            continue;
        (void)ui_form_go(f, s);
        wrong = ui_form_first_wrong(f, s);
        if (wrong < f->n_inputs)
            ui_form_focus(f, (int)wrong);
        else
            ui_form_focus_grid(f);
        return;
    }
    if (name && strcmp(name, ui_edit_text(&f->typed)) != 0)
        return;
    f->sending = true;
    f->sent = f->failed = 0;
    if (f->kind->start)
        f->kind->start(f);
    else
        send_from(f);
}

void ui_form_show_told(const struct ui_form *f, void (*fn)(void *ctx, const char *secret), void *ctx)
{
    fn(ctx, (const char *)kg_secret_open(f->told));
    kg_secret_shut(f->told);
}

/* ---- answers ---- */

/* The string that is the member's value: taken out of the text, which is left without it. NULL: it is not there. What these
 * secrets are made of never needs an escape. */
static struct kg_secret *lift(char *text, size_t n, const char *member)
{
    KG_AUTO_FREE char *name = kg_xprintf("\"%s\"", member);
    char *p = memmem(text, n, name, strlen(name)), *end = text + n, *from;
    struct kg_secret *s;

    if (!p)
        return NULL;
    for (p += strlen(name); p < end && (*p == ' ' || *p == ':'); p++)
        ;
    if (p == end || *p != '"')
        return NULL;
    for (from = ++p; p < end && *p != '"' && *p != '\\'; p++)
        ;
    if (p == end || *p != '"' || p == from)
        return NULL;
    s = kg_secret_new_copy(from, (size_t)(p - from));
    memset(from, '*', (size_t)(p - from));
    return s;
}

/* The answer as JSON without the secret that is told. */
static struct kg_json *take_secret(struct ui_form *f, const struct kg_reply *r)
{
    size_t n = r->len;
    char *text = kg_xalloc(n + 1);
    struct kg_json *json = NULL;
    struct kg_err ignored = { 0 };

    memcpy(text, r->text ? r->text : "", r->text ? n : 0);
    if (f->kind->tell && n) {
        struct kg_secret *told = lift(text, n, f->kind->tell->member);

        if (told) {
            kg_secret_free(f->told);
            f->told = told;
        }
    }
    if (n && kg_json_parse(text, n, &json, &ignored) == 0 && f->kind->tell)
        kg_json_remove(json, f->kind->tell->member);
    kg_wipe(text, n);
    free(text);
    return json;
}

/* Goes on to the next of several calls that stand for themselves; of a single one the error stays above the buttons. */
static bool pass_over(struct ui_form *f, const struct kg_answer *a)
{
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(BODY_MAX), body = KG_BUF_INIT(BODY_MAX);
    struct ui_submit next = { .path = &path, .body = &body };

    if (!f->kind->each || (!f->sent && !f->kind->submit(f, 1, &next)))
        return false;
    ui_note_err(&f->base, f->doing ? f->doing : "", a->err);
    f->failed++;
    f->sent++;
    send_from(f);
    return true;
}

void ui_form_take_answer(struct ui_form *f, const struct kg_answer *a)
{
    f->call = 0;
    if (a->err && pass_over(f, a))
        return;
    if (a->err) {
        f->sending = false;
        f->doing = NULL;
        f->err = *a->err;
        return;
    }
    kg_json_free(f->answers[f->sent]);
    f->answers[f->sent] = f->call_secret ? take_secret(f, a->reply) : a->reply && a->reply->json ? kg_json_copy(a->reply->json) : NULL;
    f->did[f->sent++].good = true;
    send_from(f);
}
