#include "cli/forms.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { OUTPUT_MAX = 256 << 20 };

/* ---- colours ---- */

enum ink { KEY, TEXT, OTHER, PLAIN };
static const char *const inks[] = { [KEY] = "\033[34;1m", [TEXT] = "\033[32m", [OTHER] = "\033[33m", [PLAIN] = "\033[0m" };

static void add(struct kg_buf *b, bool colour, enum ink ink, const char *text)
{
    kg_buf_addf(b, "%s%s%s", colour ? inks[ink] : "", text, colour ? inks[PLAIN] : "");
}

static enum ink ink_of(const struct kg_json *v) { return kg_json_type(v) == KG_JSON_STRING ? TEXT : OTHER; }

static bool holds_more(const struct kg_json *v)
{
    enum kg_json_type t = kg_json_type(v);

    return (t == KG_JSON_OBJECT || t == KG_JSON_ARRAY) && kg_json_first(v);
}

/* A scalar or an empty container as JSON; a key is one as well. */
static void add_json_scalar(struct kg_buf *b, bool colour, enum ink ink, const struct kg_json *v)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(OUTPUT_MAX);

    kg_json_print(v, false, &text);
    add(b, colour, ink, text.p);
    b->overflow |= text.overflow;
}

static void add_json_text(struct kg_buf *b, bool colour, enum ink ink, const char *s)
{
    KG_AUTO_JSON struct kg_json *v = kg_json_string(s);

    add_json_scalar(b, colour, ink, v);
}

/* ---- JSON ---- */

/* As kg_json_print() lays it out, painted. */
static void add_json(const struct kg_json *v, int depth, struct kg_buf *b)
{
    bool object = kg_json_type(v) == KG_JSON_OBJECT;

    if (!holds_more(v)) {
        add_json_scalar(b, true, ink_of(v), v);
        return;
    }
    kg_buf_adds(b, object ? "{" : "[");
    for (const struct kg_json *c = kg_json_first(v); c; c = kg_json_next(c)) {
        kg_buf_addf(b, "\n%*s", (depth + 1) * 2, "");
        if (object) {
            add_json_text(b, true, KEY, kg_json_key(c));
            kg_buf_adds(b, ": ");
        }
        add_json(c, depth + 1, b);
        if (kg_json_next(c))
            kg_buf_adds(b, ",");
    }
    kg_buf_addf(b, "\n%*s%s", depth * 2, "", object ? "}" : "]");
}

/* JSON escapes the ASCII controls itself; what is left are the C1 ones, two bytes in UTF-8: some terminals obey them. */
static void add_for_terminal(const char *json, struct kg_buf *b)
{
    for (const unsigned char *s = (const unsigned char *)json; *s; s++) {
        if (*s == 0xC2 && s[1] >= 0x80 && s[1] <= 0x9F) {
            kg_buf_addf(b, "\\u00%02x", s[1]);
            s++;
        } else {
            kg_buf_add(b, s, 1);
        }
    }
}

/* ---- YAML ---- */

/* Words that YAML reads as something else than text. */
static const char *const yaml_words[] = { "true", "false", "yes", "no", "on", "off", "y", "n", "null", "~" };

/* Text that means itself without quotes, whatever version of YAML reads it: begins with a letter or a slash, and has
 * nothing in it that could be structure. Everything else is quoted: dates and numbers, too. */
static bool is_plain(const char *s)
{
    size_t n = strlen(s);

    if (!n || kg_text_index(yaml_words, KG_ARRAY_LEN(yaml_words), s) >= 0 || (!isalpha((unsigned char)*s) && *s != '/'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("_-./@+ ()=;", s[i]) && !(s[i] == ':' && s[i + 1] && s[i + 1] != ' '))
            return false;
    return s[n - 1] != ' ';
}

static bool has_controls(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f || ((unsigned char)*s == 0xC2 && (unsigned char)s[1] < 0xA0) ||
            strncmp(s, "\xE2\x80\xA8", 3) == 0 || strncmp(s, "\xE2\x80\xA9", 3) == 0 || strncmp(s, "\xEF\xBB\xBF", 3) == 0)
            return true;
    return false;
}

