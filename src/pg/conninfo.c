/* pg/conninfo.c - ADO.NET connection strings by .NET's own rules (DbConnectionStringBuilder), and libpq's URIs.
 *
 * 1. A piece of the input stands in no message except the name of a key, and not even that when the name may be the
 *    rest of a password: a ';' in an unquoted password makes one.
 * 2. Decoded values stand in a kg_secret until it is known that they are not the password. */
#include "pg/conninfo.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"

enum { VALUE_MAX = 32 << 10, KEY_MAX = 64 };

enum field { HOST, PORT, DATABASE, USER, PASSWORD, SSLMODE, SSLROOTCERT, TRUST, IGNORED };

/* Keys as Npgsql knows them; case and blanks do not count ("User Id" = "UserId"). */
static const struct { const char *key; enum field field; } keys[] = {
    { "server", HOST }, { "host", HOST }, { "datasource", HOST }, { "addr", HOST }, { "address", HOST },
    { "networkaddress", HOST },
    { "port", PORT },
    { "database", DATABASE }, { "db", DATABASE }, { "initialcatalog", DATABASE },
    { "userid", USER }, { "user", USER }, { "uid", USER }, { "username", USER },
    { "password", PASSWORD }, { "pwd", PASSWORD }, { "psw", PASSWORD },
    { "sslmode", SSLMODE },
    { "rootcertificate", SSLROOTCERT }, { "sslrootcert", SSLROOTCERT },
    { "trustservercertificate", TRUST },
    /* what tunes Npgsql itself and has no meaning here */
    { "timeout", IGNORED }, { "connectiontimeout", IGNORED }, { "commandtimeout", IGNORED },
    { "internalcommandtimeout", IGNORED }, { "cancellationtimeout", IGNORED }, { "pooling", IGNORED },
    { "minimumpoolsize", IGNORED }, { "minpoolsize", IGNORED }, { "maximumpoolsize", IGNORED }, { "maxpoolsize", IGNORED },
    { "connectionidlelifetime", IGNORED }, { "connectionpruninginterval", IGNORED }, { "connectionlifetime", IGNORED },
    { "keepalive", IGNORED }, { "tcpkeepalive", IGNORED }, { "tcpkeepalivetime", IGNORED },
    { "tcpkeepaliveinterval", IGNORED }, { "applicationname", IGNORED }, { "enlist", IGNORED }, { "searchpath", IGNORED },
    { "encoding", IGNORED }, { "clientencoding", IGNORED }, { "timezone", IGNORED }, { "includeerrordetail", IGNORED },
    { "includeerrordetails", IGNORED }, { "includefailedbatchedcommand", IGNORED }, { "logparameters", IGNORED },
    { "persistsecurityinfo", IGNORED }, { "readbuffersize", IGNORED }, { "writebuffersize", IGNORED },
    { "socketreceivebuffersize", IGNORED }, { "socketsendbuffersize", IGNORED }, { "maxautoprepare", IGNORED },
    { "autoprepareminusages", IGNORED }, { "noresetonclose", IGNORED }, { "loadtablecomposites", IGNORED },
    { "arraynullabilitymode", IGNORED }, { "targetsessionattributes", IGNORED }, { "loadbalancehosts", IGNORED },
    { "hostrecheckseconds", IGNORED }, { "checkcertificaterevocation", IGNORED }, { "includerealm", IGNORED },
    { "kerberosservicename", IGNORED }, { "integratedsecurity", IGNORED }, { "preloadreader", IGNORED },
    { "usesslstream", IGNORED }, { "servercompatibilitymode", IGNORED }, { "convertinfinitydatetime", IGNORED },
    { "multiplexing", IGNORED }, { "writecoalescingbufferthresholdbytes", IGNORED }, { "gssencryptionmode", IGNORED },
    { "channelbinding", IGNORED }, { "sslnegotiation", IGNORED }, { "compatible", IGNORED },
};

/* Npgsql's modes and libpq's words; Npgsql's have no hyphen, so that is left out of the comparison. */
static const struct { const char *text, *libpq; } ssl_modes[] = {
    { "disable", "disable" }, { "allow", "allow" }, { "prefer", "prefer" }, { "require", "require" },
    { "verifyca", "verify-ca" }, { "verifyfull", "verify-full" },
};

