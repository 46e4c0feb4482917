/* pg/conninfo.c - ADO.NET connection strings by .NET's own rules (DbConnectionStringBuilder's state machine, Npgsql's keys),
 * libpq's URIs and its keyword strings.
 *
 * 1. A piece of the input stands in no message except the name of a key, and not even that when the name may be the
 *    rest of a password (a ';' in an unquoted password makes one), a URI of another kind, or a password as a whole.
 * 2. Decoded values stand in a kg_secret until it is known that they are not the password. */
#include "pg/conninfo.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"

enum { VALUE_MAX = 32 << 10, KEY_MAX = 64 };

enum field {
    HOST, PORT, DATABASE, USER, PASSWORD, SSLMODE, SSLROOTCERT, TRUST,
    OPTIONS,       /* settings of the session: keepgres makes its own; a role among them would be lost */
    BINDING,       /* asks for more than a password over TLS: ignored unless it is demanded */
    IGNORED,       /* tunes a driver, and has no meaning here */
    REFUSED,       /* known, has a meaning, and would be lost */
};

/* Keys as Npgsql knows them, and the aliases that other ADO.NET providers have for the same; case and blanks do not count
 * ("User Id" = "UserId"). */
static const struct { const char *key; enum field field; } keys[] = {
    { "host", HOST }, { "server", HOST }, { "datasource", HOST }, { "addr", HOST }, { "address", HOST },
    { "networkaddress", HOST },
    { "port", PORT },
    { "database", DATABASE }, { "db", DATABASE }, { "initialcatalog", DATABASE },
    { "username", USER }, { "userid", USER }, { "user", USER }, { "uid", USER },
    { "password", PASSWORD }, { "pwd", PASSWORD }, { "psw", PASSWORD },
    { "sslmode", SSLMODE },
    { "rootcertificate", SSLROOTCERT }, { "sslrootcert", SSLROOTCERT },
    { "trustservercertificate", TRUST },
    { "options", OPTIONS },
    { "channelbinding", BINDING }, { "gssencryptionmode", BINDING },
    { "timeout", IGNORED }, { "connectiontimeout", IGNORED }, { "connecttimeout", IGNORED }, { "commandtimeout", IGNORED },
    { "internalcommandtimeout", IGNORED }, { "cancellationtimeout", IGNORED }, { "pooling", IGNORED },
    { "minimumpoolsize", IGNORED }, { "minpoolsize", IGNORED }, { "maximumpoolsize", IGNORED }, { "maxpoolsize", IGNORED },
    { "connectionidlelifetime", IGNORED }, { "connectionpruninginterval", IGNORED }, { "connectionlifetime", IGNORED },
    { "loadbalancetimeout", IGNORED }, { "keepalive", IGNORED }, { "tcpkeepalive", IGNORED }, { "tcpkeepalivetime", IGNORED },
    { "tcpkeepaliveinterval", IGNORED }, { "applicationname", IGNORED }, { "enlist", IGNORED }, { "searchpath", IGNORED },
    { "encoding", IGNORED }, { "clientencoding", IGNORED }, { "timezone", IGNORED }, { "includeerrordetail", IGNORED },
    { "includeerrordetails", IGNORED }, { "includefailedbatchedcommand", IGNORED }, { "logparameters", IGNORED },
    { "persistsecurityinfo", IGNORED }, { "readbuffersize", IGNORED }, { "writebuffersize", IGNORED },
    { "socketreceivebuffersize", IGNORED }, { "socketsendbuffersize", IGNORED }, { "maxautoprepare", IGNORED },
    { "autoprepareminusages", IGNORED }, { "noresetonclose", IGNORED }, { "loadtablecomposites", IGNORED },
    { "arraynullabilitymode", IGNORED }, { "targetsessionattributes", IGNORED }, { "loadbalancehosts", IGNORED },
    { "hostrecheckseconds", IGNORED }, { "checkcertificaterevocation", IGNORED }, { "includerealm", IGNORED },
    { "kerberosservicename", IGNORED }, { "krbsrvname", IGNORED }, { "integratedsecurity", IGNORED },
    { "preloadreader", IGNORED }, { "usesslstream", IGNORED }, { "useperfcounters", IGNORED }, { "useextendedtypes", IGNORED },
    { "servercompatibilitymode", IGNORED }, { "convertinfinitydatetime", IGNORED }, { "backendtimeouts", IGNORED },
    { "continuousprocessing", IGNORED }, { "multiplexing", IGNORED }, { "writecoalescingbufferthresholdbytes", IGNORED },
    { "sslnegotiation", IGNORED }, { "compatible", IGNORED }, { "protocol", IGNORED }, { "syncnotification", IGNORED },
    { "passfile", REFUSED }, { "sslcertificate", REFUSED }, { "clientcertificate", REFUSED }, { "sslkey", REFUSED },
    { "clientcertificatekey", REFUSED }, { "sslpassword", REFUSED }, { "requireauth", REFUSED }, { "replicationmode", REFUSED },
};

