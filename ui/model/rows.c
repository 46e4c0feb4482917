/* Rows of a list: kept as text, found by id, sorted and filtered. */
#include "model/list.h"

#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"

enum { ITEM_MAX = 256 << 10 };

void ui_rows_done(struct ui_rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->row[i].id);
    free(r->row);
    free(r->slot);
    *r = (struct ui_rows){ 0 };
}

/* ---- by id ---- */

static size_t hash(const char *id)
{
    uint64_t h = 14695981039346656037u;

    for (; *id; id++)
        h = (h ^ (unsigned char)*id) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

/* The slot of the row with this id, or the free one where it belongs. */
static uint32_t *slot_of(const struct ui_rows *r, const char *id)
{
    for (size_t i = hash(id);; i++) {
        uint32_t *s = &r->slot[i & (r->n_slots - 1)];

        if (!*s || strcmp(r->row[*s - 1].id, id) == 0)
            return s;
    }
}

struct ui_row *ui_rows_find(const struct ui_rows *r, const char *id)
{
    uint32_t *s = r->n_slots ? slot_of(r, id) : NULL;

    return s && *s ? &r->row[*s - 1] : NULL;
}

/* Never more than half full, so that looking ends soon. */
static void grow_slots(struct ui_rows *r)
{
    if (r->n * 2 < r->n_slots)
        return;
    r->n_slots = r->n_slots ? r->n_slots * 2 : 64;
    free(r->slot);
    r->slot = kg_xalloc_array(r->n_slots, sizeof *r->slot);
    for (size_t i = 0; i < r->n; i++)
        *slot_of(r, r->row[i].id) = (uint32_t)i + 1;
}

/* ---- what a row is made of ---- */

/* In small letters, whatever the process's locale is; broken bytes stay as they are. */
static void fold(const char *s, struct kg_buf *ret)
{
    static locale_t utf8;                    /* one thread; kept until the process ends */

    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    while (*s) {
        char bytes[4];
        uint32_t c;
        size_t n = (unsigned char)*s < 0x80 ? 0 : kg_utf8_get(s, strnlen(s, sizeof bytes), &c);

        if (!n) {
            bytes[0] = (char)((unsigned char)*s < 0x80 ? tolower((unsigned char)*s) : *s);
            kg_buf_add(ret, bytes, 1);
            s++;
        } else {
            c = utf8 ? (uint32_t)towlower_l((wint_t)c, utf8) : c;
            kg_buf_add(ret, bytes, kg_utf8_put(c, bytes));
            s += n;
        }
    }
}

static void add_value(const struct kg_json *item, const char *paths, struct kg_buf *ret)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(ITEM_MAX);
    char value[UI_CELL_MAX];

    if (paths)
        ui_raw(item, paths, &raw);
    kg_text_copy(value, sizeof value, raw.p);
    kg_buf_add(ret, value, strlen(value) + 1);
}

static const char *value_at(const struct ui_row *r, size_t i)
{
    const char *s = r->text;

    while (i-- > 0)
        s += strlen(s) + 1;
    return s;
}

static void show(const struct ui_column *c, const struct ui_row *r, size_t i, int64_t now, struct ui_shown *ret)
{
    *ret->text = '\0';
    ret->state = UI_NONE;
    if (c->cell)
        c->cell(r, now, ret);
    else
        ui_format(c->format, value_at(r, i), now, ret);
}

void ui_list_cell(const struct ui_list *l, const struct ui_row *r, size_t column, struct ui_shown *ret)
{
    show(&l->kind->column[column], r, column, l->base.host->now, ret);
}

const char *ui_row_value(const struct ui_list_kind *k, const struct ui_row *r, const char *paths)
{
    for (size_t i = 0; i < k->n_columns; i++)
        if (k->column[i].paths && strcmp(k->column[i].paths, paths) == 0)
            return value_at(r, i);
    for (size_t i = 0; i < UI_MORE_MAX && k->more[i]; i++)
        if (strcmp(k->more[i], paths) == 0)
            return value_at(r, k->n_columns + i);
    return "";
}

