#include "plugin/pg_restore_said.h"

#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "plugin/sqltext.h"
#include "sys/proc.h"

enum { WARNINGS_MAX = 20, TEXT_MAX = 300, TAIL = 300 };

static const char program[] = "pg_restore: ";
static const char error_mark[] = "pg_restore: error: ";
static const char command_mark[] = "\nCommand was: ";
static const char count_mark[] = "\npg_restore: warning: errors ignored on restore: ";

/* ---- one statement ---- */

enum verdict { BAD, SOFT, SILENT };

/* ALTER … OWNER TO name */
static bool sets_owner(const struct kg_sql_part *s)
{
    const char *at = s->at, *end = s->at + s->n;
    struct kg_sql_token t = kg_sql_next(&at, end), before[3] = { 0 };

    if (!kg_sql_is(&t, "ALTER"))
        return false;
    for (t = kg_sql_next(&at, end); t.kind != KG_SQL_END; t = kg_sql_next(&at, end)) {
        before[0] = before[1];
        before[1] = before[2];
        before[2] = t;
    }
    return kg_sql_is(&before[0], "OWNER") && kg_sql_is(&before[1], "TO") &&
           (before[2].kind == KG_SQL_NAME || before[2].kind == KG_SQL_WORD);
}

static bool begins(const struct kg_sql_part *s, const char *const *words)
{
    const char *at = s->at, *end = s->at + s->n;

    for (; *words; words++) {
        struct kg_sql_token t = kg_sql_next(&at, end);

        if (!kg_sql_is(&t, *words))
            return false;
    }
    return true;
}

static enum verdict judge_statement(const struct kg_sql_part *s)
{
    static const char *const grant[] = { "GRANT", NULL };
    static const char *const comment[] = { "COMMENT", "ON", "EXTENSION", NULL };      /* the server's own, "plpgsql" */
    static const char *const timeout[] = { "SET", "transaction_timeout", "=", "0", NULL }; /* a newer program than the server */

    if (sets_owner(s) || begins(s, grant) || begins(s, comment))
        return SOFT;
    return begins(s, timeout) ? SILENT : BAD;
}

/* All of a command has to be harmless: a list of statements is one transaction, of which nothing was done. */
static enum verdict judge_command(const char *at, const char *end)
{
    enum verdict all = SILENT;
    struct kg_sql_part s;
    bool any = false;

    while (kg_sql_statement(&at, end, &s)) {
        enum verdict v = judge_statement(&s);

        if (v == BAD)
            return BAD;
        if (v == SOFT)
            all = SOFT;
        any = true;
    }
    return any ? all : BAD;
}

/* ---- all that was said ---- */

struct report { const char *at, *end, *command; };   /* one error; command NULL: none, or more than one place to find it */

/* Where the next line begins that the program itself wrote, or the end. */
static const char *next_own_line(const char *at)
{
    while ((at = strchr(at, '\n')))
        if (strncmp(++at, program, strlen(program)) == 0)
            return at;
    return NULL;
}

static bool next_report(const char **at, struct report *ret)
{
    const char *p = *at, *end, *mark, *again;

    while (p && strncmp(p, error_mark, strlen(error_mark)) != 0)
        p = next_own_line(p);
    if (!p)
        return false;
    end = next_own_line(p);
    *at = end = end ? end : p + strlen(p);
    mark = strstr(p, command_mark);
    ret->at = p + strlen(program);
    ret->end = end;
    ret->command = mark && mark < end ? mark + strlen(command_mark) : NULL;
    /* A name in the message may hold a line that looks like ours: then nobody knows which one is. */
    if (ret->command && (again = strstr(ret->command, command_mark)) && again < end)
        ret->command = NULL;
    return true;
}

/* The message's first line, and the command when there is one, for a person's eyes. */
static void describe(const struct report *r, struct kg_buf *b)
{
    size_t n = strcspn(r->at, "\n");
    KG_AUTO_FREE char *line = kg_xstrndup(r->at, n);
    KG_AUTO_FREE char *command = NULL;

    kg_text_add_printable(b, line);
    if (!r->command)
        return;
    n = (size_t)(r->end - r->command);
    while (n && strchr("\n ;", r->command[n - 1]))
        n--;
    command = kg_xstrndup(r->command, n > TEXT_MAX ? TEXT_MAX : n);
    for (char *p = command; (p = strchr(p, '\n'));)
        *p = ' ';
    kg_buf_adds(b, "; the command was: ");
    kg_text_add_printable(b, command);
}