/* libpq's keywords. What stands in neither list is refused by libpq itself or by take_option(). */
static const struct { const char *keyword; enum field field; } pq_fields[] = {
    { "host", HOST }, { "port", PORT }, { "dbname", DATABASE }, { "user", USER }, { "password", PASSWORD },
    { "sslmode", SSLMODE }, { "sslrootcert", SSLROOTCERT }, { "options", OPTIONS },
    { "channel_binding", BINDING }, { "gssencmode", BINDING },
    { "connect_timeout", IGNORED }, { "application_name", IGNORED }, { "fallback_application_name", IGNORED },
    { "client_encoding", IGNORED }, { "keepalives", IGNORED }, { "keepalives_idle", IGNORED },
    { "keepalives_interval", IGNORED }, { "keepalives_count", IGNORED }, { "tcp_user_timeout", IGNORED },
    { "target_session_attrs", IGNORED }, { "sslcompression", IGNORED }, { "sslsni", IGNORED }, { "krbsrvname", IGNORED },
    { "hostaddr", REFUSED }, { "service", REFUSED }, { "passfile", REFUSED }, { "sslcert", REFUSED }, { "sslkey", REFUSED },
    { "sslpassword", REFUSED }, { "sslcrl", REFUSED }, { "sslcrldir", REFUSED }, { "requirepeer", REFUSED },
    { "replication", REFUSED }, { "gsslib", REFUSED }, { "ssl_min_protocol_version", REFUSED },
    { "ssl_max_protocol_version", REFUSED },
};

/* Npgsql's modes, their numbers (.NET takes those of an enum, too) and libpq's words; Npgsql's have no hyphen, so that is left
 * out of the comparison. */
static const struct { const char *text, *number, *libpq; } ssl_modes[] = {
    { "disable", "0", "disable" }, { "allow", "1", "allow" }, { "prefer", "2", "prefer" }, { "require", "3", "require" },
    { "verifyca", "4", "verify-ca" }, { "verifyfull", "5", "verify-full" },
};

/* What was read so far. A port behind the host is stronger than the key for it, wherever they stand. */
struct reading {
    struct kg_conninfo c;
    char *host_port;
};

static void reading_done(struct reading *r)
{
    kg_conninfo_done(&r->c);
    free(r->host_port);
    r->host_port = NULL;
}

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

/* How many bytes long the white space at p is, as .NET knows it (char.IsWhiteSpace); 0: there is none. */
static size_t blank_at(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);

    if (left && is_blank(*p))
        return 1;
    if (left >= 2 && u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
        return 2;
    if (left < 3)
        return 0;
    if ((u[0] == 0xe1 && u[1] == 0x9a && u[2] == 0x80) || (u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80) ||
        (u[0] == 0xe2 && u[1] == 0x81 && u[2] == 0x9f))
        return 3;
    return u[0] == 0xe2 && u[1] == 0x80 && ((u[2] >= 0x80 && u[2] <= 0x8a) || u[2] == 0xa8 || u[2] == 0xa9 || u[2] == 0xaf) ? 3 : 0;
}

