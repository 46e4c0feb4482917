#include "pg/conninfo.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"

enum { VALUE_MAX = 25 * 1024, KEY_MAX = 64 };

void kg_conninfo_done(struct kg_conninfo *c)
{
    free(c->host);
    free(c->port);
    free(c->database);
    free(c->user);
    free(c->sslmode);
    free(c->sslrootcert);
    kg_secret_free(c->password);
    *c = (struct kg_conninfo){ 0 };
}

static int bad(struct kg_err *err, const char *what, const char *key)
{
    return kg_err_set(err, KG_E_SECRET_FORMAT, "the connection string %s%s%s%s", what, key ? " '" : "", key ? key : "",
                      key ? "'" : "");
}

/* ---- ADO.NET ---- */

enum field { F_HOST, F_PORT, F_DATABASE, F_USER, F_PASSWORD, F_SSLMODE, F_ROOT, F_TRUST, F_IGNORED };

/* Npgsql's keys and their synonyms; the ignored ones tune the client and say nothing of where or who. */
static const struct { const char *key; enum field field; } keys[] = {
    { "host", F_HOST }, { "server", F_HOST }, { "data source", F_HOST }, { "datasource", F_HOST }, { "addr", F_HOST },
    { "address", F_HOST }, { "network address", F_HOST },
    { "port", F_PORT },
    { "database", F_DATABASE }, { "db", F_DATABASE }, { "initial catalog", F_DATABASE },
    { "user id", F_USER }, { "userid", F_USER }, { "user", F_USER }, { "uid", F_USER }, { "user name", F_USER },
    { "username", F_USER },
    { "password", F_PASSWORD }, { "pwd", F_PASSWORD }, { "psw", F_PASSWORD },
    { "ssl mode", F_SSLMODE }, { "sslmode", F_SSLMODE },
    { "root certificate", F_ROOT }, { "rootcertificate", F_ROOT }, { "sslrootcert", F_ROOT },
    { "trust server certificate", F_TRUST }, { "trustservercertificate", F_TRUST },
    { "timeout", F_IGNORED }, { "command timeout", F_IGNORED }, { "commandtimeout", F_IGNORED },
    { "cancellation timeout", F_IGNORED }, { "internal command timeout", F_IGNORED }, { "pooling", F_IGNORED },
    { "minimum pool size", F_IGNORED }, { "maximum pool size", F_IGNORED }, { "min pool size", F_IGNORED },
    { "max pool size", F_IGNORED }, { "connection idle lifetime", F_IGNORED }, { "connection pruning interval", F_IGNORED },
    { "connection lifetime", F_IGNORED }, { "application name", F_IGNORED }, { "enlist", F_IGNORED },
    { "search path", F_IGNORED }, { "persist security info", F_IGNORED }, { "include error detail", F_IGNORED },
    { "keepalive", F_IGNORED }, { "tcp keepalive", F_IGNORED }, { "encoding", F_IGNORED }, { "client encoding", F_IGNORED },
    { "timezone", F_IGNORED }, { "no reset on close", F_IGNORED }, { "max auto prepare", F_IGNORED },
    { "auto prepare min usages", F_IGNORED }, { "read buffer size", F_IGNORED }, { "write buffer size", F_IGNORED },
    { "check certificate revocation", F_IGNORED }, { "include realm", F_IGNORED }, { "load table composites", F_IGNORED },
    { "load balance hosts", F_IGNORED }, { "target session attributes", F_IGNORED }, { "server compatibility mode", F_IGNORED },
};

static const struct { const char *text, *libpq; } ssl_modes[] = {
    { "disable", "disable" }, { "allow", "allow" }, { "prefer", "prefer" }, { "require", "require" },
    { "verifyca", "verify-ca" }, { "verify-ca", "verify-ca" }, { "verifyfull", "verify-full" }, { "verify-full", "verify-full" },
};

/* One "key=value" taken apart; both are wiped and freed by the caller, for either may be a misplaced password. */
struct pair { char key[KEY_MAX + 1]; char *value; size_t n; };

