#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "sys/fd.h"

#define FIRST_PAUSE (KG_SECOND / 10)
#define LIVE_PAUSE  (KG_SECOND / 10)
#define PLAIN_PAUSE (5 * KG_SECOND)

enum { TABLES_SAID = 4 };

/* ---- how fast, how long ---- */

void kg_rate_update(struct kg_rate *r, kg_usec now_mono, uint64_t bytes)
{
    double seconds = (double)(now_mono - r->at) / KG_SECOND, now, weight;

    if (r->at == 0 || bytes < r->bytes) { /* the first look, or a new phase that counts from the start */
        *r = (struct kg_rate){ .at = now_mono, .bytes = bytes };
        return;
    }
    if (seconds < 0.2)
        return;
    now = (double)(bytes - r->bytes) / seconds;
    weight = seconds >= 10 ? 1 : seconds / 10; /* an average over about ten seconds */
    r->per_second = r->per_second > 0 ? r->per_second * (1 - weight) + now * weight : now;
    r->at = now_mono;
    r->bytes = bytes;
}

static void add_count(struct kg_buf *b, uint64_t n)
{
    char digits[24];
    size_t k = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n);

    for (size_t i = 0; i < k; i++)
        kg_buf_addf(b, "%s%c", i && (k - i) % 3 == 0 ? "," : "", digits[i]);
}

static void add_clock(struct kg_buf *b, uint64_t seconds)
{
    if (seconds >= 3600)
        kg_buf_addf(b, "%" PRIu64 ":%02u:%02u", seconds / 3600, (unsigned)(seconds / 60 % 60),
                    (unsigned)(seconds % 60));
    else
        kg_buf_addf(b, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
}

/* Only what is known is said: no percentage without a total. */
static void add_bytes(const struct kg_json *p, const struct kg_rate *rate, struct kg_buf *b)
{
    uint64_t done = kg_json_u64(p, "bytesDone", 0), total = kg_json_u64(p, "bytesTotal", 0);
    char a[16], c[16];

    if (total && done <= total)
        kg_buf_addf(b, "  %u %%  %s of %s", (unsigned)((double)done * 100 / (double)total), kg_human_bytes(done, a),
                    kg_human_bytes(total, c));
    else if (done)
        kg_buf_addf(b, "  %s", kg_human_bytes(done, a));
    if (kg_json_u64(p, "rows", 0)) {
        kg_buf_adds(b, "  ");
        add_count(b, kg_json_u64(p, "rows", 0));
        kg_buf_adds(b, " rows");
    }
    if (rate->per_second >= 1)
        kg_buf_addf(b, "  %s/s", kg_human_bytes((uint64_t)rate->per_second, a));
}

/* As the service judges it: of the whole job, else of the phase alone, else nothing is said. */
static void add_left(const struct kg_json *p, struct kg_buf *b)
{
    bool whole = kg_json_type(kg_json_get(p, "secondsLeft")) == KG_JSON_NUMBER;

    if (!whole && kg_json_type(kg_json_get(p, "phaseSecondsLeft")) != KG_JSON_NUMBER)
        return;
    kg_buf_adds(b, "  ");
    add_clock(b, kg_json_u64(p, whole ? "secondsLeft" : "phaseSecondsLeft", 0));
    kg_buf_adds(b, whole ? " left" : " left of this phase");
}

void kg_job_line(const struct kg_json *job, const struct kg_rate *rate, struct kg_buf *b)
{
    const struct kg_json *p = kg_json_get(job, "properties.extendedInfo.progress");
    uint64_t tables = kg_json_u64(p, "tablesTotal", 0);

    kg_text_add_printable(b, kg_json_str_or(job, "properties.operation", "job"));
    if (kg_json_str(p, "phase")) {
        kg_buf_adds(b, ": ");
        kg_text_add_printable(b, kg_json_str(p, "phase"));
    }
    add_bytes(p, rate, b);
    add_left(p, b);
    if (tables)
        kg_buf_addf(b, "  %" PRIu64 "/%" PRIu64 " tables", kg_json_u64(p, "tablesDone", 0), tables);
}

/* A size that was an estimate is never shown as reached. */
static void add_table(const struct kg_json *t, struct kg_buf *b)
{
    uint64_t done = kg_json_u64(t, "bytesDone", 0), total = kg_json_u64(t, "bytesTotal", 0);
    double seconds = kg_json_double(t, "seconds", 0), percent = total ? (double)done * 100 / (double)total : 0;
    const char *schema = kg_json_str_or(t, "schema", ""), *step = kg_json_str_or(t, "step", "");
    char rate[16];

    kg_text_add_printable(b, schema);
    kg_buf_adds(b, *schema ? "." : "");
    kg_text_add_printable(b, kg_json_str_or(t, "name", "?"));
    if (strcmp(step, "index") == 0 || strcmp(step, "verify") == 0)
        kg_buf_addf(b, " (%s)", step);
    if (total)
        kg_buf_addf(b, " %u %%", (unsigned)(percent > 99 ? 99 : percent));
    if (done && seconds >= 1)
        kg_buf_addf(b, " %s/s", kg_human_bytes((uint64_t)((double)done / seconds), rate));
}

void kg_job_tables_line(const struct kg_json *job, struct kg_buf *b)
{
    const struct kg_json *tables = kg_json_get(job, "properties.extendedInfo.tables");
    uint64_t left = kg_json_u64(tables, "inWorkCount", 0), n = 0;

    for (const struct kg_json *t = kg_json_first(kg_json_get(tables, "inWork")); t && n < TABLES_SAID; t = kg_json_next(t), n++) {
        kg_buf_adds(b, n ? ", " : "in work: ");
        add_table(t, b);
    }
    if (n && left > n)
        kg_buf_addf(b, ", %" PRIu64 " more", left - n);
}

/* ---- on the screen ---- */

struct screen {
    bool live, quiet, drawn;
    kg_usec next_plain;
    char last[300];
};

static void erase(struct screen *s)
{
    if (s->drawn)
        (void)kg_write_all(STDERR_FILENO, "\r\x1b[J", 4);
    s->drawn = false;
}

/* Cut to 79 columns (the texts here have no wide characters), so that the line stays one. */
static void add_cut(struct kg_buf *b, const char *line)
{
    size_t columns = 0, n = 0;

    while (line[n] && columns < 79) {
        n++;
        while (((unsigned char)line[n] & 0xC0) == 0x80)
            n++;
        columns++;
    }
    kg_buf_add(b, line, n);
}

/* The tables stand on a line of their own; the cursor stays on the first one. */
static void draw_live(struct screen *s, const char *line, const char *tables)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);

    kg_buf_adds(&b, "\r");
    add_cut(&b, line);
    kg_buf_adds(&b, *tables ? "\x1b[K\n" : "\x1b[J");
    if (*tables) {
        add_cut(&b, tables);
        kg_buf_adds(&b, "\x1b[J\r\x1b[A");
    }
    (void)kg_write_all(STDERR_FILENO, b.p, b.len);
    s->drawn = true;
}

