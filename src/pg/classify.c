/* pg/classify.c - from what PostgreSQL said to an error code and advice.
 *
 * SQLSTATEs do not depend on the server's language and come first; texts are looked at where one SQLSTATE means several
 * things, and for programs, which print nothing else. */
#include "pg/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define ADVICE_LOCKS "Raise max_locks_per_transaction on the server (it needs a restart), or back up fewer tables."
#define ADVICE_RLS   "Give the backup user the attribute BYPASSRLS: ALTER ROLE name BYPASSRLS."
#define ADVICE_STANDBY                                                                                               \
    "Switch on hot_standby_feedback on the standby, or raise max_standby_streaming_delay, or back up the primary."
#define ADVICE_FULL "Raise max_connections (or the role's or database's limit), or use fewer jobs."
#define ADVICE_DISK "Free space on the server's disk, then try again."

/* One SQLSTATE (or class: two characters), when given together with a piece of the text. First match wins. */
static const struct {
    const char *state, *text;
    enum kg_code code;
    const char *advice;          /* NULL: the code's own */
} states[] = {
    { "28",    "no pg_hba.conf entry", KG_E_DB_AUTH,
      "Allow this client, user and database in the server's pg_hba.conf, or use another SSL mode." },
    { "28",    NULL,               KG_E_DB_AUTH, NULL },
    { "3D000", NULL,               KG_E_DB_NOT_FOUND, NULL },
    { "42501", "row-level security", KG_E_DB_PRIVILEGE, ADVICE_RLS },
    { "42501", NULL,               KG_E_DB_PRIVILEGE, NULL },
    { "55P03", NULL,               KG_E_DB_LOCKED, NULL },
    { "53300", NULL,               KG_E_DB_LIMIT, ADVICE_FULL },
    { "53200", "shared memory",    KG_E_DB_LIMIT, ADVICE_LOCKS },
    { "53100", NULL,               KG_E_DB_LIMIT, ADVICE_DISK },
    { "53",    NULL,               KG_E_DB_LIMIT, NULL },
    { "42P04", NULL,               KG_E_DB_NAME_TAKEN, NULL },
    { "40001", "recovery",         KG_E_DB_STANDBY, ADVICE_STANDBY },
    { "40P01", NULL,               KG_E_DB_LOCKED, NULL },
    { "57P03", NULL,               KG_E_DB_CONNECT, "Wait until the server has started, then try again." },
    { "57P",   NULL,               KG_E_DB_CLOSED, NULL },
    { "0A000", "SERIALIZABLE",     KG_E_DB_STANDBY, "Use repeatable read: a standby cannot run serializable transactions." },
    { "08P01", "startup parameter", KG_E_DB_POOLER, NULL },
    { "08P01", "pooler",           KG_E_DB_POOLER, NULL },
    { "08",    NULL,               KG_E_DB_CLOSED, NULL },
};

static const struct { const char *text; enum kg_code code; const char *advice; } texts[] = {
    { "unsupported startup parameter", KG_E_DB_POOLER, NULL },
    { "server version mismatch", KG_E_DB_VERSION, NULL },
    { "conflict with recovery", KG_E_DB_STANDBY, ADVICE_STANDBY },
    { "row-level security policy", KG_E_DB_PRIVILEGE, ADVICE_RLS },
    { "password authentication failed", KG_E_DB_AUTH, NULL },
    { "no password supplied", KG_E_DB_AUTH, NULL },
    { "no pg_hba.conf entry", KG_E_DB_AUTH, NULL },
    { "too many clients", KG_E_DB_LIMIT, ADVICE_FULL },
    { "too many connections", KG_E_DB_LIMIT, ADVICE_FULL },
    { "remaining connection slots", KG_E_DB_LIMIT, ADVICE_FULL },
    { "out of shared memory", KG_E_DB_LIMIT, ADVICE_LOCKS },
    { "max_locks_per_transaction", KG_E_DB_LIMIT, ADVICE_LOCKS },
    { "invalid snapshot identifier", KG_E_DB_POOLER, NULL },
    { "could not import the requested snapshot", KG_E_DB_POOLER, NULL },
    { "permission denied", KG_E_DB_PRIVILEGE, NULL },
    { "terminating connection", KG_E_DB_CLOSED, NULL },
    { "server closed the connection", KG_E_DB_CLOSED, NULL },
    { "connection to server was lost", KG_E_DB_CLOSED, NULL },
    { "lock timeout", KG_E_DB_LOCKED, NULL },
    { "due to statement timeout", KG_E_DB_LOCKED, NULL }, /* pg_dump's --lock-wait-timeout */
    { "Query was: LOCK TABLE", KG_E_DB_LOCKED, NULL },
    { "Connection refused", KG_E_DB_CONNECT, NULL },
    { "timeout expired", KG_E_DB_CONNECT, NULL },
    { "could not translate host name", KG_E_DB_CONNECT, NULL },
};

