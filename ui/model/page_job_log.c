/* A job's log: read to its end, and while the job runs what is new is added. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/time.h"
#include "model/kinds.h"
#include "model/reader.h"

enum { TAG_LINES = 1, TAG_JOB = 2, LOG_MAX = 4 << 20, PAUSE = 2 };

struct job_log {
    struct ui_reader r;                      /* first: the family's functions see this */
    struct kg_buf text;                      /* all lines so far */
    uint64_t last;                           /* the last line's number; the next asking is for those behind it */
    char day[16];                            /* of the last line */
    int64_t asked;
    uint64_t job_call;
    bool runs;                               /* or it is not known yet */
};

static struct job_log *log_of(struct ui_model *m) { return (struct job_log *)m; }

static void ask_lines(struct job_log *l)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/log?$skipToken=%llu", l->r.base.arg, (unsigned long long)l->last);

    l->r.asking = true;
    l->r.call = ui_ask(&l->r.base, path, TAG_LINES);
}

static void ask(struct job_log *l)
{
    if (l->r.asking)
        return;
    l->asked = l->r.base.host->now;
    ask_lines(l);
    l->job_call = ui_ask(&l->r.base, l->r.base.arg, TAG_JOB);
}

static void open_log(struct ui_model *m)
{
    log_of(m)->text = (struct kg_buf)KG_BUF_INIT(LOG_MAX);
    log_of(m)->runs = true;
    ask(log_of(m));
}

static void done_log(struct ui_model *m)
{
    kg_buf_done(&log_of(m)->text);
    ui_reader_done(m);
}

/* A line begins with its time; where a day begins the date stands above. */
static void add_line(struct job_log *l, const struct kg_json *line)
{
    char day[16] = "", hour[16] = "";
    kg_usec at = 0;
    struct tm tm;
    time_t t;

    if (kg_time_parse_iso(kg_json_str_or(line, "time", ""), &at)) {
        t = (time_t)(at / KG_SECOND);
        localtime_r(&t, &tm);
        strftime(day, sizeof day, "%Y-%m-%d", &tm);
        strftime(hour, sizeof hour, "%H:%M:%S", &tm);
    }
    if (strcmp(day, l->day) != 0)
        kg_buf_addf(&l->text, "%s\n", day);
    memcpy(l->day, day, sizeof l->day);
    kg_buf_addf(&l->text, "%s  %s\n", hour, kg_json_str_or(line, "text", ""));
    l->last = kg_json_u64(line, "line", l->last);
}

/* Of a log that grows too long the older half goes. */
static void make_room(struct kg_buf *b)
{
    const char *half = b->len > LOG_MAX / 2 ? memchr(b->p + b->len / 2, '\n', b->len - b->len / 2) : NULL;
    size_t left = half ? b->len - (size_t)(half + 1 - b->p) : 0;

    if (!half)
        return;
    memmove(b->p, half + 1, left);
    kg_buf_cut(b, left);
}

static void take_lines(struct job_log *l, const struct kg_json *json)
{
    uint64_t before = l->last;

    for (const struct kg_json *j = kg_json_first(kg_json_get(json, "value")); j; j = kg_json_next(j)) {
        make_room(&l->text);
        add_line(l, j);
    }
    if (kg_json_str(json, "nextLink") && l->last > before) {
        ask_lines(l);
        return;
    }
    if (l->last > before || !l->r.text)
        ui_reader_take(&l->r, l->text.len ? l->text.p : "", l->text.len);
    l->r.err = (struct kg_err){ 0 };
    l->r.base.stale = false;
}

static void answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    struct job_log *l = log_of(m);
    const struct kg_json *json = a->reply ? a->reply->json : NULL;
    const char *status = kg_json_str_or(json, "properties.status", "");

    if (tag == TAG_JOB && id == l->job_call && !a->err)
        l->runs = strcmp(status, "InProgress") == 0 || strcmp(status, "Cancelling") == 0;
    if (tag != TAG_LINES || id != l->r.call || !l->r.asking)
        return;
    l->r.asking = false;
    if (!a->err) {
        take_lines(l, json);
        return;
    }
    l->r.err = *a->err;
    l->r.load = l->r.text ? UI_READY : UI_BROKEN;
    m->stale = l->r.text != NULL;
}

static bool act(struct ui_model *m, enum ui_action a)
{
    if (a != UI_ACT_REFRESH)
        return ui_reader_act(m, a);
    ask(log_of(m));
    return true;
}

static void tick(struct ui_model *m)
{
    struct job_log *l = log_of(m);

    if ((l->runs || l->r.err.code) && m->host->now >= ui_due(m->host, l->asked, PAUSE * KG_SECOND))
        ask(l);
}

static int64_t wake(const struct ui_model *m)
{
    const struct job_log *l = (const struct job_log *)m;

    return (l->runs || l->r.err.code) && !l->r.asking ? ui_due(m->host, l->asked, PAUSE * KG_SECOND) : 0;
}

const struct ui_kind ui_page_job_log = {
    .name = "job-log", .title = "Log", .family = UI_READER, .size = sizeof(struct job_log), .open = open_log, .done = done_log,
    .answer = answer, .act = act, .tick = tick, .wake = wake,
};