/* A control character that is no white space; those beyond ASCII count, too. */
static bool is_control_at(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;

    if (blank_at(p, end))
        return false;
    return *u < 0x20 || *u == 0x7f || (end - p >= 2 && u[0] == 0xc2 && u[1] >= 0x80 && u[1] <= 0x9f);
}

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
        if (strcmp(t, ssl_modes[i].text) == 0 || strcmp(t, ssl_modes[i].number) == 0)
            return ssl_modes[i].libpq;
    return NULL;
}

static void replace(char **field, const char *value)
{
    free(*field);
    *field = *value ? kg_xstrdup(value) : NULL;
}

/* ---- what both forms share ---- */

static int set_port(char **field, const char *key, const char *value, struct kg_err *err)
{
    struct kg_err e = { 0 };
    uint64_t port;

    if (*value && kg_parse_range(value, 1, 65535, &port, &e) < 0)
        return bad(err, "a port is a number from 1 to 65535", key);
    replace(field, value);
    return 0;
}

/* "host:5432" is Npgsql's way of saying both; an IPv6 address may stand in brackets, and must with a port behind it. */
static int set_host(struct reading *r, const char *key, const char *value, struct kg_err *err)
{
    const char *bracket = *value == '[' ? strchr(value, ']') : NULL, *colon = strchr(bracket ? bracket : value, ':');
    KG_AUTO_FREE char *host = NULL;

    replace(&r->host_port, "");
    if (strchr(value, ','))
        return bad(err, "several hosts are not supported, name one server", key);
    if (*value == '/') {
        replace(&r->c.host, value);
        return 0;
    }
    if (strpbrk(value, " \t\r\n;=/@?'\"\\") || (*value == '[' && (!bracket || (bracket[1] && bracket[1] != ':'))))
        return bad(err, "that is not a host name", key);
    if (!bracket && colon && strchr(colon + 1, ':'))
        colon = NULL; /* an IPv6 address as it is */
    if (bracket)
        host = kg_xstrndup(value + 1, (size_t)(bracket - value - 1));
    else
        host = colon ? kg_xstrndup(value, (size_t)(colon - value)) : kg_xstrdup(value);
    if (*value && !*host)
        return bad(err, "that is not a host name", key);
    replace(&r->c.host, host);
    return colon ? set_port(&r->host_port, key, colon + 1, err) : 0;
}

static int set_field(struct reading *r, enum field f, const char *key, const char *value, struct kg_err *err)
{
    struct kg_conninfo *c = &r->c;
    struct kg_err e = { 0 };
    bool yes;

    if (f != PASSWORD && f != IGNORED && strpbrk(value, "\r\n"))
        return bad(err, "the value has a line break", key);
    switch (f) {
    case HOST:
        return set_host(r, key, value, err);
    case PORT:
        return set_port(&c->port, key, value, err);
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
    case OPTIONS:
        return strcasestr(value, "role") || strcasestr(value, "session_authorization")
                   ? bad(err, "another role is not supported: name the user who reads", key) : 0;
    case BINDING:
        return strcasecmp(value, "require") == 0 ? bad(err, "'require' is not supported and would be lost", key) : 0;
    case IGNORED:
        return 0;
    case REFUSED:
        break;
    }
    return bad(err, "it is not supported and would be lost", key);
}

/* ---- ADO.NET ---- */

struct ado {
    const char *p, *end;
    bool has_keys;               /* there are keys that are known: it is a connection string */
    char *value;                 /* as long as the input: in a secret */
    size_t value_n;
    char key[KEY_MAX + 1];
    bool after_password;         /* the key before was an unquoted password: keeps (1) */
    bool quoted;
};

/* Its place among the keys; -1: it is none. */
static int find_key(const char *key)
{
    char bare[KEY_MAX + 1];

    for (size_t i = 0; squeeze(key, false, bare, sizeof bare) && i < KG_ARRAY_LEN(keys); i++)
        if (strcmp(bare, keys[i].key) == 0)
            return (int)i;
    return -1;
}