enum kg_code kg_pg_code_of_text(const char *text, enum kg_code otherwise, const char **ret_advice)
{
    *ret_advice = NULL;
    for (size_t i = 0; i < KG_ARRAY_LEN(texts); i++) {
        if (!strstr(text, texts[i].text))
            continue;
        *ret_advice = texts[i].advice;
        return texts[i].code;
    }
    return otherwise;
}

static enum kg_code code_of_state(const struct kg_pg_report *r, const char **ret_advice)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(states); i++) {
        if (strncmp(r->sqlstate, states[i].state, strlen(states[i].state)) != 0 ||
            (states[i].text && !(r->text && strstr(r->text, states[i].text))))
            continue;
        *ret_advice = states[i].advice;
        return states[i].code;
    }
    return KG_E_DB_ERROR;
}

/* keeps the promise of session.h: one code for one cause, whatever the server's language */
static enum kg_code code_of(const struct kg_pg_report *r, const char **ret_advice)
{
    enum kg_code code;

    *ret_advice = NULL;
    if (r->cancelled && r->sqlstate && strcmp(r->sqlstate, "57014") == 0)
        return KG_E_CANCELLED;
    if (r->sqlstate) {
        code = code_of_state(r, ret_advice);
        return r->connecting && code == KG_E_DB_CLOSED ? KG_E_DB_CONNECT : code;
    }
    code = kg_pg_code_of_text(r->text ? r->text : "", KG_E_DB_ERROR, ret_advice);
    if (r->connecting && (code == KG_E_DB_CLOSED || code == KG_E_DB_ERROR))
        return KG_E_DB_CONNECT;
    if (r->lost && code == KG_E_DB_ERROR)
        return KG_E_DB_CLOSED;
    return code;
}

/* One line, without the line break that libpq ends its messages with. */
static void add_line(struct kg_buf *b, const char *before, const char *s)
{
    size_t n = s ? strlen(s) : 0;

    while (n && (s[n - 1] == '\n' || s[n - 1] == '.' || s[n - 1] == ' '))
        n--;
    if (!n)
        return;
    KG_AUTO_FREE char *line = kg_xstrndup(s, n);
    for (char *p = line; (p = strpbrk(p, "\r\n\t")); )
        *p = ' ';
    kg_buf_adds(b, before);
    kg_text_add_printable(b, line);
}

int kg_pg_fail(const struct kg_pg_report *r, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 10);
    const char *advice;
    enum kg_code code = code_of(r, &advice);

    add_line(&b, "", r->text && *r->text ? r->text : "the server gave no reason");
    add_line(&b, "; ", r->detail);
    add_line(&b, "; hint: ", r->hint);
    add_line(&b, "; the server had warned: ", r->notice);
    kg_err_set(err, code, "%s%s%s%s", b.p, r->sqlstate ? " (SQLSTATE " : "", r->sqlstate ? r->sqlstate : "",
               r->sqlstate ? ")" : "");
    if (advice)
        kg_err_advise(err, "%s", advice);
    return -(int)code;
}

int kg_session_fail(struct kg_session *s, const PGresult *res, struct kg_err *err)
{
    struct kg_pg_report r = {
        .sqlstate = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL,
        .text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL,
        .detail = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL) : NULL,
        .hint = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_HINT) : NULL,
        .notice = s->notice,
        .lost = PQstatus(s->conn) == CONNECTION_BAD,
        .cancelled = atomic_load(&s->cancelled),
    };

    kg_text_copy(s->state, sizeof s->state, r.sqlstate ? r.sqlstate : "");
    if (!r.text)
        r.text = res && *PQresultErrorMessage(res) ? PQresultErrorMessage(res) : PQerrorMessage(s->conn);
    return kg_pg_fail(&r, err);
}

/* ---- what a program said ---- */

void kg_said_add(struct kg_buf *said, const void *data, size_t n)
{
    const char *p = data;

    if (n > KG_SAID_MAX) {
        p += n - KG_SAID_MAX;
        n = KG_SAID_MAX;
    }
    if (said->len + n > 2 * KG_SAID_MAX) {
        size_t drop = said->len - KG_SAID_MAX / 2;

        memmove(said->p, said->p + drop, said->len - drop);
        kg_buf_cut(said, said->len - drop);
    }
    kg_buf_add(said, p, n);
}

const char *kg_said_last_line(const struct kg_buf *said, char *out, size_t size)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 * KG_SAID_MAX);
    size_t end = said->len, from;

    while (end && strchr("\r\n \t", said->p[end - 1]))
        end--;
    for (from = end; from && said->p[from - 1] != '\n'; from--)
        ;
    KG_AUTO_FREE char *line = kg_xstrndup(said->p + from, end - from);
    kg_text_add_printable(&b, line);
    kg_text_copy(out, size, b.p);
    return out;
}

void kg_said_copy(const struct kg_buf *said, struct kg_buf *ret)
{
    size_t n = said->len;

    if (!ret)
        return;
    if (n > KG_SAID_MAX)
        n = KG_SAID_MAX;
    if (n > ret->max)
        n = ret->max;
    kg_buf_reset(ret);
    kg_buf_add(ret, said->p + said->len - n, n);
}