/* The double-quoted form is JSON's, with the controls that JSON leaves alone escaped. */
static void add_double_quoted(const char *s, struct kg_buf *to)
{
    KG_AUTO_BUF struct kg_buf json = KG_BUF_INIT(OUTPUT_MAX);

    add_json_text(&json, false, TEXT, s);
    for (const char *c = json.p; *c; c++) {
        if ((unsigned char)*c == 0xC2 && (unsigned char)c[1] < 0xA0) {
            kg_buf_addf(to, "\\u00%02x", (unsigned char)*++c);
        } else if (strncmp(c, "\xE2\x80\xA8", 3) == 0 || strncmp(c, "\xE2\x80\xA9", 3) == 0) {
            kg_buf_adds(to, c[2] == '\xA8' ? "\\u2028" : "\\u2029");
            c += 2;
        } else if (strncmp(c, "\xEF\xBB\xBF", 3) == 0) {
            kg_buf_adds(to, "\\ufeff");
            c += 2;
        } else {
            kg_buf_add(to, c, 1);
        }
    }
    to->overflow |= json.overflow;
}

static void add_yaml_text(const char *s, bool colour, enum ink ink, struct kg_buf *b)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(OUTPUT_MAX);

    if (is_plain(s)) {
        kg_buf_adds(&text, s);
    } else if (has_controls(s)) {
        add_double_quoted(s, &text);
    } else {
        kg_buf_adds(&text, "'");
        for (; *s; s++)
            kg_buf_addf(&text, *s == '\'' ? "''" : "%c", *s);
        kg_buf_adds(&text, "'");
    }
    add(b, colour, ink, text.p);
    b->overflow |= text.overflow;
}

static void add_yaml(const struct kg_json *v, int indent, bool indented, bool colour, struct kg_buf *b);

static void add_yaml_scalar(const struct kg_json *v, bool colour, struct kg_buf *b)
{
    if (kg_json_type(v) == KG_JSON_STRING)
        add_yaml_text(kg_json_value_str(v), colour, TEXT, b);
    else
        add_json_scalar(b, colour, OTHER, v);
    kg_buf_adds(b, "\n");
}

/* indented: the line it begins on has its blanks already ("- " of the list around it). */
static void add_yaml(const struct kg_json *v, int indent, bool indented, bool colour, struct kg_buf *b)
{
    bool object = kg_json_type(v) == KG_JSON_OBJECT;

    if (!holds_more(v)) {
        add_yaml_scalar(v, colour, b);
        return;
    }
    for (const struct kg_json *c = kg_json_first(v); c; c = kg_json_next(c), indented = false) {
        if (!indented)
            kg_buf_addf(b, "%*s", indent, "");
        if (!object) {
            kg_buf_adds(b, "- ");
            add_yaml(c, indent + 2, true, colour, b);
            continue;
        }
        add_yaml_text(kg_json_key(c), colour, KEY, b);
        kg_buf_adds(b, holds_more(c) ? ":\n" : ": ");
        add_yaml(c, kg_json_type(c) == KG_JSON_ARRAY ? indent : indent + 2, false, colour, b);
    }
}

/* ---- */

static void add_document(const struct kg_json *result, const struct kg_form *form, struct kg_buf *b)
{
    KG_AUTO_BUF struct kg_buf json = KG_BUF_INIT(OUTPUT_MAX);

    if (form->colour && form->name && strcmp(form->name, "jsonc") == 0)
        add_json(result, 0, &json);
    else
        kg_json_print(result, true, &json);
    kg_buf_adds(&json, "\n");
    if (form->tty)
        add_for_terminal(json.p, b);
    else
        kg_buf_add(b, json.p, json.len);
    b->overflow |= json.overflow;
}

bool kg_output(const struct kg_json *result, const struct kg_form *form, struct kg_buf *b)
{
    const char *name = form->name ? form->name : "json";

    if (strcmp(name, "none") == 0 || (form->queried && kg_json_type(result) == KG_JSON_NULL))
        return true; /* az, too, prints nothing for a query that finds nothing */
    if (strcmp(name, "table") == 0)
        return kg_rows_table(result, form->queried, form->width, b);
    if (strcmp(name, "tsv") == 0)
        kg_rows_tsv(result, form->queried, form->tty, b);
    else if (strncmp(name, "yaml", 4) == 0)
        add_yaml(result, 0, false, form->colour && strcmp(name, "yamlc") == 0, b);
    else
        add_document(result, form, b);
    return true;
}