#define ADVICE "Store it as \"Server=…;Port=5432;Database=…;User Id=…;Password=…;Ssl Mode=Require\" or as a postgresql:// URI."

static int bad(struct kg_err *err, const char *what, const char *key)
{
    if (key)
        kg_err_set(err, KG_E_SECRET_FORMAT, "connection string, key '%s': %s", key, what);
    else
        kg_err_set(err, KG_E_SECRET_FORMAT, "connection string: %s", what);
    kg_err_advise(err, ADVICE);
    return -(int)err->code;
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_control(char c) { return (unsigned char)c < 0x20 || c == 0x7f; }

/* Lower case, without blanks. Hyphens and underlines too when bare is set. False when it does not fit. */
static bool squeeze(const char *s, bool bare, char *out, size_t size)
{
    size_t n = 0;

    for (; *s; s++) {
        if (is_blank(*s) || (bare && (*s == '-' || *s == '_')))
            continue;
        if (n + 1 >= size)
            return false;
        out[n++] = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
    }
    out[n] = '\0';
    return true;
}

static const char *ssl_mode(const char *text)
{
    char t[16];

    for (size_t i = 0; squeeze(text, true, t, sizeof t) && i < KG_ARRAY_LEN(ssl_modes); i++)
        if (strcmp(t, ssl_modes[i].text) == 0)
            return ssl_modes[i].libpq;
    return NULL;
}

static void replace(char **field, const char *value)
{
    free(*field);
    *field = *value ? kg_xstrdup(value) : NULL;
}

/* ---- what both forms share ---- */

static int set_port(struct kg_conninfo *c, const char *key, const char *value, struct kg_err *err)
{
    struct kg_err e = { 0 };
    uint64_t port;

    if (*value && kg_parse_range(value, 1, 65535, &port, &e) < 0)
        return bad(err, "a port is a number from 1 to 65535", key);
    replace(&c->port, value);
    return 0;
}

/* "host:5432" is Npgsql's way of saying both; an IPv6 address may stand in brackets. */
static int set_host(struct kg_conninfo *c, const char *key, const char *value, struct kg_err *err)
{
    const char *colon = strchr(value, ':');
    size_t n = strlen(value);

    if (strchr(value, ','))
        return bad(err, "several hosts are not supported, name one server", key);
    if (*value != '/' && strpbrk(value, " \t\r\n;="))
        return bad(err, "that is not a host name", key);
    if (*value == '[' && value[n - 1] == ']') {
        KG_AUTO_FREE char *inner = kg_xstrndup(value + 1, n - 2);

        replace(&c->host, inner);
        return 0;
    }
    if (*value != '/' && colon && !strchr(colon + 1, ':')) {
        KG_AUTO_FREE char *host = kg_xstrndup(value, (size_t)(colon - value));

        replace(&c->host, host);
        return set_port(c, key, colon + 1, err);
    }
    replace(&c->host, value);
    return 0;
}

static int set_field(struct kg_conninfo *c, enum field f, const char *key, const char *value, struct kg_err *err)
{
    struct kg_err e = { 0 };
    bool yes;

    if (f != PASSWORD && f != IGNORED && strpbrk(value, "\r\n"))
        return bad(err, "the value has a line break", key);
    switch (f) {
    case HOST:
        return set_host(c, key, value, err);
    case PORT:
        return set_port(c, key, value, err);
    case DATABASE:
        replace(&c->database, value);
        return 0;
    case USER:
        replace(&c->user, value);
        return 0;
    case PASSWORD:
        kg_secret_free(c->password);
        c->password = *value ? kg_secret_new_copy(value, strlen(value)) : NULL;
        return 0;
    case SSLMODE:
        if (*value && !ssl_mode(value))
            return bad(err, "the SSL modes are Disable, Allow, Prefer, Require, VerifyCA and VerifyFull", key);
        replace(&c->sslmode, *value ? ssl_mode(value) : "");
        return 0;
    case SSLROOTCERT:
        replace(&c->sslrootcert, value);
        return 0;
    case TRUST:
        /* Npgsql's Require and libpq's mean the same since Npgsql 8: encrypt, do not verify. So either value will do. */
        return *value && kg_parse_bool(value, &yes, &e) < 0 ? bad(err, "that is neither true nor false", key) : 0;
    case IGNORED:
        return 0;
    }
    return 0;
}

/* ---- ADO.NET ---- */

struct ado {
    const char *p, *end;
    char *value;                 /* as long as the input: in a secret */
    size_t value_n;
    char key[KEY_MAX + 1];
    bool after_password;         /* the key before was an unquoted password: keeps (1) */
    bool quoted;
};

/* key = up to the first '=' that is not doubled; "==" stands for one '='. */
static int read_key(struct ado *a, struct kg_err *err)
{
    size_t n = 0;

    for (;; a->p++) {
        if (a->p == a->end)
            return bad(err, a->after_password ? "a part without '=' behind the password (a ';' in a password needs quotes)"
                                              : "a part has no '='", NULL);
        if (*a->p == '=' && (a->p + 1 == a->end || a->p[1] != '='))
            break;
        if (*a->p == ';' && a->after_password)
            return bad(err, "a part without '=' behind the password (a ';' in a password needs quotes)", NULL);
        if (*a->p == '=')
            a->p++;
        if (is_control(*a->p) && !is_blank(*a->p))
            return bad(err, "a key has a control character", NULL);
        if (n == KEY_MAX)
            return bad(err, "a key is longer than any known one", NULL);
        a->key[n++] = *a->p;
    }
    a->p++;
    while (n && is_blank(a->key[n - 1]))
        n--;
    a->key[n] = '\0';
    return n ? 0 : bad(err, "a '=' has no key before it", NULL);
}

static int read_quoted(struct ado *a, const char *key, struct kg_err *err)
{
    char quote = *a->p++;

    for (;; a->p++) {
        if (a->p == a->end)
            return bad(err, "the closing quote is missing", key);
        if (*a->p == quote) {
            if (a->p + 1 == a->end || a->p[1] != quote)
                break;
            a->p++;
        }
        a->value[a->value_n++] = *a->p;
    }
    for (a->p++; a->p < a->end && is_blank(*a->p); a->p++)
        ;
    return a->p == a->end || *a->p == ';' ? 0 : bad(err, "text behind the closing quote", key);
}

static int read_value(struct ado *a, const char *key, struct kg_err *err)
{
    a->value_n = 0;
    while (a->p < a->end && is_blank(*a->p))
        a->p++;
    a->quoted = a->p < a->end && (*a->p == '"' || *a->p == '\'');
    if (a->quoted) {
        if (read_quoted(a, key, err) < 0)
            return -(int)err->code;
    } else {
        for (; a->p < a->end && *a->p != ';'; a->p++) {
            if (is_control(*a->p) && !is_blank(*a->p))
                return bad(err, "the value has a control character: put it in quotes", key);
            a->value[a->value_n++] = *a->p;
        }
        while (a->value_n && is_blank(a->value[a->value_n - 1]))
            a->value_n--;
        if (a->value_n && strchr("\"'", a->value[a->value_n - 1]))
            return bad(err, "a value that ends in a quote has to stand in quotes as a whole", key);
    }
    a->value[a->value_n] = '\0';
    if (a->p < a->end)
        a->p++; /* the ';' */
    return 0;
}

static int read_pair(struct ado *a, struct kg_conninfo *c, struct kg_err *err)
{
    char known[KEY_MAX + 1], shown[KEY_MAX + 1] = "";
    enum field f;
    size_t i;

    if (read_key(a, err) < 0)
        return -(int)err->code;
    if (!squeeze(a->key, false, known, sizeof known))
        known[0] = '\0';
    for (i = 0; i < KG_ARRAY_LEN(keys) && strcmp(known, keys[i].key) != 0; i++)
        ;
    if (i == KG_ARRAY_LEN(keys) && a->after_password)
        return bad(err, "the key behind the password is not known (a ';' in a password needs quotes)", NULL); /* keeps (1) */
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 * KEY_MAX);
    a->key[strcspn(a->key, "=;")] = '\0'; /* "Password==x;y" is a key as a whole: keeps (1) */
    kg_text_add_printable(&b, a->key);
    kg_text_copy(shown, sizeof shown, b.p);
    if (i == KG_ARRAY_LEN(keys))
        return bad(err, "it is not known", shown);
    f = keys[i].field;
    if (read_value(a, shown, err) < 0)
        return -(int)err->code;
    a->after_password = f == PASSWORD && !a->quoted;
    return set_field(c, f, shown, a->value, err);
}

