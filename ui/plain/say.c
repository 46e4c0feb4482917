/* What is written: lines of text, and nothing that a terminal would take for a command. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "plain/parts.h"
#include "term/canvas.h"

enum { TEXT_MAX = 4 << 20 };

/* Each line of text made printable; without UTF-8 a '?' for each character that is not ASCII. */
static void add_clean(const struct ui_plain *p, const char *text, struct kg_buf *ret)
{
    for (const char *line = text; line;) {
        const char *end = strchrnul(line, '\n');
        KG_AUTO_FREE char *one = kg_xstrndup(line, (size_t)(end - line));
        size_t at = ret->len, to = at;

        kg_text_add_printable(ret, one);
        for (size_t i = at; !p->utf8 && i < ret->len; i++)
            if ((unsigned char)ret->p[i] < 0x80)
                ret->p[to++] = ret->p[i];
            else if ((ret->p[i] & 0xC0) != 0x80)
                ret->p[to++] = '?';
        if (!p->utf8)
            kg_buf_cut(ret, to);
        if (*end)
            kg_buf_adds(ret, "\n");
        line = *end ? end + 1 : NULL;
    }
}

/* Where the line from s on is to be broken: behind its last word that fits, or behind the first that does not. The line's end: it
 * fits. */
static size_t break_at(const char *s, size_t n, int width)
{
    size_t at = 0;

    for (size_t i = strspn(s, " "); i <= n; i++) {
        if (i < n && s[i] != ' ')
            continue;
        KG_AUTO_FREE char *part = kg_xstrndup(s, i);

        if (at && ui_width(part) > width)
            return at;
        at = i;
    }
    return n;
}

/* A terminal breaks lines anywhere: here they are broken between words, and go on two columns further in. */
static void add_broken(const char *text, int width, struct kg_buf *ret)
{
    for (const char *line = text; line;) {
        const char *end = strchrnul(line, '\n');
        size_t n = (size_t)(end - line), in = strspn(line, " ");
        const char *s = line;

        for (bool first = true; n || first; first = false) {
            size_t take = width > 20 ? break_at(s, n, width - (first ? 0 : (int)in + 2)) : n;

            kg_buf_addf(ret, "%*s%.*s", first ? 0 : (int)in + 2, "", (int)take, s);
            s += take;
            while (s < end && *s == ' ')
                s++;
            n = (size_t)(end - s);
            if (n)
                kg_buf_adds(ret, "\n");
        }
        if (*end)
            kg_buf_adds(ret, "\n");
        line = *end ? end + 1 : NULL;
    }
}

static void put(struct ui_plain *p, const char *text, bool question)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX), clean = KG_BUF_INIT(TEXT_MAX);

    if (p->middle)                           /* what comes in between begins a line of its own */
        kg_buf_adds(&b, "\n");
    add_clean(p, text, &clean);
    add_broken(clean.p, p->width, &b);
    while (b.len > 1 && b.p[b.len - 1] == '\n')
        kg_buf_cut(&b, b.len - 1);
    if (!question)
        kg_buf_adds(&b, "\n");
    p->middle = question;
    p->write(p->ctx, b.p, b.len);
}

KG_PRINTF(1, 0) static char *format(const char *fmt, va_list args)
{
    char *text = NULL;

    return vasprintf(&text, fmt, args) < 0 ? kg_xstrdup("(too long)") : text;
}

void ui_plain_say(struct ui_plain *p, const char *fmt, ...)
{
    KG_AUTO_FREE char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = format(fmt, args);
    va_end(args);
    put(p, text, false);
}

void ui_plain_ask(struct ui_plain *p, const char *fmt, ...)
{
    KG_AUTO_FREE char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = format(fmt, args);
    va_end(args);
    put(p, text, true);
    p->asks = true;
}

void ui_plain_err(struct ui_plain *p, const struct kg_err *err)
{
    ui_plain_say(p, "Error: %s (%s)", err->msg, kg_code_arm(err->code));
    if (*err->action)
        ui_plain_say(p, "Recommended: %s", err->action);
}

void ui_plain_say_secret(struct ui_plain *p, const char *secret)
{
    p->write(p->ctx, secret, strlen(secret));
    p->write(p->ctx, "\n", 1);
}

/* ---- numbers ---- */

void ui_plain_forget_ids(struct ui_plain *p)
{
    for (size_t i = 0; i < p->n_ids; i++)
        free(p->id[i]);
    p->n_ids = 0;
}

size_t ui_plain_add_id(struct ui_plain *p, const char *id)
{
    KG_GROW(p->id, p->n_ids, p->cap_ids);
    p->id[p->n_ids++] = kg_xstrdup(id);
    return p->n_ids;
}

const char *ui_plain_id(const struct ui_plain *p, const char *word)
{
    struct kg_err ignored = { 0 };
    uint64_t n;

    return kg_parse_u64(word, &n, &ignored) == 0 && n >= 1 && n <= p->n_ids ? p->id[n - 1] : NULL;
}

/* ---- words ---- */

const char *ui_plain_word(const char **line, char *out, size_t n)
{
    size_t len;

    *line += strspn(*line, " \t,");
    len = strcspn(*line, " \t,");
    snprintf(out, n, "%.*s", (int)(len < n ? len : n - 1), *line);
    *line += len;
    *line += strspn(*line, " \t,");
    return out;
}

bool ui_plain_is(const char *word, const char *name) { return strcasecmp(word, name) == 0; }
bool ui_plain_yes(const char *word) { return ui_plain_is(word, "yes") || ui_plain_is(word, "y"); }

void ui_plain_paste(struct ui_model *m, const char *text, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = 0;

        len = kg_utf8_get(text + i, n - i, &c);
        if (len)
            (void)ui_model_type(m, &(struct ui_event){ .kind = UI_EV_PASTE, .key = c });
        else
            len = 1;
    }
}