/* What a filter looks in. Times as full dates, whatever day it is; a state's word as shown and as the service spells it. */
static void add_find(const struct ui_list_kind *k, const struct ui_row *r, struct kg_buf *ret)
{
    struct ui_shown s;

    for (size_t i = 0; i < k->n_columns; i++) {
        const struct ui_column *c = &k->column[i];

        show(c, r, i, 0, &s);
        fold(s.text, ret);
        kg_buf_adds(ret, "\n");
        if (c->format == UI_F_STATE || c->format == UI_F_AGO) {
            if (c->format == UI_F_AGO)
                ui_format(UI_F_TIME, value_at(r, i), 0, &s);
            fold(c->format == UI_F_AGO ? s.text : value_at(r, i), ret);
            kg_buf_adds(ret, "\n");
        }
    }
}

static void add_id(const struct ui_rows *r, const struct ui_list_kind *k, const struct kg_json *item, struct kg_buf *ret)
{
    add_value(item, k->id ? k->id : "id name", ret);
    if (ret->p[0])
        return;
    kg_buf_reset(ret);                       /* nothing names it: its place does */
    kg_buf_addf(ret, "%zu", r->n + 1);
    kg_buf_add(ret, "", 1);
}

void ui_rows_add(struct ui_rows *r, const struct ui_list_kind *k, const struct kg_json *item)
{
    KG_AUTO_BUF struct kg_buf all = KG_BUF_INIT(ITEM_MAX), find = KG_BUF_INIT(ITEM_MAX);
    struct ui_row row = { 0 };
    uint32_t *slot;
    size_t text;

    add_id(r, k, item, &all);
    text = all.len;
    for (size_t i = 0; i < k->n_columns; i++)
        add_value(item, k->column[i].paths, &all);
    for (size_t i = 0; i < UI_MORE_MAX && k->more[i]; i++)
        add_value(item, k->more[i], &all);
    row.id = all.p;
    row.text = all.p + text;
    add_find(k, &row, &find);
    kg_buf_add(&find, "", 1);

    row.id = kg_xalloc(all.len + find.len);
    memcpy(row.id, all.p, all.len);
    memcpy(row.id + all.len, find.p, find.len);
    row.text = row.id + text;
    row.find = row.id + all.len;

    grow_slots(r);
    slot = slot_of(r, row.id);
    if (*slot) {
        row.marked = r->row[*slot - 1].marked;
        free(r->row[*slot - 1].id);
        r->row[*slot - 1] = row;
        return;
    }
    KG_GROW(r->row, r->n, r->cap);
    r->row[r->n++] = row;
    *slot = (uint32_t)r->n;
}

/* ---- order ---- */

struct key { double number; char *text; uint32_t row; bool empty, owned; };
struct how { int sign; };

/* Numbers in a text count as numbers: "db2" stands before "db10". Letters whatever their case. */
static int compare_text(const char *a, const char *b)
{
    const char *from = a;

    for (; *a || *b; a++, b++) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b) && (a == from || !isdigit((unsigned char)a[-1]))) {
            size_t za = strspn(a, "0"), zb = strspn(b, "0"), na, nb;
            int d;

            na = strspn(a + za, "0123456789");
            nb = strspn(b + zb, "0123456789");
            if (na != nb)
                return na < nb ? -1 : 1;
            d = memcmp(a + za, b + zb, na);
            if (d)
                return d;
            a += za + na;
            b += zb + nb;
            from = a;
        }
        int ca = tolower((unsigned char)*a), cb = tolower((unsigned char)*b);

        if (ca != cb || !ca)
            return ca - cb;
    }
    return 0;
}

