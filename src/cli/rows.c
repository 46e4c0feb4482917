#include "cli/forms.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/columns.h"

enum { CELL_MAX = 1 << 20, GENERIC_MAX = 64 };

static bool is_scalar(const struct kg_json *v)
{
    enum kg_json_type t = kg_json_type(v);

    return t != KG_JSON_OBJECT && t != KG_JSON_ARRAY;
}

/* The items of a list, or a result that is none by itself: for (i = first_row(r); i; i = next_row(r, i)). */
static const struct kg_json *first_row(const struct kg_json *result)
{
    return kg_json_type(result) == KG_JSON_ARRAY ? kg_json_first(result) : result;
}

static const struct kg_json *next_row(const struct kg_json *result, const struct kg_json *row)
{
    return row == result ? NULL : kg_json_next(row);
}

/* A query may have picked members of a resource; only a whole one is shown as one. */
static const struct kg_column *known_columns(const struct kg_json *result, bool queried)
{
    const struct kg_json *row = first_row(result);
    const struct kg_column *columns;

    if (kg_json_type(row) != KG_JSON_OBJECT)
        return NULL;
    if (queried && !(kg_json_str(row, "id") && kg_json_str(row, "type") && kg_json_get(row, "properties")))
        return NULL;
    columns = kg_columns_for(row);
    for (; row; row = next_row(result, row))
        if (kg_json_str(row, "type") && kg_columns_for(row) != columns)
            return kg_columns_of_any();
    return columns;
}

/* ---- tables ---- */

struct table {
    size_t n_cols, n_rows;
    char *head[GENERIC_MAX];
    const struct kg_column *known;   /* or NULL: then the heads' names are in keys */
    const char *keys[GENERIC_MAX];   /* borrowed; NULL in a table of lists */
    size_t width[GENERIC_MAX];       /* in screen columns; 0: nothing in it, not shown */
    char **text;                     /* n_rows * n_cols */
};

static size_t screen_width(const char *s)
{
    mbstate_t state = { 0 };
    size_t width = 0, left = strlen(s);

    while (left) {
        wchar_t c;
        size_t n = mbrtowc(&c, s, left, &state);
        int w;

        if (n == 0 || n > left) {
            n = 1;
            c = L'?';
            state = (mbstate_t){ 0 };
        }
        w = wcwidth(c);
        width += (size_t)(w < 0 ? 1 : w);
        s += n;
        left -= n;
    }
    return width;
}

static void add_head(struct table *t, const char *name, const char *key)
{
    if (t->n_cols == GENERIC_MAX)
        return;
    t->keys[t->n_cols] = key;
    t->head[t->n_cols] = kg_xstrdup(name);
    if (key) /* as az does: "name" stands under "Name" */
        t->head[t->n_cols][0] = (char)toupper((unsigned char)*name);
    t->n_cols++;
}

/* What az leaves out of the table of a resource, because it is long or always the same. */
static bool is_noise(const char *key)
{
    static const char *const noise[] = { "id", "type", "etag", "eTag", "systemData" };

    for (size_t i = 0; i < KG_ARRAY_LEN(noise); i++)
        if (strcmp(key, noise[i]) == 0)
            return true;
    return false;
}

static void add_keys_of(struct table *t, const struct kg_json *row, bool queried)
{
    for (const struct kg_json *c = kg_json_first(row); c; c = kg_json_next(c)) {
        size_t i = 0;

        if (!is_scalar(c) || (!queried && is_noise(kg_json_key(c))))
            continue;
        while (i < t->n_cols && !(t->keys[i] && strcmp(t->keys[i], kg_json_key(c)) == 0))
            i++;
        if (i == t->n_cols)
            add_head(t, kg_json_key(c), kg_json_key(c));
    }
}

