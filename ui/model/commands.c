#include "model/commands.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

enum { INDENT = 4, NARROWEST = 20 };

struct wrap { struct kg_buf *ret; int width, at; bool quoted; };

/* Bytes of what cannot be broken: a character, or a backslash with the one that it is for. */
static size_t unit(const char *s, const char *end, bool quoted)
{
    size_t n = *s == '\\' && !quoted && s + 1 < end ? 2 : 1;

    while (s + n < end && ((unsigned char)s[n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* Up to the blank that ends the word: one that is neither quoted nor escaped. */
static const char *word_end(const char *s, const char *end)
{
    bool quoted = false;

    while (s < end && (quoted || *s != ' ')) {
        quoted ^= *s == '\'';
        s += unit(s, end, quoted);
    }
    return s;
}

static int columns(const char *s, const char *end)
{
    int n = 0;

    for (; s < end; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* A word, broken where the line ends: the shell takes a backslash and the end of the line away, but not between quotes. */
static void add_word(struct wrap *w, const char *s, const char *end)
{
    bool fits = w->at + columns(s, end) + 2 <= w->width;

    for (size_t n; s < end; s += n) {
        n = unit(s, end, w->quoted);
        if (!fits && w->at + 4 > w->width) {
            kg_buf_adds(w->ret, w->quoted ? "'\\\n'" : "\\\n");
            w->at = w->quoted;
        }
        w->quoted ^= *s == '\'';
        kg_buf_add(w->ret, s, n);
        w->at += columns(s, s + n);
    }
}

/* An option and its values stay together, where they fit into a line. */
static const char *group_end(const char *s, const char *end)
{
    const char *to = word_end(s, end);

    for (const char *next = to; *s == '-'; to = word_end(next, end)) {
        next = to + strspn(to, " ");
        if (next >= end || *next == '-' || *next == '>')
            break;
    }
    return to;
}

static void add_command(const char *s, const char *end, int width, struct kg_buf *ret)
{
    struct wrap w = { .ret = ret, .width = width };

    for (bool first = true; s < end; first = false) {
        const char *to = word_end(s, end);

        int group = columns(s, group_end(s, end)), wanted = group + INDENT + 2 > width ? columns(s, to) : group;

        if (!first && w.at + 1 + wanted + 2 > width) {
            kg_buf_addf(ret, " \\\n%*s", INDENT, "");
            w.at = INDENT;
        } else if (!first) {
            kg_buf_adds(ret, " ");
            w.at++;
        }
        add_word(&w, s, to);
        for (s = to; s < end && *s == ' '; s++)
            ;
    }
}

/* A comment that is too long is several. */
static void add_comment(const char *s, const char *end, int width, struct kg_buf *ret)
{
    int room = width;

    while (columns(s, end) > room) {
        const char *to = s + room;

        while (to > s + NARROWEST / 2 && *to != ' ')
            to--;
        if (*to != ' ')
            break;
        kg_buf_add(ret, s, (size_t)(to - s));
        kg_buf_adds(ret, "\n#");
        room = width - 1;
        s = to;
    }
    kg_buf_add(ret, s, (size_t)(end - s));
}

void ui_commands_wrap(const char *text, int width, struct kg_buf *ret)
{
    bool document = false;

    while (*text) {
        const char *end = strchrnul(text, '\n');
        size_t n = (size_t)(end - text);

        if (document || width < NARROWEST)
            kg_buf_add(ret, text, n);
        else if (*text == '#')
            add_comment(text, end, width, ret);
        else
            add_command(text, end, width, ret);
        document = document ? !(n == 3 && strncmp(text, "EOF", 3) == 0) : memmem(text, n, "<<'EOF'", 7) != NULL;
        if (*end)
            kg_buf_adds(ret, "\n");
        text = *end ? end + 1 : end;
    }
}