static void show(struct screen *s, const char *line, const char *tables)
{
    KG_AUTO_FREE char *both = NULL;
    kg_usec now = kg_now_mono();

    if (s->quiet)
        return;
    if (s->live) {
        draw_live(s, line, tables);
        return;
    }
    if (now < s->next_plain || strcmp(line, s->last) == 0)
        return;
    kg_text_copy(s->last, sizeof s->last, line);
    s->next_plain = now + PLAIN_PAUSE;
    both = kg_xprintf("%s%s%s\n", line, *tables ? "; " : "", tables);
    (void)kg_write_all(STDERR_FILENO, both, strlen(both));
}

/* ---- the end ---- */

static const char *const ended[] = { "Completed", "CompletedWithWarnings", "Failed", "Cancelled", "Succeeded" };

static bool has_ended(const struct kg_json *job)
{
    const char *status = kg_json_str(job, "properties.status");

    return status && kg_text_index(ended, KG_ARRAY_LEN(ended), status) >= 0;
}

void kg_cli_tell_warnings(struct kg_cli *cli, const struct kg_json *job)
{
    const struct kg_json *list = kg_json_get(job, "properties.extendedInfo.warningDetails");

    for (const struct kg_json *w = kg_json_first(list); w; w = kg_json_next(w))
        kg_cli_warn(cli, "%s", kg_json_str_or(w, "warning.message", "?"));
}