/* Of lists "Column1" and so on, of plain values "Result", of objects their plain members. */
static void find_columns(struct table *t, const struct kg_json *result, bool queried)
{
    size_t lists = 0;
    bool plain = false;

    for (t->known = known_columns(result, queried); t->known && t->known[t->n_cols].head;)
        add_head(t, t->known[t->n_cols].head, NULL);
    if (t->known)
        return;
    for (const struct kg_json *row = first_row(result); row; row = next_row(result, row)) {
        if (kg_json_type(row) == KG_JSON_OBJECT)
            add_keys_of(t, row, queried);
        else if (kg_json_type(row) == KG_JSON_ARRAY)
            lists = kg_json_count(row) > lists ? kg_json_count(row) : lists;
        else
            plain = true;
    }
    if (t->n_cols)
        return;
    if (plain && !lists)
        add_head(t, "Result", NULL);
    for (size_t i = 0; i < lists; i++) {
        char name[32];

        snprintf(name, sizeof name, "Column%zu", i + 1);
        add_head(t, name, NULL);
    }
}

static const struct kg_json *member(const struct kg_json *row, const char *key)
{
    const struct kg_json *c = kg_json_type(row) == KG_JSON_OBJECT ? kg_json_first(row) : NULL;

    while (c && strcmp(kg_json_key(c), key) != 0)
        c = kg_json_next(c);
    return c;
}

static const struct kg_json *nth(const struct kg_json *row, size_t i)
{
    const struct kg_json *c;

    if (kg_json_type(row) != KG_JSON_ARRAY)
        return i == 0 && is_scalar(row) ? row : NULL;
    for (c = kg_json_first(row); c && i; c = kg_json_next(c))
        i--;
    return c;
}

/* Cells never hold a line break or a tab: those would break the table's lines. */
static char *table_cell(const struct table *t, const struct kg_json *row, size_t col)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(CELL_MAX), clean = KG_BUF_INIT(4 * CELL_MAX);

    kg_buf_adds(&clean, ""); /* an empty cell is a string, too */
    if (t->known)
        kg_column_value(row, &t->known[col], true, &raw);
    else
        kg_scalar_text(t->keys[col] ? member(row, t->keys[col]) : nth(row, col), &raw);
    kg_text_add_printable(&clean, raw.p);
    return kg_buf_take(&clean);
}

static char **cell(const struct table *t, size_t r, size_t c) { return &t->text[r * t->n_cols + c]; }

static void measure(struct table *t, size_t c)
{
    t->width[c] = 0;
    for (size_t r = 0; r < t->n_rows; r++) {
        size_t w = screen_width(*cell(t, r, c)), least = **cell(t, r, c) ? screen_width(t->head[c]) : 0;

        w = w > least ? w : least;
        t->width[c] = w > t->width[c] ? w : t->width[c];
    }
}

static void fill(struct table *t, const struct kg_json *result)
{
    size_t r = 0;

    for (const struct kg_json *row = first_row(result); row; row = next_row(result, row))
        t->n_rows++;
    t->text = kg_xalloc_array(t->n_rows * t->n_cols + 1, sizeof *t->text);
    for (const struct kg_json *row = first_row(result); row; row = next_row(result, row), r++)
        for (size_t c = 0; c < t->n_cols; c++)
            *cell(t, r, c) = table_cell(t, row, c);
    for (size_t c = 0; c < t->n_cols; c++)
        measure(t, c);
}

static void add_padded(struct kg_buf *b, const char *text, size_t width, bool last)
{
    size_t w = screen_width(text);

    kg_buf_adds(b, text);
    if (!last)
        kg_buf_addf(b, "%*s", (int)(width + 2 - (w < width ? w : width)), "");
}

static void add_dashes(struct kg_buf *b, size_t width, bool last)
{
    for (size_t i = 0; i < width; i++)
        kg_buf_adds(b, "-");
    kg_buf_adds(b, last ? "" : "  ");
}

/* ---- fitting a terminal ---- */

enum { CUT_LEAST = 8 };

/* The last n names of an id; ids have a word and a name by turns. NULL: the text is no id, or shorter. */
static const char *short_id(const char *text, int n)
{
    const char *at = text + strlen(text);

    if (strncmp(text, "/subscriptions/", 15) != 0)
        return NULL;
    for (int slashes = 2 * n - 1; slashes; slashes--)
        do {
            if (at == text)
                return NULL;
            at--;
        } while (*at != '/');
    return at + 1;
}