static int parse_ado(const char *text, size_t n, struct kg_conninfo *c, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *room = kg_secret_new(n + 1); /* keeps (2) */
    struct ado a = { .p = text, .end = text + n, .value = (char *)kg_secret_open_write(room) };
    int r = 0;

    for (;;) {
        while (a.p < a.end && (is_blank(*a.p) || *a.p == ';'))
            a.p++;
        if (a.p == a.end || r < 0)
            break;
        r = read_pair(&a, c, err);
    }
    kg_secret_shut(room);
    return r;
}

/* ---- URIs ---- */

static const struct { const char *keyword; enum field field; } uri_fields[] = {
    { "host", HOST }, { "port", PORT }, { "dbname", DATABASE }, { "user", USER }, { "password", PASSWORD },
    { "sslmode", SSLMODE }, { "sslrootcert", SSLROOTCERT },
};

static int take_option(const PQconninfoOption *o, struct kg_conninfo *c, struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(uri_fields); i++) {
        if (strcmp(o->keyword, uri_fields[i].keyword) != 0)
            continue;
        if (uri_fields[i].field == PORT && strchr(o->val, ','))
            return bad(err, "several ports are not supported, name one server", o->keyword);
        return set_field(c, uri_fields[i].field, o->keyword, o->val, err);
    }
    return bad(err, "this option of a URI is not supported and would be lost", o->keyword);
}

