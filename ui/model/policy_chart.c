#include "model/policy_chart.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/time.h"
#include "model/format.h"

enum { LABEL = 11, NUMBER = 6, COLUMNS_MOST = 240, COLUMNS_LEAST = 8, ROWS_MOST = 20 };
static const int64_t day_usec = 86400 * KG_SECOND;

unsigned ui_chart_days(unsigned longest_days)
{
    static const unsigned years[] = { 1, 2, 3, 5, 8, 11, 16, 21 };

    for (size_t i = 0; i < KG_ARRAY_LEN(years); i++)
        if (longest_days < years[i] * 365)
            return years[i] * 365;
    return years[KG_ARRAY_LEN(years) - 1] * 365;
}

struct kg_json *ui_chart_dates(int64_t now, unsigned days, unsigned n)
{
    struct kg_json *list = kg_json_array();
    char iso[32];

    for (unsigned i = 1; i <= n; i++) {
        kg_time_iso_seconds(now + (int64_t)days * i / n * day_usec + day_usec, iso);
        iso[10] = '\0';
        kg_json_push_str(list, iso);
    }
    return list;
}

/* ---- one line ---- */

static void add_label(struct kg_buf *ret, const char *name)
{
    KG_AUTO_BUF struct kg_buf clean = KG_BUF_INIT(1000);
    char label[LABEL];
    int shown = 0;

    kg_text_add_printable(&clean, name);
    kg_text_copy(label, sizeof label, clean.p);
    for (const char *p = label; *p; p++)
        shown += ((unsigned char)*p & 0xc0) != 0x80;
    kg_buf_addf(ret, "%s%*s", label, LABEL - shown, "");
}

static double value_at(const struct kg_json *count, const char *group, const char *key)
{
    const struct kg_json *g = kg_json_get(count, group);

    for (const struct kg_json *m = kg_json_first(g); m; m = kg_json_next(m))
        if (strcmp(kg_json_key(m), key) == 0)
            return kg_json_double(m, "", 0);
    return 0;
}

static void add_blocks(const double *v, int n, struct kg_buf *ret)
{
    static const char *const block[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    double most = 0;

    for (int i = 0; i < n; i++)
        most = v[i] > most ? v[i] : most;
    for (int i = 0; i < n; i++) {
        int eighths = most > 0 ? (int)(v[i] * 8 / most + 0.5) : 0;

        kg_buf_adds(ret, v[i] <= 0 ? " " : block[eighths < 1 ? 0 : eighths - 1]);
    }
}

struct picture {
    const struct kg_json *count[400];
    size_t n;
    int columns;
};

static void add_row(const struct picture *p, const char *label, const char *group, const char *key, bool always, struct kg_buf *ret)
{
    double v[COLUMNS_MOST], most = 0;
    char number[32];

    for (int i = 0; i < p->columns; i++) {
        v[i] = value_at(p->count[(size_t)i * p->n / (size_t)p->columns], group, key);
        most = v[i] > most ? v[i] : most;
    }
    v[p->columns - 1] = value_at(p->count[p->n - 1], group, key);
    if (most <= 0 && v[p->columns - 1] <= 0 && !always)
        return;
    add_label(ret, label);
    add_blocks(v, p->columns, ret);
    ui_format_count((uint64_t)v[p->columns - 1], number, sizeof number);
    kg_buf_addf(ret, "%*s\n", NUMBER, number);
}

static const char *date_of(const struct kg_json *count) { return kg_json_str_or(count, "date", ""); }

static void add_axis(const struct picture *p, struct kg_buf *ret)
{
    const char *middle = date_of(p->count[p->n / 2]), *end = date_of(p->count[p->n - 1]);
    int room = p->columns - 14;

    kg_buf_addf(ret, "%*s%.7s", LABEL, "", date_of(p->count[0]));
    if (room >= 11)
        kg_buf_addf(ret, "%*s%.7s%*s%.7s", (room - 7) / 2, "", middle, room - 7 - (room - 7) / 2, "", end);
    else if (room >= 1)
        kg_buf_addf(ret, "%*s%.7s", room, "", end);
    kg_buf_addf(ret, "%*s\n", NUMBER, "end");
}

void ui_chart_of(const struct kg_json *preview, int width, struct kg_buf *ret)
{
    const struct kg_json *last = NULL;
    struct picture p = { .columns = width - LABEL - NUMBER };
    int rows = 0;

    for (const struct kg_json *c = kg_json_first(kg_json_get(preview, "counts")); c && p.n < KG_ARRAY_LEN(p.count); c = kg_json_next(c))
        p.count[p.n++] = last = c;
    p.columns = p.columns > COLUMNS_MOST ? COLUMNS_MOST : p.columns;
    if (!p.n || p.columns < COLUMNS_LEAST)
        return;
    for (const struct kg_json *t = kg_json_first(kg_json_get(last, "byTag")); t && rows < ROWS_MOST; t = kg_json_next(t), rows++)
        add_row(&p, kg_json_key(t), "byTag", kg_json_key(t), true, ret);
    add_row(&p, "in vault", "byStore", "VaultStore", true, ret);
    add_row(&p, "in archive", "byStore", "ArchiveStore", false, ret);
    add_axis(&p, ret);
    if (kg_json_bool(preview, "cut", false))
        kg_buf_addf(ret, "Too many points to look further than %.10s.\n", kg_json_str_or(preview, "until", "?"));
}

/* ---- sentences ---- */

void ui_chart_starts(const struct kg_json *preview, int width, struct kg_buf *ret)
{
    const struct kg_json *s = kg_json_first(kg_json_get(preview, "schedule"));
    size_t from = ret->len;

    for (int i = 0; s; s = kg_json_next(s), i++) {
        const char *local = kg_json_str_or(s, "local", "");

        if ((int)(ret->len - from) + 20 > width && i)
            break;
        kg_buf_addf(ret, "%s%.10s %.5s", i ? ", " : "Next: ", local, strlen(local) > 15 ? local + 11 : "");
    }
    if (ret->len > from)
        kg_buf_adds(ret, "\n");
}

void ui_chart_years(const struct kg_json *preview, struct kg_buf *ret)
{
    static const unsigned years[] = { 1, 2, 5, 10 };
    const struct kg_json *c = kg_json_first(kg_json_get(preview, "counts")), *next;
    kg_usec start, when;
    size_t from = ret->len;

    if (!kg_time_parse_iso(kg_json_str_or(preview, "startTime", ""), &start))
        return;
    for (size_t i = 0; i < KG_ARRAY_LEN(years) && c; i++) {
        int64_t want = start + (int64_t)years[i] * 365 * day_usec - 20 * day_usec;

        for (; c && (!kg_time_parse_iso(kg_json_str_or(c, "time", ""), &when) || when < want); c = next)
            next = kg_json_next(c);
        if (c)
            kg_buf_addf(ret, "%s %u year%s %u", ret->len > from ? ", in" : "Recovery points in", years[i], years[i] > 1 ? "s:" : ":",
                        (unsigned)kg_json_u64(c, "total", 0));
    }
    if (ret->len > from)
        kg_buf_adds(ret, "\n");
}