/* Different ids must not look the same. */
static bool is_unambiguous(const struct table *t, size_t c, int n)
{
    bool any = false;

    for (size_t r = 0; r < t->n_rows; r++) {
        const char *mine = short_id(*cell(t, r, c), n);

        any |= mine != NULL;
        for (size_t k = 0; mine && k < r; k++) {
            const char *other = short_id(*cell(t, k, c), n);

            if (strcmp(mine, other ? other : *cell(t, k, c)) == 0 && strcmp(*cell(t, r, c), *cell(t, k, c)) != 0)
                return false;
        }
    }
    return any;
}

static void shorten_ids(struct table *t, size_t c)
{
    enum { COMPARED_MOST = 2000 }; /* rows: each is compared with each */

    if (t->n_rows > COMPARED_MOST || !is_unambiguous(t, c, 1))
        return;
    for (size_t r = 0; r < t->n_rows; r++) {
        const char *name = short_id(*cell(t, r, c), 1);

        if (name)
            memmove(*cell(t, r, c), name, strlen(name) + 1);
    }
    measure(t, c);
}

static size_t total_width(const struct table *t)
{
    size_t sum = 0;

    for (size_t c = 0; c < t->n_cols; c++)
        sum += t->width[c] ? t->width[c] + 2 : 0;
    return sum ? sum - 2 : 0;
}

/* Cuts text to so many screen columns, the last of which says so. */
static void cut(char **text, size_t width)
{
    KG_AUTO_FREE char *old = *text;
    size_t n = strlen(old);

    if (screen_width(old) <= width) {
        KG_TAKE(old);
        return;
    }
    while (n && (screen_width(old) > width - 1 || ((unsigned char)old[n] & 0xC0) == 0x80))
        old[--n] = '\0';
    *text = kg_xprintf("%s%s", old, MB_CUR_MAX > 1 ? "…" : ".");
}

/* A number or a time that is cut would be another one. */
static bool can_be_cut(const struct table *t, size_t c)
{
    return c > 0 && (!t->known || t->known[c].kind == KG_COL_TEXT || t->known[c].kind == KG_COL_LAST_PART ||
                     t->known[c].kind == KG_COL_LIST);
}

static size_t least_width(const struct table *t)
{
    size_t sum = total_width(t);

    for (size_t c = 0; c < t->n_cols; c++)
        if (can_be_cut(t, c) && t->width[c] > CUT_LEAST)
            sum -= t->width[c] - CUT_LEAST;
    return sum;
}

/* The last columns are the least important ones: those are left out that even cutting does not make room for, and then as
 * little as possible is cut. */
static void fit(struct table *t, size_t screen)
{
    for (size_t c = 0; c < t->n_cols; c++)
        shorten_ids(t, c);
    for (size_t c = t->n_cols; c-- > 1 && least_width(t) > screen;)
        t->width[c] = 0;
    for (size_t c = t->n_cols; c-- > 0 && total_width(t) > screen;) {
        size_t over = total_width(t) - screen, to = t->width[c] > over + CUT_LEAST ? t->width[c] - over : CUT_LEAST;

        if (!can_be_cut(t, c) || t->width[c] <= to)
            continue;
        for (size_t r = 0; r < t->n_rows; r++)
            cut(cell(t, r, c), to);
        cut(&t->head[c], to);
        measure(t, c);
    }
    if (total_width(t) <= screen)
        return;
    for (size_t r = 0; r < t->n_rows; r++) /* one column, wider than everything */
        cut(cell(t, r, 0), screen);
    cut(&t->head[0], screen);
    measure(t, 0);
}

