#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/columns.h"
#include "sys/fd.h"

enum { OUTPUT_MAX = 256 << 20 };

/* ---- the result ---- */

/* az adds the resource group's name to every resource it prints, so scripts expect it. */
static void add_group(struct kg_json *item)
{
    const char *id = kg_json_type(item) == KG_JSON_OBJECT ? kg_json_str(item, "id") : NULL;
    const char *at = id ? strcasestr(id, "/resourceGroups/") : NULL;

    if (at && kg_json_get(item, "type") && !kg_json_get(item, "resourceGroup")) {
        KG_AUTO_FREE char *group = kg_xstrndup(at + 16, strcspn(at + 16, "/"));

        kg_json_set_str(item, "resourceGroup", group);
    }
}

/* Numbers are looked up by path, so that the items stay writable. */
static void add_groups(struct kg_json *j)
{
    size_t n = kg_json_type(j) == KG_JSON_ARRAY ? kg_json_count(j) : 0;

    add_group(j);
    for (size_t i = 0; i < n; i++) {
        char at[24];

        snprintf(at, sizeof at, "%zu", i);
        add_group(kg_json_get_mutable(j, at));
    }
}

void kg_cli_emit(struct kg_cli *cli, struct kg_json *result)
{
    add_groups(result);
    if (!cli->result) {
        cli->result = result;
        return;
    }
    if (kg_json_type(cli->result) != KG_JSON_ARRAY) {
        struct kg_json *array = kg_json_array();

        kg_json_push(array, KG_TAKE(cli->result));
        cli->result = array;
    }
    kg_json_push(cli->result, result);
}

/* ---- forms ---- */

static bool is_scalar(const struct kg_json *v)
{
    enum kg_json_type t = kg_json_type(v);

    return t != KG_JSON_OBJECT && t != KG_JSON_ARRAY;
}

/* For documents without a known shape: the first item's scalar members. Paths are borrowed from the document. */
static size_t generic_columns(const struct kg_json *item, struct kg_column *cols)
{
    size_t n = 0;

    if (kg_json_type(item) != KG_JSON_OBJECT) {
        cols[n++] = (struct kg_column){ "Value", "", KG_COL_TEXT };
    } else {
        for (const struct kg_json *c = kg_json_first(item); c && n < KG_COLUMNS_MAX; c = kg_json_next(c))
            if (is_scalar(c) && !strpbrk(kg_json_key(c), " ."))
                cols[n++] = (struct kg_column){ kg_json_key(c), kg_json_key(c), KG_COL_TEXT };
    }
    cols[n] = (struct kg_column){ 0 };
    return n;
}

struct cells {
    const struct kg_column *cols;
    size_t n_cols, n_rows;
    char **text;                     /* n_rows * n_cols */
    size_t width[KG_COLUMNS_MAX];    /* in screen columns */
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

/* Cells never hold a line break or a tab: those would break the table's lines and the columns of tsv. */
static char *cell_text(const struct kg_json *item, const struct kg_column *c, bool people)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(1 << 20), clean = KG_BUF_INIT(4 << 20);

    kg_buf_adds(&clean, ""); /* an empty cell is a string, too */
    if (*c->paths)
        kg_column_value(item, c, people, &raw);
    else
        kg_scalar_text(item, &raw);
    if (people) {
        kg_text_add_printable(&clean, raw.p);
    } else {
        for (const char *s = raw.p; *s; s++) {
            if (*s == '\t' || *s == '\n' || *s == '\r' || *s == '\\')
                kg_buf_addf(&clean, "\\%c", *s == '\t' ? 't' : *s == '\n' ? 'n' : *s == '\r' ? 'r' : '\\');
            else
                kg_buf_add(&clean, s, 1);
        }
    }
    return kg_buf_take(&clean);
}

static const struct kg_json *row_at(const struct kg_json *result, size_t i)
{
    char at[24];

    if (kg_json_type(result) != KG_JSON_ARRAY)
        return result;
    snprintf(at, sizeof at, "%zu", i);
    return kg_json_get(result, at);
}