static void warn(const struct report *r, const struct kg_events *ev)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 10);
    struct kg_err w = { 0 };

    describe(r, &b);
    kg_err_set(&w, KG_E_RESTORE_FAILED, "%s", b.p);
    kg_err_advise(&w, "Set owner and privileges of the object yourself, or mend the cause and restore again.");
    kg_events_warn(ev, &w);
}

static void warn_more(unsigned n, const struct kg_events *ev)
{
    struct kg_err w = { 0 };

    if (n <= WARNINGS_MAX)
        return;
    kg_err_set(&w, KG_E_RESTORE_FAILED, "and %u more owners and grants could not be set", n - WARNINGS_MAX);
    kg_err_advise(&w, "Compare owners and privileges with the source's, then set what is missing.");
    kg_events_warn(ev, &w);
}

static unsigned count_commands(const char *said)
{
    unsigned n = 0;

    for (const char *p = said; (p = strstr(p, command_mark)); p++)
        n++;
    return n;
}

/* What the program says about how many errors it went on after; 0 when it does not say. */
static uint64_t counted_errors(const char *said)
{
    const char *last = NULL;
    struct kg_err ignored = { 0 };
    uint64_t n = 0;

    for (const char *p = said; (p = strstr(p, count_mark)); p++)
        last = p + strlen(count_mark);
    if (!last)
        return 0;
    KG_AUTO_FREE char *number = kg_xstrndup(last, strcspn(last, "\n"));
    return kg_parse_range(number, 0, UINT32_MAX, &n, &ignored) < 0 ? 0 : n;
}

/* What was understood. */
struct counts { unsigned commands, soft, silent; };

static void count_one(struct counts *n, const struct report *r, enum verdict v)
{
    n->commands += r->command != NULL;
    n->soft += v == SOFT;
    n->silent += v == SILENT;
}

/* With several jobs pg_restore counts an error twice: as its worker's own, and as a worker that had some. */
static uint64_t understood(const struct kg_pg_restore_said *s, const struct counts *n)
{
    return (uint64_t)n->silent + (uint64_t)n->soft * (s->parallel ? 2 : 1);
}

/* One more command than errors: a name, or two jobs that spoke at the same time, have torn an error in two, and which command is
 * whose cannot be told. */
static bool is_whole(const struct kg_pg_restore_said *s, const struct counts *n)
{
    uint64_t counted = counted_errors(s->text.p);

    return s->complete && WIFEXITED(s->status) && WEXITSTATUS(s->status) == 1 && count_commands(s->text.p) == n->commands &&
           counted && counted <= understood(s, n);
}

static const char *tail_of(const struct kg_buf *text) { return text->len > TAIL ? text->p + text->len - TAIL : text->p; }

int kg_pg_restore_judge(const struct kg_pg_restore_said *s, const struct kg_events *ev, struct kg_err *err)
{
    const char *at = s->text.p;
    struct report r, bad = { 0 };
    struct counts n = { 0 };
    char how[48];

    if (s->status == 0)
        return 0;
    while (next_report(&at, &r)) {
        enum verdict v = r.command ? judge_command(r.command, r.end) : BAD;

        count_one(&n, &r, v);
        if (v == BAD && !bad.at)
            bad = r;
        if (v == SOFT && n.soft <= WARNINGS_MAX)
            warn(&r, ev);
    }
    warn_more(n.soft, ev);
    if (bad.at) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 10);

        describe(&bad, &b);
        return kg_err_set(err, KG_E_RESTORE_FAILED, "pg_restore: %s", b.p);
    }
    if (is_whole(s, &n))
        return 0;
    if (counted_errors(s->text.p) > understood(s, &n))
        return kg_err_set(err, KG_E_RESTORE_FAILED, "pg_restore went on after %llu errors, of which only %u were understood: %.300s",
                          (unsigned long long)counted_errors(s->text.p), n.soft + n.silent, tail_of(&s->text));
    return kg_err_set(err, KG_E_RESTORE_FAILED, "pg_restore %s: %.300s", kg_proc_status_text(s->status, how), tail_of(&s->text));
}