/* Rows that are alike keep the order they were answered in. */
static int compare(const void *va, const void *vb, void *ctx)
{
    const struct key *a = va, *b = vb;
    int d;

    if (a->empty != b->empty)
        return a->empty ? 1 : -1;
    d = a->text && b->text ? compare_text(a->text, b->text) : a->text ? 1 : b->text ? -1
        : a->number < b->number ? -1 : a->number > b->number;
    if (d)
        return d * ((const struct how *)ctx)->sign;
    return a->row < b->row ? -1 : 1;
}

/* The value as a number, where its format is one; false: it is compared as text. */
static bool as_number(enum ui_format f, const char *raw, double *ret)
{
    struct kg_err ignored = { 0 };
    kg_usec wall;

    switch (f) {
    case UI_F_TIME: case UI_F_AGO:
        if (!kg_time_parse_iso(raw, &wall))
            return false;
        *ret = (double)wall;
        return true;
    case UI_F_DURATION:
        *ret = ui_duration_seconds(raw);
        return *ret >= 0;
    case UI_F_BYTES: case UI_F_COUNT: case UI_F_PERCENT:
        return kg_parse_double(raw, ret, &ignored) == 0;
    case UI_F_TEXT: case UI_F_LAST: case UI_F_LABEL: case UI_F_STATE: case UI_F_YES_NO: case UI_F_LIST: break;
    }
    return false;
}

static struct key key_of(const struct ui_row *r, uint32_t index, const struct ui_column *c, size_t column, int64_t now)
{
    const char *raw = value_at(r, column);
    struct key k = { .row = index };
    struct ui_shown s;

    if (!c->paths || c->format == UI_F_LABEL) {                  /* nothing but what is shown */
        show(c, r, column, now, &s);
        k.text = kg_xstrdup(s.text);
        k.owned = true;
    } else if (!as_number(c->format, raw, &k.number)) {
        k.text = r->text + ((c->format == UI_F_LAST ? ui_last_part(raw) : raw) - r->text);
    }
    k.empty = k.text && !k.text[0];
    return k;
}

void ui_rows_sort(const struct ui_rows *r, const struct ui_list_kind *k, int sort, int64_t now, uint32_t *order)
{
    size_t column = (size_t)abs(sort) - 1;
    struct key *key;

    if (!sort || !r->n) {
        for (size_t i = 0; i < r->n; i++)
            order[i] = (uint32_t)i;
        return;
    }
    key = kg_xalloc_array(r->n, sizeof *key);
    for (size_t i = 0; i < r->n; i++)
        key[i] = key_of(&r->row[i], (uint32_t)i, &k->column[column], column, now);
    qsort_r(key, r->n, sizeof *key, compare, &(struct how){ .sign = sort < 0 ? -1 : 1 });
    for (size_t i = 0; i < r->n; i++) {
        order[i] = key[i].row;
        if (key[i].owned)
            free(key[i].text);
    }
    free(key);
}

/* ---- filter ---- */

/* words: each ended by NUL, behind the last an empty one. */
static bool has_all(const char *find, const char *words)
{
    for (; *words; words += strlen(words) + 1)
        if (!strstr(find, words))
            return false;
    return true;
}

size_t ui_rows_filter(const struct ui_rows *r, const uint32_t *order, const char *filter, uint32_t *shown)
{
    KG_AUTO_BUF struct kg_buf words = KG_BUF_INIT(2 * UI_EDIT_MAX);
    bool invert = filter[0] == '!';
    size_t n = 0;

    for (const char *s = filter + invert; *(s += strspn(s, " "));) {
        size_t len = strcspn(s, " ");
        KG_AUTO_FREE char *word = kg_xstrndup(s, len);

        fold(word, &words);
        kg_buf_add(&words, "", 1);
        s += len;
    }
    if (!words.len)                          /* a lone ! hides nothing yet */
        invert = false;
    for (size_t i = 0; i < r->n; i++)
        if (has_all(r->row[order[i]].find, words.p) != invert)
            shown[n++] = order[i];
    return n;
}