/* libpq's message quotes what it did not understand: only the name of a parameter may be repeated, and only when no part
 * of a password can stand behind the '?'. keeps (1) */
static int bad_uri(const char *text, const char *said, struct kg_err *err)
{
    static const char head[] = "invalid URI query parameter: \"";
    const char *query = strchr(text, '?');
    char name[KEY_MAX + 1];

    if (said && query && !strchr(query, '@') && strncmp(said, head, sizeof head - 1) == 0) {
        KG_AUTO_FREE char *key = kg_xstrndup(said + sizeof head - 1, strcspn(said + sizeof head - 1, "\""));
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(VALUE_MAX * 4);

        kg_text_add_printable(&b, key);
        kg_text_copy(name, sizeof name, b.p);
        return bad(err, "this is no parameter of a URI", name);
    }
    return bad(err, "it is not a well-formed URI (special characters of a password are written as %XX)", NULL);
}

static int parse_uri(const char *text, struct kg_conninfo *c, struct kg_err *err)
{
    char *said = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &said), *o;
    int r = 0;

    if (!options)
        r = bad_uri(text, said, err);
    for (o = options; o && o->keyword; o++) {
        if (r == 0 && o->val)
            r = take_option(o, c, err);
        if (o->val)
            kg_wipe(o->val, strlen(o->val));
    }
    PQconninfoFree(options);
    if (said) {
        kg_wipe(said, strlen(said));
        PQfreemem(said);
    }
    return r;
}

/* ---- both ---- */

static int parse_text(const char *text, size_t n, struct kg_conninfo *c, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *copy = NULL;
    int r;

    if (memchr(text, '\0', n))
        return bad(err, "it has a NUL byte", NULL);
    while (n && is_blank(text[n - 1]))
        n--;
    while (n && is_blank(*text)) {
        text++;
        n--;
    }
    if (!n)
        return bad(err, "it is empty", NULL);
    if (n > VALUE_MAX)
        return bad(err, "it is longer than 32 KiB", NULL);
    if (!kg_starts_with_nocase(text, "postgresql://") && !kg_starts_with_nocase(text, "postgres://"))
        return parse_ado(text, n, c, err);
    copy = kg_secret_new_copy(text, n); /* without the blanks around it */
    r = parse_uri((const char *)kg_secret_open(copy), c, err);
    kg_secret_shut(copy);
    return r;
}

int kg_conninfo_parse(const struct kg_secret *value, struct kg_conninfo *ret, struct kg_err *err)
{
    struct kg_conninfo c = { 0 };
    int r = parse_text((const char *)kg_secret_open(value), kg_secret_size(value), &c, err);

    kg_secret_shut(value);
    if (r == 0 && !c.user)
        r = bad(err, "it names no user", NULL); /* or libpq would take the one that this process runs as */
    if (r < 0)
        kg_conninfo_done(&c);
    else
        *ret = c;
    return r;
}

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