static int take_key(const char **at, const char *end, struct pair *p, struct kg_err *err)
{
    size_t n = 0;

    for (; *at < end; (*at)++) {
        char c = **at;

        if (c == ';')
            return bad(err, "has a key without a value", NULL);
        if (c == '=' && *at + 1 < end && (*at)[1] == '=')
            (*at)++;                     /* a doubled one is part of the key */
        else if (c == '=')
            break;
        if (n == KEY_MAX || (unsigned char)c < 0x20)
            return bad(err, "has a key that is not one", NULL);
        p->key[n++] = c;
    }
    if (*at == end)
        return bad(err, "has a key without a value", NULL);
    (*at)++;
    while (n && isspace((unsigned char)p->key[n - 1]))
        n--;
    p->key[n] = '\0';
    return n ? 0 : bad(err, "has a value without a key", NULL);
}

static int take_value(const char **at, const char *end, struct pair *p, struct kg_err *err)
{
    const char *s = *at;
    char quote;

    while (s < end && isspace((unsigned char)*s))
        s++;
    p->value = kg_xalloc((size_t)(end - s) + 1);
    p->n = 0;
    quote = s < end && (*s == '\'' || *s == '"') ? *s : '\0';
    if (quote) {
        for (s++;; s++) {
            if (s == end)
                return bad(err, "has an open quote at key", p->key);
            if (*s == quote && s + 1 < end && s[1] == quote)
                s++;
            else if (*s == quote)
                break;
            p->value[p->n++] = *s;
        }
        for (s++; s < end && *s != ';'; s++)
            if (!isspace((unsigned char)*s))
                return bad(err, "has something behind the quotes at key", p->key);
    } else {
        while (s < end && *s != ';')
            p->value[p->n++] = *s++;
        while (p->n && isspace((unsigned char)p->value[p->n - 1]))
            p->n--;
    }
    p->value[p->n] = '\0';
    *at = s < end ? s + 1 : s;
    return 0;
}

static void replace(char **at, const char *value)
{
    free(*at);
    *at = value && *value ? kg_xstrdup(value) : NULL;
}

static int set_port(struct kg_conninfo *c, const struct pair *p, struct kg_err *err)
{
    struct kg_err ignored = { 0 };
    uint64_t port;

    if (kg_parse_range(p->value, 1, 65535, &port, &ignored) < 0)
        return bad(err, "has no port number at key", p->key);
    replace(&c->port, p->value);
    return 0;
}

/* "h", or "h:p" and "tcp:h,p" as they come from other tools; a list of hosts is refused, because which of them is backed up
 * would be a matter of luck. */
static int set_host(struct kg_conninfo *c, const struct pair *p, struct kg_err *err)
{
    const char *colon = strrchr(p->value, ':');

    if (strchr(p->value, ','))
        return bad(err, "names several hosts at key", p->key);
    if (colon && p->value[0] != '/' && strchr(p->value, ':') == colon) {
        struct pair port = *p;

        port.value = p->value + (colon - p->value) + 1;
        if (set_port(c, &port, err) < 0)
            return -(int)err->code;
        free(c->host);
        c->host = kg_xstrndup(p->value, (size_t)(colon - p->value));
        return 0;
    }
    replace(&c->host, p->value);
    return 0;
}

static int set_sslmode(struct kg_conninfo *c, const struct pair *p, struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(ssl_modes); i++)
        if (strcasecmp(ssl_modes[i].text, p->value) == 0) {
            replace(&c->sslmode, ssl_modes[i].libpq);
            return 0;
        }
    return bad(err, "has no known mode at key", p->key);
}