static void fill_cells(struct cells *t, const struct kg_json *result, bool people)
{
    const struct kg_json *row = row_at(result, 0);

    t->text = kg_xalloc_array(t->n_rows * t->n_cols + 1, sizeof *t->text);
    for (size_t c = 0; c < t->n_cols; c++)
        t->width[c] = strlen(t->cols[c].head);
    for (size_t r = 0; r < t->n_rows; r++) {
        for (size_t c = 0; c < t->n_cols; c++) {
            char *text = cell_text(row, &t->cols[c], people);
            size_t w = screen_width(text);

            t->text[r * t->n_cols + c] = text;
            if (w > t->width[c])
                t->width[c] = w;
        }
        row = kg_json_next(row);
    }
}

/* A column whose cells are all empty only costs width. */
static bool all_empty(const struct cells *t, size_t c)
{
    for (size_t r = 0; r < t->n_rows; r++)
        if (t->text[r * t->n_cols + c][0])
            return false;
    return true;
}

static void add_padded(struct kg_buf *b, const char *text, size_t width, bool last)
{
    kg_buf_adds(b, text);
    for (size_t w = screen_width(text); !last && w < width + 2; w++)
        kg_buf_adds(b, " ");
}

static void add_table(const struct cells *t, struct kg_buf *b)
{
    size_t shown[KG_COLUMNS_MAX], n = 0;
    char dashes[256];

    for (size_t c = 0; c < t->n_cols; c++)
        if (!all_empty(t, c))
            shown[n++] = c;
    for (size_t i = 0; i < n; i++)
        add_padded(b, t->cols[shown[i]].head, t->width[shown[i]], i + 1 == n);
    kg_buf_adds(b, "\n");
    for (size_t i = 0; i < n; i++) {
        size_t w = t->width[shown[i]] < sizeof dashes - 1 ? t->width[shown[i]] : sizeof dashes - 1;

        memset(dashes, '-', w);
        dashes[w] = '\0';
        add_padded(b, dashes, t->width[shown[i]], i + 1 == n);
    }
    kg_buf_adds(b, "\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        for (size_t i = 0; i < n; i++)
            add_padded(b, t->text[r * t->n_cols + shown[i]], t->width[shown[i]], i + 1 == n);
        kg_buf_adds(b, "\n");
    }
}

static void add_tsv(const struct cells *t, struct kg_buf *b)
{
    for (size_t r = 0; r < t->n_rows; r++)
        for (size_t c = 0; c < t->n_cols; c++)
            kg_buf_addf(b, "%s%s", t->text[r * t->n_cols + c], c + 1 < t->n_cols ? "\t" : "\n");
}

static void add_rows(const struct kg_json *result, bool people, struct kg_buf *b)
{
    struct kg_column generic[KG_COLUMNS_MAX + 1];
    struct cells t = { .n_rows = kg_json_type(result) == KG_JSON_ARRAY ? kg_json_count(result) : 1 };
    const struct kg_json *first = row_at(result, 0);

    if (t.n_rows == 0)
        return;
    t.cols = kg_columns_for(first);
    if (!t.cols) {
        generic_columns(first, generic);
        t.cols = generic;
    }
    while (t.n_cols < KG_COLUMNS_MAX && t.cols[t.n_cols].head)
        t.n_cols++;
    if (t.n_cols == 0)
        return;
    fill_cells(&t, result, people);
    if (people)
        add_table(&t, b);
    else
        add_tsv(&t, b);
    for (size_t i = 0; i < t.n_rows * t.n_cols; i++)
        free(t.text[i]);
    free(t.text);
}

/* JSON escapes the ASCII controls itself; what is left are the C1 ones, two bytes in UTF-8: some terminals obey them. */
static void add_json_for_terminal(const char *json, struct kg_buf *b)
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