/* A column whose cells are all empty only costs width. */
static void print_table(const struct table *t, struct kg_buf *b)
{
    size_t shown[GENERIC_MAX], n = 0;

    for (size_t c = 0; c < t->n_cols; c++)
        if (t->width[c])
            shown[n++] = c;
    for (size_t i = 0; i < n; i++)
        add_padded(b, t->head[shown[i]], t->width[shown[i]], i + 1 == n);
    kg_buf_adds(b, "\n");
    for (size_t i = 0; i < n; i++)
        add_dashes(b, t->width[shown[i]], i + 1 == n);
    kg_buf_adds(b, "\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        for (size_t i = 0; i < n; i++)
            add_padded(b, t->text[r * t->n_cols + shown[i]], t->width[shown[i]], i + 1 == n);
        kg_buf_adds(b, "\n");
    }
}

static bool has_text(const struct table *t)
{
    for (size_t c = 0; c < t->n_cols; c++)
        if (t->width[c])
            return true;
    return false;
}

bool kg_rows_table(const struct kg_json *result, bool queried, size_t width, struct kg_buf *b)
{
    struct table t = { 0 };
    bool any;

    if (!first_row(result))
        return true;
    find_columns(&t, result, queried);
    fill(&t, result);
    any = has_text(&t);
    if (width)
        fit(&t, width);
    if (any)
        print_table(&t, b);
    for (size_t i = 0; i < t.n_rows * t.n_cols; i++)
        free(t.text[i]);
    for (size_t c = 0; c < t.n_cols; c++)
        free(t.head[c]);
    free(t.text);
    return any;
}

/* ---- tsv ---- */

/* A line by itself is printed as it is; on a terminal, line by line without what could move the cursor. */
static void add_line(const char *text, bool tty, struct kg_buf *b)
{
    while (tty && *text) {
        size_t n = strcspn(text, "\n");
        KG_AUTO_FREE char *line = kg_xstrndup(text, n);

        kg_text_add_printable(b, line);
        text += n;
        if (*text == '\n' && *++text)
            kg_buf_adds(b, "\n");
    }
    kg_buf_adds(b, text);
    kg_buf_adds(b, "\n");
}

/* A tab or a line break inside a cell would make two of it. */
static void add_cell(const char *text, bool tty, struct kg_buf *b)
{
    KG_AUTO_BUF struct kg_buf cell = KG_BUF_INIT(4 * CELL_MAX);

    for (const char *s = text; *s; s++) {
        if (*s == '\t' || *s == '\n' || *s == '\r')
            kg_buf_addf(&cell, "\\%c", *s == '\t' ? 't' : *s == '\n' ? 'n' : 'r');
        else
            kg_buf_add(&cell, s, 1);
    }
    if (tty)
        kg_text_add_printable(b, cell.p);
    else
        kg_buf_add(b, cell.p, cell.len);
}

static void add_own_values(const struct kg_json *row, bool tty, struct kg_buf *b)
{
    for (const struct kg_json *c = kg_json_first(row); c; c = kg_json_next(c)) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(CELL_MAX);

        if (kg_json_type(c) == KG_JSON_ARRAY)
            kg_buf_addf(&text, "%zu", kg_json_count(c));
        else if (is_scalar(c))
            kg_scalar_text(c, &text);
        add_cell(text.p, tty, b);
        kg_buf_adds(b, kg_json_next(c) ? "\t" : "");
    }
    kg_buf_adds(b, "\n");
}

static void add_columns(const struct kg_json *row, const struct kg_column *cols, bool tty, struct kg_buf *b)
{
    for (; cols->head; cols++) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(CELL_MAX);

        kg_column_value(row, cols, false, &text);
        add_cell(text.p, tty, b);
        kg_buf_adds(b, cols[1].head ? "\t" : "\n");
    }
}

void kg_rows_tsv(const struct kg_json *result, bool queried, bool tty, struct kg_buf *b)
{
    const struct kg_column *known = known_columns(result, queried);

    for (const struct kg_json *row = first_row(result); row; row = next_row(result, row)) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT((size_t)64 << 20);

        if (known) {
            add_columns(row, known, tty, b);
        } else if (!is_scalar(row)) {
            add_own_values(row, tty, b);
        } else {
            kg_scalar_text(row, &text);
            add_line(text.p, tty, b);
            b->overflow |= text.overflow;
        }
    }
}