/* Does a known key stand before any '='? Quotes do not count here: it is only for what a message may tell. */
static bool has_keys(const char *p)
{
    char key[KEY_MAX + 1];

    for (; *p; p += *p == ';') {
        size_t n = strcspn(p, ";="), k = n < KEY_MAX ? n : 0;

        memcpy(key, p, k);
        key[k] = '\0';
        if (p[n] == '=' && find_key(key) >= 0)
            return true;
        p += strcspn(p, ";");
    }
    return false;
}

/* What a key that nobody knows looks like when it was meant to be one. */
static bool is_word(const char *key)
{
    return key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.")] == '\0';
}

/* key = up to the first '=' that is not doubled; "==" stands for one '='. A ';' belongs to it, as in .NET. */
static int read_key(struct ado *a, struct kg_err *err)
{
    size_t n = 0, used = 0;     /* used: up to the last one that is not blank */

    for (; a->p < a->end; a->p++) {
        size_t blank = blank_at(a->p, a->end);

        if (*a->p == '=' && (a->p + 1 == a->end || a->p[1] != '='))
            break;
        if (*a->p == ';' && a->after_password)
            return bad(err, "a part without '=' behind the password (a ';' in a password needs quotes)", NULL);
        if (*a->p == '=')
            a->p++;
        if (is_control_at(a->p, a->end))
            return bad(err, "a key has a control character", NULL);
        if (n + 3 > KEY_MAX)
            return bad(err, "a key is longer than any known one", NULL);
        a->key[n++] = *a->p;
        for (size_t i = 1; i < blank; i++)
            a->key[n++] = *++a->p;
        if (!blank)
            used = n;
    }
    if (a->p == a->end)
        return bad(err, a->after_password ? "a part without '=' behind the password (a ';' in a password needs quotes)"
                                          : "a part has no '='", NULL);
    a->p++;
    a->key[used] = '\0';
    return used ? 0 : bad(err, "a '=' has no key before it", NULL);
}

static void skip_blanks(struct ado *a)
{
    for (size_t n; (n = blank_at(a->p, a->end));)
        a->p += n;
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
    a->p++;
    skip_blanks(a);
    return a->p == a->end || *a->p == ';' ? 0 : bad(err, "text behind the closing quote", key);
}

static int read_unquoted(struct ado *a, const char *key, struct kg_err *err)
{
    size_t used = 0;

    while (a->p < a->end && *a->p != ';') {
        size_t blank = blank_at(a->p, a->end), n = blank ? blank : 1;

        if (is_control_at(a->p, a->end))
            return bad(err, "the value has a control character: put it in quotes", key);
        memcpy(a->value + a->value_n, a->p, n);
        a->value_n += n;
        a->p += n;
        if (!blank)
            used = a->value_n;
    }
    a->value_n = used;
    if (used && strchr("\"'", a->value[used - 1]))
        return bad(err, "a value that ends in a quote has to stand in quotes as a whole", key);
    return 0;
}

static int read_value(struct ado *a, const char *key, struct kg_err *err)
{
    a->value_n = 0;
    skip_blanks(a);
    a->quoted = a->p < a->end && (*a->p == '"' || *a->p == '\'');
    if ((a->quoted ? read_quoted(a, key, err) : read_unquoted(a, key, err)) < 0)
        return -(int)err->code;
    a->value[a->value_n] = '\0';
    if (a->p < a->end)
        a->p++; /* the ';' */
    return 0;
}

/* keeps (1) */
static int not_known(const struct ado *a, const char *shown, struct kg_err *err)
{
    if (a->after_password)
        return bad(err, "the key behind the password is not known (a ';' in a password needs quotes)", NULL);
    if (!a->has_keys || !is_word(shown))
        return bad(err, "it begins with no key that is known: it is of another kind, or no connection string at all", NULL);
    return bad(err, "it is not known", shown);
}

static int read_pair(struct ado *a, struct reading *r, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 * KEY_MAX);
    char shown[KEY_MAX + 1] = "";
    enum field f;
    int known;

    if (read_key(a, err) < 0)
        return -(int)err->code;
    known = find_key(a->key);
    a->key[strcspn(a->key, "=;")] = '\0'; /* "Password==x;y" is a key as a whole: keeps (1) */
    kg_text_add_printable(&b, a->key);
    kg_text_copy(shown, sizeof shown, b.p);
    if (known < 0)
        return not_known(a, shown, err);
    f = keys[known].field;
    if (read_value(a, shown, err) < 0)
        return -(int)err->code;
    a->after_password = f == PASSWORD && !a->quoted;
    return set_field(r, f, shown, a->value, err);
}