void kg_output(const struct kg_json *result, const char *form, bool tty, struct kg_buf *b)
{
    KG_AUTO_BUF struct kg_buf json = KG_BUF_INIT(OUTPUT_MAX);

    if (strcmp(form, "none") == 0)
        return;
    if (strcmp(form, "table") == 0 || strcmp(form, "tsv") == 0) {
        add_rows(result, strcmp(form, "table") == 0, b);
        return;
    }
    kg_json_print(result, true, &json);
    kg_buf_adds(&json, "\n");
    if (tty)
        add_json_for_terminal(json.p, b);
    else
        kg_buf_add(b, json.p, json.len);
    b->overflow |= json.overflow;
}

int kg_cli_write(const char *text, size_t n, struct kg_err *err)
{
    int eno = kg_write_all(STDOUT_FILENO, text, n);

    if (eno && eno != EPIPE) /* whoever reads has seen enough: no failure of ours */
        return kg_err_sys(err, eno, "write the output");
    return 0;
}

void kg_cli_add_line(const struct kg_cli *cli, const char *text, struct kg_buf *b)
{
    if (cli->out_tty)
        kg_text_add_printable(b, text);
    else
        kg_buf_adds(b, text);
    kg_buf_adds(b, "\n");
}

/* ---- messages ---- */

static void __attribute__((format(printf, 3, 0)))
put_line(const struct kg_cli *cli, const char *before, const char *fmt, va_list ap)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(65536);
    char text[4096];

    vsnprintf(text, sizeof text, fmt, ap);
    kg_buf_adds(&b, before);
    if (cli->err_tty)
        kg_text_add_printable(&b, text);
    else
        kg_buf_adds(&b, text);
    kg_buf_adds(&b, "\n");
    (void)kg_write_all(STDERR_FILENO, b.p, b.len);
}

void kg_cli_note(const struct kg_cli *cli, const char *fmt, ...)
{
    va_list ap;

    if (cli->g.quiet)
        return;
    va_start(ap, fmt);
    put_line(cli, "", fmt, ap);
    va_end(ap);
}

void kg_cli_warn(const struct kg_cli *cli, const char *fmt, ...)
{
    va_list ap;

    if (cli->g.quiet)
        return;
    va_start(ap, fmt);
    put_line(cli, "warning: ", fmt, ap);
    va_end(ap);
}

static void KG_PRINTF(3, 4) put(const struct kg_cli *cli, const char *before, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_line(cli, before, fmt, ap);
    va_end(ap);
}

/* What a program said last, line by line and indented, so that it reads as a quotation. */
static void print_detail(const struct kg_cli *cli, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        if (n)
            put(cli, "  | ", "%.*s", (int)(n < 4000 ? n : 4000), text);
        text += n + (text[n] == '\n');
    }
}

/* Where the longer story of an error stands in an ARM error object. */
static const char *const detail_paths[] = {
    "additionalInfo.0.info.innerError.additionalInfo.DetailedNonLocalisedMessage",
    "innerError.additionalInfo.DetailedNonLocalisedMessage",
};

void kg_cli_explain(struct kg_cli *cli, const struct kg_json *error)
{
    kg_json_free(cli->explanation);
    cli->explanation = kg_json_copy(error);
}

void kg_cli_print_error(const struct kg_cli *cli, const struct kg_err *err)
{
    size_t first = strcspn(err->msg, "\n");

    put(cli, "error: ", "%.*s", (int)first, err->msg);
    print_detail(cli, err->msg + first);
    for (size_t i = 0; i < KG_ARRAY_LEN(detail_paths); i++) {
        const char *text = kg_json_str(cli->explanation, detail_paths[i]);

        if (text) {
            print_detail(cli, text);
            break;
        }
    }
    if (err->action[0])
        put(cli, "fix: ", "%s", err->action);
    if (cli->g.verbose || cli->g.debug)
        put(cli, "", "code: %s (%d, %s), from %s:%d", kg_code_name(err->code), (int)err->code, kg_code_arm(err->code),
            err->file, err->line);
}