/* "Backup completed in 12.3 s: 1.2 GB, 3,456,000 rows, 98.0 MB/s; 310 MB new in the vault" */
static void tell_summary(struct kg_cli *cli, const struct kg_json *job)
{
    const struct kg_json *p = kg_json_get(job, "properties"), *result = kg_json_get(p, "extendedInfo.result");
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);
    kg_usec from = 0, until = 0;
    uint64_t bytes = kg_json_u64(result, "bytes", 0), rows = kg_json_u64(result, "rows", 0);
    double seconds;
    char a[16];

    if (!kg_time_parse_iso(kg_json_str_or(p, "startTime", ""), &from) ||
        !kg_time_parse_iso(kg_json_str_or(p, "endTime", ""), &until))
        return;
    seconds = (double)(until - from) / KG_SECOND;
    kg_buf_addf(&b, "%s completed in %.1f s", kg_json_str_or(p, "operation", "The job"), seconds);
    if (bytes || rows) {
        kg_buf_addf(&b, ": %s, ", kg_human_bytes(bytes, a));
        add_count(&b, rows);
        kg_buf_adds(&b, " rows");
        if (seconds > 0.1)
            kg_buf_addf(&b, ", %s/s", kg_human_bytes((uint64_t)((double)bytes / seconds), a));
    }
    if (kg_json_get(result, "storedBytes"))
        kg_buf_addf(&b, "; %s added to the vault", kg_human_bytes(kg_json_u64(result, "storedBytes", 0), a));
    if (kg_json_bool(result, "readBack", false))
        kg_buf_adds(&b, "; every row read back and compared");
    else if (kg_json_bool(result, "verified", false))
        kg_buf_adds(&b, "; all counts and checksums are right");
    kg_cli_note(cli, "%s", b.p);
}

static int judge(struct kg_cli *cli, const struct kg_json *job, struct kg_err *err)
{
    const char *status = kg_json_str_or(job, "properties.status", "?");
    const struct kg_json *e = kg_json_get(job, "properties.errorDetails.0");

    kg_cli_tell_warnings(cli, job);
    if (strcasecmp(status, "Failed") == 0 && e) {
        kg_err_from_arm(e, 0, err);
        kg_cli_explain(cli, e);
        return -(int)err->code;
    }
    if (strcasecmp(status, "Failed") == 0)
        return kg_err_set(err, KG_E_BUG, "the job failed without saying why");
    if (strcasecmp(status, "Cancelled") == 0)
        return kg_err_set(err, KG_E_CANCELLED, "the job was cancelled");
    tell_summary(cli, job);
    return 0;
}

static int pause_or_leave(const char *path, kg_usec pause, struct kg_err *err)
{
    kg_usec until = kg_now_mono() + pause;

    while (kg_now_mono() < until) {
        if (kg_cli_interrupted(NULL)) {
            kg_err_set(err, KG_E_CANCELLED, "interrupted; the job goes on");
            kg_err_advise(err, "Follow it with 'keepgres job wait --job-id %s', end it with 'job cancel'.", path);
            return -(int)err->code;
        }
        usleep(50000);
    }
    return 0;
}

int kg_cli_follow_job(struct kg_cli *cli, const char *path, struct kg_json **ret, struct kg_err *err)
{
    struct screen s = { .live = cli->err_tty, .quiet = cli->g.quiet };
    struct kg_rate rate = { 0 };
    kg_usec pause = FIRST_PAUSE;

    for (;;) {
        KG_AUTO_JSON struct kg_json *job = NULL;
        KG_AUTO_BUF struct kg_buf line = KG_BUF_INIT(1000), tables = KG_BUF_INIT(64 << 10);

        if (kg_cli_get(cli, path, &job, err) < 0) {
            erase(&s);
            return -(int)err->code;
        }
        if (has_ended(job)) {
            int r;

            erase(&s);
            r = judge(cli, job, err);
            *ret = KG_TAKE(job);
            return r;
        }
        kg_rate_update(&rate, kg_now_mono(), kg_json_u64(job, "properties.extendedInfo.progress.bytesDone", 0));
        kg_job_line(job, &rate, &line);
        kg_job_tables_line(job, &tables);
        show(&s, line.p, tables.len ? tables.p : "");
        if (pause_or_leave(path, pause, err) < 0) {
            erase(&s);
            return -(int)err->code;
        }
        pause = pause * 2 < LIVE_PAUSE ? pause * 2 : LIVE_PAUSE;
    }
}

int kg_cli_start_job(struct kg_cli *cli, const struct kg_at *at, const char *path, const struct kg_json *body,
                     bool no_wait, bool wait, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *started = NULL;
    KG_AUTO_FREE char *job_path = NULL;
    struct kg_json *job = NULL;
    const char *id;
    int r;

    if (no_wait && wait)
        return kg_err_set(err, KG_E_USAGE, "--wait and --no-wait exclude each other");
    if (kg_cli_send(cli, "POST", path, body, no_wait, &started, err) < 0)
        return -(int)err->code;
    id = kg_json_str(started, "jobId");
    if (!wait) {
        if (started)
            kg_cli_emit(cli, KG_TAKE(started));
        return 0;
    }
    if (!started)
        return 0; /* 204: there was nothing to do */
    if (!id)
        return kg_err_set(err, KG_E_NO_REPLY, "the service did not say which job it started");
    job_path = kg_cli_job_path(cli, at, id);
    r = kg_cli_follow_job(cli, job_path, &job, err);
    if (job)
        kg_cli_emit(cli, job);
    return r;
}