static int parse_ado(const char *text, size_t n, struct reading *ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *room = kg_secret_new(n + 1); /* keeps (2) */
    struct ado a = { .p = text, .end = text + n, .has_keys = has_keys(text), .value = (char *)kg_secret_open_write(room) };
    int r = 0;

    for (;;) {
        for (skip_blanks(&a); a.p < a.end && *a.p == ';'; skip_blanks(&a))
            a.p++;
        if (a.p == a.end || r < 0)
            break;
        r = read_pair(&a, ret, err);
    }
    kg_secret_shut(room);
    return r;
}

/* ---- libpq's own forms ---- */

static int take_option(const PQconninfoOption *o, struct reading *r, struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(pq_fields); i++) {
        if (strcmp(o->keyword, pq_fields[i].keyword) != 0)
            continue;
        if (pq_fields[i].field == PORT && strchr(o->val, ','))
            return bad(err, "several ports are not supported, name one server", o->keyword);
        if (pq_fields[i].field == HOST && strchr(o->val, ':') && !strchr(o->val, ',')) {
            replace(&r->c.host, o->val); /* an IPv6 address: here a port never stands behind it */
            return 0;
        }
        return set_field(r, pq_fields[i].field, o->keyword, o->val, err);
    }
    return bad(err, "it is not supported and would be lost", o->keyword);
}

/* libpq's message quotes what it did not understand: only the name of a parameter may be repeated, and only when no part
 * of a password can stand before it or, in a URI, when no part of one can stand behind the '?'. keeps (1) */
static int bad_libpq(const char *text, bool uri, const char *said, struct kg_err *err)
{
    const char *head = uri ? "invalid URI query parameter: \"" : "invalid connection option \"";
    const char *where = uri ? strchr(text, '?') : text;
    char name[KEY_MAX + 1];

    if (said && where && !strcasestr(where, "pass") && !(uri && strchr(where, '@')) && strncmp(said, head, strlen(head)) == 0) {
        const char *key_at = said + strlen(head);
        KG_AUTO_FREE char *key = kg_xstrndup(key_at, strcspn(key_at, "\""));
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(VALUE_MAX * 4);

        kg_text_add_printable(&b, key);
        kg_text_copy(name, sizeof name, b.p);
        return bad(err, uri ? "this is no parameter of a URI" : "it is not known", name);
    }
    return bad(err, uri ? "it is not a well-formed URI (special characters of a password are written as %XX)"
                        : "it is not a well-formed keyword string (values with blanks are written in single quotes)", NULL);
}

