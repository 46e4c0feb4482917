#include "model/edit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "crypto/secret.h"

/* A secret has exactly as many bytes as were typed, and is NULL while there are none: each change makes a new one and
 * releases the old. So what is handed on knows its size, and no copy grows anywhere else. */

void ui_edit_init(struct ui_edit *e, size_t max, bool secret)
{
    *e = (struct ui_edit){ .max = max ? max : UI_EDIT_MAX };
    if (!secret)
        e->text = kg_xstrdup("");
}

void ui_edit_done(struct ui_edit *e)
{
    if (e->text)
        kg_wipe(e->text, e->len);
    free(e->text);
    kg_secret_free(e->secret);
    *e = (struct ui_edit){ 0 };
}

static const char *open_bytes(const struct ui_edit *e)
{
    if (e->text)
        return e->text;
    return e->secret ? (const char *)kg_secret_open(e->secret) : "";
}

static void shut_bytes(const struct ui_edit *e)
{
    if (e->secret)
        kg_secret_shut(e->secret);
}

/* Puts n bytes in the place of those from a to b; the cursor stands behind them. */
static void splice(struct ui_edit *e, size_t a, size_t b, const char *s, size_t n)
{
    size_t len = e->len - (b - a) + n;
    struct kg_secret *secret = NULL;
    char *to, *text = NULL;
    const char *from;

    if (len > e->max)
        return;
    if (e->text)
        to = text = kg_xalloc(len + 1);
    else if (len)
        to = (char *)kg_secret_open_write(secret = kg_secret_new(len));
    else
        to = NULL;
    from = open_bytes(e);
    if (to) {
        memcpy(to, from, a);
        memcpy(to + a, s, n);
        memcpy(to + a + n, from + b, e->len - b);
    }
    shut_bytes(e);
    if (secret)
        kg_secret_shut(secret);
    free(e->text);
    kg_secret_free(e->secret);
    e->text = text;
    e->secret = secret;
    e->len = len;
    e->cursor = a + n;
}

void ui_edit_set(struct ui_edit *e, const char *text)
{
    size_t n = strlen(text);

    if (n > e->max)
        for (n = e->max; n && ((unsigned char)text[n] & 0xC0) == 0x80;)
            n--;
    splice(e, 0, e->len, text, n);
    e->scroll = 0;
}

const char *ui_edit_text(const struct ui_edit *e) { return e->text ? e->text : ""; }

/* ---- moving by characters ---- */

static bool inside(const char *s, size_t at) { return ((unsigned char)s[at] & 0xC0) == 0x80; }

static size_t before(const struct ui_edit *e, size_t at)
{
    const char *s = open_bytes(e);

    if (at)
        for (at--; at && inside(s, at);)
            at--;
    shut_bytes(e);
    return at;
}

static size_t behind(const struct ui_edit *e, size_t at)
{
    const char *s = open_bytes(e);

    if (at < e->len)
        for (at++; at < e->len && inside(s, at);)
            at++;
    shut_bytes(e);
    return at;
}

/* Where the word before the cursor begins: blanks, then what is none. Of a secret nobody learns where its words end. */
static size_t word_before(const struct ui_edit *e)
{
    size_t at = e->cursor;

    if (!e->text)
        return 0;
    while (at && e->text[at - 1] == ' ')
        at--;
    while (at && e->text[at - 1] != ' ')
        at--;
    return at;
}

static size_t encode(uint32_t c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800)
        return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 0x3F)), out[2] = (char)(0x80 | (c & 0x3F)), 3;
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* Controls, C1 and surrogates are no text; what is beyond Unicode is a key. */
static bool is_character(uint32_t c)
{
    return c >= 0x20 && c < 0x110000 && !(c >= 0x7f && c < 0xA0) && !(c >= 0xD800 && c < 0xE000);
}

static void insert(struct ui_edit *e, uint32_t c)
{
    char bytes[4];
    size_t n = encode(c, bytes);

    splice(e, e->cursor, e->cursor, bytes, n);
    kg_wipe(bytes, sizeof bytes);
}

bool ui_edit_type(struct ui_edit *e, const struct ui_event *ev)
{
    if (ev->kind == UI_EV_PASTE) {
        if (is_character(ev->key) || ev->key == '\t' || ev->key == '\n' || ev->key == '\r')
            insert(e, ev->key < 0x20 ? ' ' : ev->key);
        return true;
    }
    if (ev->kind != UI_EV_KEY)
        return false;
    if (is_character(ev->key)) {
        insert(e, ev->key);
        return true;
    }
    switch (ev->key) {
    case UI_KEY_LEFT: e->cursor = before(e, e->cursor); return true;
    case UI_KEY_RIGHT: e->cursor = behind(e, e->cursor); return true;
    case UI_KEY_HOME: case UI_CTRL('a'): e->cursor = 0; return true;
    case UI_KEY_END: case UI_CTRL('e'): e->cursor = e->len; return true;
    case UI_KEY_BACKSPACE: splice(e, before(e, e->cursor), e->cursor, "", 0); return true;
    case UI_KEY_DELETE: { size_t at = e->cursor; splice(e, at, behind(e, at), "", 0); return true; }
    case UI_CTRL('u'): splice(e, 0, e->cursor, "", 0); return true;
    case UI_CTRL('k'): splice(e, e->cursor, e->len, "", 0); return true;
    case UI_CTRL('w'): splice(e, word_before(e), e->cursor, "", 0); return true;
    default: return false;
    }
}

/* What may be seen of the first n bytes. */
static char *shown(const struct ui_edit *e, size_t n)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 * UI_EDIT_MAX);
    KG_AUTO_FREE char *part = e->text ? kg_xstrndup(e->text, n) : NULL;

    if (part) {
        kg_text_add_printable(&b, part);
    } else {
        const char *s = open_bytes(e);

        for (size_t i = 0; i < n; i++)
            if (!inside(s, i))
                kg_buf_adds(&b, "*");
        shut_bytes(e);
    }
    return kg_buf_take(&b);
}

char *ui_edit_shown(const struct ui_edit *e) { return shown(e, e->len); }

size_t ui_edit_shown_cursor(const struct ui_edit *e)
{
    KG_AUTO_FREE char *part = shown(e, e->cursor);

    return strlen(part);
}