static int set_field(struct kg_conninfo *c, const struct pair *p, struct kg_err *err)
{
    enum field f = F_IGNORED;
    size_t i;

    for (i = 0; i < KG_ARRAY_LEN(keys); i++)
        if (strcasecmp(keys[i].key, p->key) == 0)
            break;
    if (i == KG_ARRAY_LEN(keys))
        return bad(err, "has an unknown key", p->key);
    f = keys[i].field;
    if (memchr(p->value, '\0', p->n))
        return bad(err, "has a NUL at key", p->key);
    switch (f) {
    case F_HOST:
        return set_host(c, p, err);
    case F_PORT:
        return set_port(c, p, err);
    case F_SSLMODE:
        return set_sslmode(c, p, err);
    case F_DATABASE:
        replace(&c->database, p->value);
        return 0;
    case F_USER:
        replace(&c->user, p->value);
        return 0;
    case F_ROOT:
        replace(&c->sslrootcert, p->value);
        return 0;
    case F_PASSWORD:
        kg_secret_free(c->password);
        c->password = p->n ? kg_secret_new_copy(p->value, p->n) : NULL;
        return 0;
    case F_TRUST:                        /* the opposite of verifying, which sslmode says already */
    case F_IGNORED:
        return 0;
    }
    return 0;
}

static int parse_ado(const char *s, const char *end, struct kg_conninfo *c, struct kg_err *err)
{
    int r = 0;

    while (r == 0) {
        struct pair p = { .value = NULL };

        while (s < end && (isspace((unsigned char)*s) || *s == ';'))
            s++;
        if (s == end)
            break;
        r = take_key(&s, end, &p, err);
        if (r == 0)
            r = take_value(&s, end, &p, err);
        if (r == 0)
            r = set_field(c, &p, err);
        if (p.value) {
            kg_wipe(p.value, p.n);
            free(p.value);
        }
        kg_wipe(p.key, sizeof p.key);
    }
    return r;
}

/* ---- postgresql:// ---- */

static int set_option(struct kg_conninfo *c, const PQconninfoOption *o, struct kg_err *err)
{
    struct pair p = { .value = o->val, .n = strlen(o->val) };

    kg_text_copy(p.key, sizeof p.key, o->keyword);
    if (strcmp(o->keyword, "host") == 0)
        return strchr(o->val, ',') ? bad(err, "names several hosts at key", "host") : (replace(&c->host, o->val), 0);
    if (strcmp(o->keyword, "port") == 0)
        return set_port(c, &p, err);
    if (strcmp(o->keyword, "dbname") == 0)
        replace(&c->database, o->val);
    else if (strcmp(o->keyword, "user") == 0)
        replace(&c->user, o->val);
    else if (strcmp(o->keyword, "sslmode") == 0)
        return set_sslmode(c, &p, err);
    else if (strcmp(o->keyword, "sslrootcert") == 0)
        replace(&c->sslrootcert, o->val);
    else if (strcmp(o->keyword, "password") == 0)
        c->password = kg_secret_new_copy(o->val, p.n);
    else if (strcmp(o->keyword, "application_name") != 0 && strcmp(o->keyword, "connect_timeout") != 0)
        return bad(err, "has an option that is not supported:", o->keyword);
    return 0;
}

static int parse_uri(const char *text, struct kg_conninfo *c, struct kg_err *err)
{
    char *said = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &said);
    int r = 0;

    if (!options) {
        /* libpq's message may quote a part of the URI, so it is not repeated. */
        PQfreemem(said);
        return bad(err, "is not a valid postgresql:// URI", NULL);
    }
    for (PQconninfoOption *o = options; r == 0 && o->keyword; o++)
        if (o->val && *o->val)
            r = set_option(c, o, err);
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (o->val)
            kg_wipe(o->val, strlen(o->val));
    PQconninfoFree(options);
    return r;
}

int kg_conninfo_parse(const struct kg_secret *value, struct kg_conninfo *ret, struct kg_err *err)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    size_t n = kg_secret_size(value);
    const char *s;
    int r;

    if (n > VALUE_MAX)
        return bad(err, "is too long", NULL);
    s = (const char *)kg_secret_open(value);
    if (memchr(s, '\0', n))
        r = bad(err, "has a NUL in it", NULL);
    else if (kg_starts_with_nocase(s, "postgresql://") || kg_starts_with_nocase(s, "postgres://"))
        r = parse_uri(s, &c, err);
    else
        r = parse_ado(s, s + n, &c, err);
    kg_secret_shut(value);
    if (r == 0 && !c.user)
        r = bad(err, "names no user", NULL);
    if (r < 0)
        return r;
    *ret = c;
    c = (struct kg_conninfo){ 0 };
    return 0;
}