static int parse_libpq(const char *text, bool uri, struct reading *ret, struct kg_err *err)
{
    char *said = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &said), *o;
    int r = 0;

    if (!options)
        r = bad_libpq(text, uri, said, err);
    for (o = options; o && o->keyword; o++) {
        if (r == 0 && o->val)
            r = take_option(o, ret, err);
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

/* Past blanks, one of libpq's keywords, and its '='. NULL: something else stands there. */
static const char *pass_keyword(const char *p)
{
    size_t n;

    while (is_blank(*p))
        p++;
    n = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
    for (size_t i = 0; i < KG_ARRAY_LEN(pq_fields); i++)
        if (n == strlen(pq_fields[i].keyword) && memcmp(p, pq_fields[i].keyword, n) == 0) {
            for (p += n; is_blank(*p); p++)
                ;
            return *p == '=' ? p + 1 : NULL;
        }
    return NULL;
}

/* "host=h user=u …": a keyword, a value without ';', blanks, another keyword. */
static bool looks_like_keywords(const char *text)
{
    const char *p = pass_keyword(text);
    bool quoted;

    if (!p)
        return false;
    while (is_blank(*p))
        p++;
    quoted = *p == '\'';
    for (p += quoted; *p && (quoted ? *p != '\'' : !is_blank(*p)); p++) {
        if (*p == ';' && !quoted)
            return false;
        if (*p == '\\' && p[1])
            p++;
    }
    p += quoted && *p;
    return is_blank(*p) && pass_keyword(p);
}

/* A string that can be read both ways ("user=a password=b" is one pair to .NET, too) is libpq's, unless it has a ';' and
 * makes sense to .NET. */
static bool is_keywords(const char *text, size_t n)
{
    KG_CLEANUP(reading_done) struct reading trial = { 0 };
    struct kg_err why = { 0 };

    return looks_like_keywords(text) && (!strchr(text, ';') || parse_ado(text, n, &trial, &why) < 0);
}

/* ---- all forms ---- */

static int parse_text(const char *text, size_t n, struct reading *ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *copy = NULL;
    bool uri;
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
    copy = kg_secret_new_copy(text, n); /* without the blanks around it, and ended by a NUL */
    text = (const char *)kg_secret_open(copy);
    uri = kg_starts_with_nocase(text, "postgresql://") || kg_starts_with_nocase(text, "postgres://");
    r = uri || is_keywords(text, n) ? parse_libpq(text, uri, ret, err) : parse_ado(text, n, ret, err);
    kg_secret_shut(copy);
    return r;
}

int kg_conninfo_parse(const struct kg_secret *value, struct kg_conninfo *ret, struct kg_err *err)
{
    KG_CLEANUP(reading_done) struct reading read = { 0 };
    int r = parse_text((const char *)kg_secret_open(value), kg_secret_size(value), &read, err);

    kg_secret_shut(value);
    if (r < 0)
        return r;
    if (!read.c.user)
        return bad(err, "it names no user", NULL); /* or libpq would take the one that this process runs as */
    if (read.host_port)
        replace(&read.c.port, read.host_port);
    *ret = read.c;
    read.c = (struct kg_conninfo){ 0 };
    return 0;
}

/* ---- the server that it is used for ---- */

/* Names of one host: case does not count, nor the dot that ends a full name, nor the slash that ends a directory. */
static bool is_same_host(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    char mark = *a == '/' ? '/' : '.';

    if (n > 1 && a[n - 1] == mark)
        n--;
    if (m > 1 && b[m - 1] == mark)
        m--;
    return n == m && (*a == '/' ? strncmp(a, b, n) : strncasecmp(a, b, n)) == 0;
}

/* A port that nothing names is any. */
static bool is_same_port(const char *text, unsigned port)
{
    struct kg_err ignored = { 0 };
    uint64_t n = 0;

    return !text || !port || (kg_parse_u64(text, &n, &ignored) == 0 && n == port);
}

/* How much an SSL mode demands; nothing said demands nothing. */
static size_t strictness(const char *mode)
{
    for (size_t i = 0; mode && i < KG_ARRAY_LEN(ssl_modes); i++)
        if (strcmp(mode, ssl_modes[i].libpq) == 0)
            return i + 1;
    return 0;
}

int kg_conninfo_aim(struct kg_conninfo *c, const char *host, unsigned port, const char *sslmode, struct kg_err *err)
{
    char number[16] = "";

    if (port)
        snprintf(number, sizeof number, "%u", port);
    if ((host && c->host && !is_same_host(host, c->host)) || !is_same_port(c->port, port)) {
        kg_err_set(err, KG_E_SECRET_SERVER, "the secret is for server '%.200s', port %.8s, not for '%.200s', port %s",
                   c->host ? c->host : host ? host : "localhost", c->port ? c->port : "any", host ? host : c->host ? c->host : "localhost",
                   port ? number : "any");
        kg_err_advise(err, "Name a secret whose connection string says Server=%.200s;Port=%s, or no server at all.",
                      host ? host : "localhost", port ? number : "5432");
        return -(int)err->code;
    }
    if (host)
        replace(&c->host, host);
    if (port)
        replace(&c->port, number);
    if (sslmode && strictness(sslmode) > strictness(c->sslmode))
        replace(&c->sslmode, sslmode);
    return 0;
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