/* ---- once more ---- */

/* The command is the whole definition: it was run in one transaction. */
static bool is_definition(const struct report *r, const struct kg_toc_entry *e)
{
    size_t n = e->defn ? strlen(e->defn) : 0, left = (size_t)(r->end - r->command);

    if (!n || left < n || memcmp(r->command, e->defn, n) != 0)
        return false;
    return strspn(r->command + n, " \n") >= left - n;
}

/* Whose definition it was that failed; NULL when it is none's, or that of several. */
static const struct kg_toc_entry *failed_entry(const struct kg_archive *a, const bool *keep, const struct report *r)
{
    const struct kg_toc_entry *found = NULL;

    for (size_t i = 0; r->command && i < a->n_entries; i++) {
        if (!keep[i] || a->entry[i].step == KG_STEP_ALWAYS || !is_definition(r, &a->entry[i]))
            continue;
        if (found)
            return NULL;
        found = &a->entry[i];
    }
    return found;
}

/* The names of lock modes are the same in every language, and those of a deadlock stand in its details. */
static bool is_deadlock(const struct report *r)
{
    static const char *const signs[] = { "deadlock detected", "ShareLock", "ExclusiveLock" };

    for (size_t i = 0; r->command && i < KG_ARRAY_LEN(signs); i++)
        if (memmem(r->at, (size_t)(r->command - r->at), signs[i], strlen(signs[i])))
            return true;
    return false;
}

/* Marks what failed as a whole. False when that is not certain, or nothing was a deadlock. */
static bool mark_failed(const struct kg_pg_restore_said *s, const struct kg_archive *a, const bool *keep, bool *again)
{
    struct counts n = { 0 };
    const char *at = s->text.p;
    bool deadlock = false;
    struct report r;

    while (next_report(&at, &r)) {
        const struct kg_toc_entry *e = failed_entry(a, keep, &r);
        enum verdict v = r.command ? judge_command(r.command, r.end) : BAD;

        if (!e && v == BAD)
            return false;
        if (e)
            again[e - a->entry] = true;
        count_one(&n, &r, e ? SOFT : v);
        deadlock |= is_deadlock(&r);
    }
    return deadlock && is_whole(s, &n);
}

/* "ALTER MATERIALIZED VIEW s.v OWNER TO x" of a view that will be made, and owned, once more. */
static bool is_owner_of_marked(const struct report *r, const struct kg_archive *a, const bool *again)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        if (!again[i] || !e->tag || !e->owner || !*e->owner)
            continue;
        KG_AUTO_FREE char *head = kg_xprintf("ALTER %s ", e->desc);
        KG_AUTO_FREE char *tail = kg_xprintf("%s OWNER TO ", e->tag);
        KG_AUTO_FREE char *quoted = kg_xprintf("\"%s\" OWNER TO ", e->tag);
        size_t n = (size_t)(r->end - r->command);

        if (strncmp(r->command, head, strlen(head)) == 0 &&
            (memmem(r->command, n, tail, strlen(tail)) || memmem(r->command, n, quoted, strlen(quoted))))
            return true;
    }
    return false;
}

static void warn_of_others(const struct kg_pg_restore_said *s, const struct kg_archive *a, const bool *keep, const bool *again,
                           const struct kg_events *ev)
{
    const char *at = s->text.p;
    unsigned soft = 0;
    struct report r;

    while (next_report(&at, &r))
        if (judge_command(r.command, r.end) == SOFT && !failed_entry(a, keep, &r) && !is_owner_of_marked(&r, a, again) &&
            soft++ < WARNINGS_MAX)
            warn(&r, ev);
    warn_more(soft, ev);
}

bool kg_pg_restore_again(const struct kg_pg_restore_said *s, const struct kg_archive *a, const bool *keep,
                         const struct kg_events *ev, bool *ret_again)
{
    if (s->status == 0 || !mark_failed(s, a, keep, ret_again))
        return false;
    warn_of_others(s, a, keep, ret_again, ev);
    for (size_t i = 0; i < a->n_entries; i++)
        ret_again[i] |= keep[i] && a->entry[i].step == KG_STEP_ALWAYS;
    return true;
}
