/* Azure Key Vault's REST interface.
 *
 * (1) Nothing of an answer stands in a message but words of letters and digits that Azure has for its errors.
 * (2) A token goes to the key vault's own host only: links of an answer to other hosts are refused. */
#include "keyvault/azure_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

enum { TRIES = 5, PAGES_MAX = 100, NAME_MAX_ = 127, VERSION_MAX = 32 };
#define FIRST_WAIT (KG_SECOND / 2)
#define WAIT_MAX   (30 * KG_SECOND)   /* who asks for more gets no second request */
#define API "api-version=7.4"

static const struct kg_azure_cloud clouds[] = {
    { ".vault.azure.net", "vault.azure.net", "https://login.microsoftonline.com" },
    { ".vault.azure.cn", "vault.azure.cn", "https://login.partner.microsoftonline.cn" },
    { ".vault.usgovcloudapi.net", "vault.usgovcloudapi.net", "https://login.microsoftonline.us" },
};

static struct kg_azure *azure_of(struct kg_keyvault *kv) { return (struct kg_azure *)(void *)kv; }

/* ---- hosts ---- */

static const struct kg_azure_cloud *find_cloud(const char *vault_uri, const char *extra)
{
    const char *host = strstr(vault_uri, "://") ? strstr(vault_uri, "://") + 3 : vault_uri;
    size_t n = strcspn(host, "/"), name = strcspn(host, "/:");

    for (size_t i = 0; i < KG_ARRAY_LEN(clouds); i++) {
        size_t k = strlen(clouds[i].suffix);

        if (name > k && strncasecmp(host + name - k, clouds[i].suffix, k) == 0)
            return &clouds[i];
    }
    if (extra && *extra && (strlen(extra) == n || strlen(extra) == name) && strncasecmp(host, extra, strlen(extra)) == 0)
        return &clouds[0];
    return NULL;
}

int kg_azure_check_host(const char *vault_uri, const char *extra, struct kg_err *err)
{
    if (find_cloud(vault_uri, extra))
        return 0;
    kg_err_set(err, KG_E_DENIED, "'%.200s' is no host of Azure Key Vault, and gets no tokens", vault_uri);
    kg_err_advise(err, "Use https://NAME.vault.azure.net/, or name the host as azure_extra_host in the settings.");
    return -(int)err->code;
}

/* ---- requests ---- */

/* 410 is IMDS's while it is brought up to date. */
static bool is_busy(int status) { return status == 408 || status == 410 || status == 429 || status >= 500; }

/* May it be sent again? A PUT that was refused was not carried out; one that broke down may have been. */
static bool may_repeat(int status, enum kg_web_trouble trouble, bool harmless)
{
    if (trouble != KG_WEB_FINE)
        return trouble == KG_WEB_NOT_SENT || (trouble == KG_WEB_BROKEN && harmless);
    return status == 429 || status == 503 || (is_busy(status) && harmless);
}

static int still_busy(const char *url, const struct kg_web_answer *answer, struct kg_err *err)
{
    int n = (int)strcspn(url, "?");

    kg_err_set(err, KG_E_TIMEOUT, "'%.*s' is busy or out of order: HTTP status %d", n > 300 ? 300 : n, url, answer->status);
    if (answer->retry_after > 0)
        kg_err_advise(err, "Try again in %" PRId64 " seconds; it asked for that.", answer->retry_after / KG_SECOND + 1);
    return -(int)err->code;
}

int kg_azure_send(struct kg_azure *a, const struct kg_web_request *rq, bool harmless, struct kg_web_answer *ret, struct kg_err *err)
{
    kg_usec wait = a->opts.first_wait ? a->opts.first_wait : FIRST_WAIT;

    for (int try = 1;; try++, wait *= 2) {
        KG_AUTO_WEB_ANSWER struct kg_web_answer answer = { .retry_after = -1 };
        enum kg_web_trouble trouble;
        struct kg_err why = { 0 };
        kg_usec pause;
        int r = kg_web_exchange(a->web, rq, &answer, &trouble, &why);

        if (r == 0 && !is_busy(answer.status)) {
            *ret = answer;
            answer = (struct kg_web_answer){ 0 };
            return 0;
        }
        pause = r == 0 && answer.retry_after >= 0 ? answer.retry_after : wait;
        if (try == TRIES || pause > WAIT_MAX || !may_repeat(answer.status, trouble, harmless)) {
            if (r == 0)
                return still_busy(rq->url, &answer, err);
            *err = why;
            return r;
        }
        if (kg_web_pause(a->web, pause, err) < 0)
            return -(int)err->code;
    }
}

int kg_azure_json(const struct kg_web_answer *answer, const char *from, struct kg_json **ret, struct kg_err *err)
{
    struct kg_err why = { 0 };
    int r = answer->body ? kg_json_parse((const char *)kg_secret_open(answer->body), answer->len, ret, &why) : -1;

    if (answer->body)
        kg_secret_shut(answer->body);
    if (r == 0 && kg_json_type(*ret) == KG_JSON_OBJECT)
        return 0;
    return kg_err_set(err, KG_E_NO_REPLY, "'%.200s' did not answer with a JSON object", from); /* keeps (1) */
}

void kg_azure_wipe(const struct kg_json *j, const char *path)
{
    const char *s = kg_json_str(j, path);

    if (s)
        kg_wipe((void *)(uintptr_t)s, strlen(s));
}

const char *kg_azure_word(const struct kg_json *j, const char *path, char *out)
{
    const char *s = kg_json_str_or(j, path, "");
    size_t n = strlen(s);

    out[0] = '\0';
    if (n < 64 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n)
        memcpy(out, s, n + 1);
    return out;
}

/* What a refusal of the key vault means. */
static int refused(struct kg_azure *a, const struct kg_web_answer *answer, const char *what, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err unread = { 0 };
    char code[64], inner[64];
    const char *word;

    (void)!kg_azure_json(answer, a->opts.vault_uri, &j, &unread);
    (void)kg_azure_word(j, "error.code", code);
    word = *kg_azure_word(j, "error.innererror.code", inner) ? inner : code;
    if (answer->status == 404)
        return kg_err_set(err, KG_E_NO_SECRET, "key vault '%.200s' has no %s (%s)", a->opts.vault_uri, what, word);
    a->disabled = answer->status == 403 && strcasecmp(word, "SecretDisabled") == 0;
    if (a->disabled)
        return kg_err_set(err, KG_E_NO_SECRET, "%s in key vault '%.200s' is disabled", what, a->opts.vault_uri);
    if (answer->status == 403 && (strcasecmp(word, "ForbiddenByFirewall") == 0 || strcasecmp(word, "ForbiddenByConnection") == 0)) {
        kg_err_set(err, KG_E_NO_KEYVAULT, "the firewall of key vault '%.200s' does not let this machine in", a->opts.vault_uri);
        kg_err_advise(err, "Allow this machine's network in the key vault's networking settings.");
        return -(int)err->code;
    }
    if (answer->status == 401 || answer->status == 403)
        return kg_err_set(err, KG_E_SECRET_DENIED, "key vault '%.200s' denies %s: HTTP status %d %s", a->opts.vault_uri, what,
                          answer->status, word);
    if (answer->status >= 300 && answer->status < 400)
        return kg_err_set(err, KG_E_NO_REPLY, "key vault '%.200s' wants to send the request elsewhere, which is not followed",
                          a->opts.vault_uri);
    return kg_err_set(err, KG_E_NO_REPLY, "key vault '%.200s' refuses %s: HTTP status %d %s", a->opts.vault_uri, what, answer->status,
                      word);
}

struct body { const struct kg_secret *text; size_t len; };

/* One request with a token, and once more with a new one when that is refused. what: for messages. */
static int call_url(struct kg_azure *a, const char *method, const char *url, const struct body *body, const char *what,
                    struct kg_json **ret, struct kg_err *err)
{
    struct kg_web_request rq = { .method = method, .url = url, .type = "application/json" };
    bool harmless = strcmp(method, "GET") == 0;

    rq.once = !harmless;
    if (body) {
        rq.body = body->text;
        rq.body_len = body->len;
    }
    for (bool again = false;; again = true) {
        KG_AUTO_WEB_ANSWER struct kg_web_answer answer = { 0 };

        if (kg_azure_need_token(a, err) < 0)
            return -(int)err->code;
        rq.bearer = a->token;
        if (kg_azure_send(a, &rq, harmless, &answer, err) < 0)
            return -(int)err->code;
        if (answer.status == 200)
            return kg_azure_json(&answer, a->opts.vault_uri, ret, err);
        if (answer.status != 401 || again)
            return refused(a, &answer, what, err);
        kg_azure_drop_token(a);
    }
}

static int call(struct kg_azure *a, const char *method, const char *name, const char *version, const struct body *body,
                const char *what, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *url = kg_xprintf("%ssecrets/%s%s%s?" API, a->opts.vault_uri, name, version ? "/" : "", version ? version : "");

    return call_url(a, method, url, body, what, ret, err);
}

/* ---- secrets as they come ---- */

static bool is_name(const char *s, size_t n, size_t max)
{
    return n > 0 && n <= max &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") >= n;
}

static kg_usec moment(const struct kg_json *j, const char *path)
{
    uint64_t seconds = kg_json_u64(j, path, 0);

    return seconds > 253402300799 ? 0 : (kg_usec)seconds * KG_SECOND;
}

/* {id "https://host/secrets/NAME[/VERSION]", attributes{enabled, nbf, exp, created, updated}, contentType} */
static int read_item(struct kg_azure *a, const struct kg_json *j, const char *vault, struct kg_keyvault_item *ret, struct kg_err *err)
{
    const char *id = kg_json_str_or(j, "id", ""), *name = strstr(id, "/secrets/"), *version, *type = kg_json_str(j, "contentType");
    size_t n, k;

    name = name ? name + strlen("/secrets/") : "";
    n = strcspn(name, "/");
    version = name[n] ? name + n + 1 : "";
    k = strlen(version);
    if (!is_name(name, n, NAME_MAX_) || (k && !is_name(version, k, VERSION_MAX)))
        return kg_err_set(err, KG_E_NO_REPLY, "key vault '%.200s' answered with a secret that has no proper id", a->opts.vault_uri);
    if (type && (strlen(type) > 255 || !kg_utf8_valid(type, strlen(type))))
        type = NULL;
    *ret = (struct kg_keyvault_item){ .vault = kg_xstrdup(vault), .name = kg_xstrndup(name, n), .version = kg_xstrdup(version),
                                      .content_type = type ? kg_xstrdup(type) : NULL,
                                      .enabled = kg_json_bool(j, "attributes.enabled", true),
                                      .not_before = moment(j, "attributes.nbf"), .expires = moment(j, "attributes.exp"),
                                      .created = moment(j, "attributes.created"), .updated = moment(j, "attributes.updated") };
    return 0;
}

static int take_value(struct kg_azure *a, const struct kg_json *j, const char *what, struct kg_secret **ret, struct kg_err *err)
{
    const char *value = kg_json_str(j, "value");
    size_t n = value ? strlen(value) : 0;

    if (!n || n > KG_KEYVAULT_VALUE_MAX)
        return kg_err_set(err, KG_E_NO_REPLY, "key vault '%.200s' answered %s with a value of %zu bytes", a->opts.vault_uri, what, n);
    *ret = kg_secret_new_copy(value, n);
    return 0;
}

/* ---- lists ---- */

static int newest_first(const void *a, const void *b)
{
    const struct kg_keyvault_item *x = a, *y = b;

    return (x->created < y->created) - (x->created > y->created);
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct kg_keyvault_item *)a)->name, ((const struct kg_keyvault_item *)b)->name);
}

static int add_page(struct kg_azure *a, const struct kg_json *page, const char *vault, struct kg_keyvault_list *l, size_t *cap,
                    struct kg_err *err)
{
    const struct kg_json *value = kg_json_get(page, "value");

    for (const struct kg_json *c = kg_json_type(value) == KG_JSON_ARRAY ? kg_json_first(value) : NULL; c; c = kg_json_next(c)) {
        if (l->count == (size_t)PAGES_MAX * 25)
            return kg_err_set(err, KG_E_LIMIT, "the list of key vault '%.200s' does not end", a->opts.vault_uri);
        KG_GROW(l->items, l->count, *cap);
        if (read_item(a, c, vault, &l->items[l->count], err) < 0)
            return -(int)err->code;
        l->count++;
    }
    return 0;
}

/* Length of "host[:port]" in a URI, without the port that goes without saying. */
static size_t host_length(const char *host)
{
    size_t n = strcspn(host, "/?#");

    return n > 4 && memcmp(host + n - 4, ":443", 4) == 0 ? n - 4 : n;
}

/* Azure names its port in the links it gives. NULL: another host. keeps (2) */
static char *next_page(const struct kg_azure *a, const char *link)
{
    const char *own = a->opts.vault_uri + strlen("https://"), *host = link + strlen("https://");
    size_t n = host_length(own);

    if (!kg_starts_with_nocase(link, "https://") || host_length(host) != n || strncasecmp(host, own, n) != 0 ||
        host[strcspn(host, "/?#")] != '/')
        return NULL;
    return kg_xprintf("%s%s", a->opts.vault_uri, host + strcspn(host, "/") + 1);
}

/* Takes the URL of the first page. */
static int read_pages(struct kg_azure *a, char *first, const char *vault, const char *what, struct kg_keyvault_list *l,
                      struct kg_err *err)
{
    KG_AUTO_FREE char *url = first;
    size_t cap = 0;

    for (int pages = 0; url; pages++) {
        KG_AUTO_JSON struct kg_json *page = NULL;
        const char *next;

        if (pages == PAGES_MAX)
            return kg_err_set(err, KG_E_LIMIT, "the list of key vault '%.200s' does not end", a->opts.vault_uri);
        if (call_url(a, "GET", url, NULL, what, &page, err) < 0 || add_page(a, page, vault, l, &cap, err) < 0)
            return -(int)err->code;
        next = kg_json_str_or(page, "nextLink", "");
        free(url);
        url = *next ? next_page(a, next) : NULL;
        if (*next && !url)
            return kg_err_set(err, KG_E_NO_REPLY, "key vault '%.200s' continues its list at another host", a->opts.vault_uri);
    }
    return 0;
}

static int azure_list(struct kg_keyvault *kv, const char *vault, const char *name, const char *after, unsigned top,
                      struct kg_keyvault_list *ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list l = { 0 };
    struct kg_azure *a = azure_of(kv);
    KG_AUTO_FREE char *what = name ? kg_xprintf("the versions of secret '%s'", name) : kg_xstrdup("a list of secrets");
    char *url = kg_xprintf("%ssecrets%s%s%s?maxresults=25&" API, a->opts.vault_uri, name ? "/" : "", name ? name : "",
                           name ? "/versions" : "");

    (void)after;
    (void)top;
    if (read_pages(a, url, vault, what, &l, err) < 0)
        return -(int)err->code;
    if (l.count)
        qsort(l.items, l.count, sizeof *l.items, name ? newest_first : by_name);
    *ret = l;
    l = (struct kg_keyvault_list){ 0 };
    return 0;
}

/* ---- one secret ---- */

/* Without a version Azure gives the newest, and refuses when that is disabled. */
static int read_secret(struct kg_azure *a, const char *vault, const char *name, const char *version, struct kg_secret **ret,
                       bool *ret_unusable, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    KG_AUTO_FREE char *what = kg_xprintf("secret '%s'", name);
    KG_AUTO_JSON struct kg_json *j = NULL;
    char why[80];
    int r;

    a->disabled = false;
    r = call(a, "GET", name, version, NULL, what, &j, err);
    *ret_unusable = a->disabled;
    if (r < 0)
        return r;
    r = read_item(a, j, vault, &item, err);
    if (r == 0 && (strcasecmp(item.name, name) != 0 || (version && strcasecmp(item.version, version) != 0)))
        r = kg_err_set(err, KG_E_NO_REPLY, "key vault '%.200s' answered with another secret", a->opts.vault_uri);
    if (r == 0 && kg_keyvault_unusable(&item, kg_now_wall(), why)) {
        *ret_unusable = true;
        r = kg_err_set(err, KG_E_NO_SECRET, "version '%s' of secret '%s' in key vault '%.200s' %s", item.version, name,
                       a->opts.vault_uri, why);
    }
    if (r == 0)
        r = take_value(a, j, what, ret, err);
    kg_azure_wipe(j, "value");
    return r;
}

/* The newest one cannot be read: an older one may. */
static int read_older(struct kg_azure *a, const char *vault, const char *name, struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list l = { 0 };
    struct kg_err why = { 0 };
    char text[80];
    bool unusable;

    if (azure_list(&a->base, vault, name, NULL, 0, &l, &why) < 0) {
        if (why.code == KG_E_CANCELLED) {
            *err = why;
            return -(int)err->code;
        }
        return kg_err_wrap(err, "older versions cannot be listed"); /* what was wrong with the newest one is still in err */
    }
    for (size_t i = 0; i < l.count; i++)
        if (*l.items[i].version && !kg_keyvault_unusable(&l.items[i], kg_now_wall(), text)) {
            *err = (struct kg_err){ 0 };
            return read_secret(a, vault, name, l.items[i].version, ret, &unusable, err);
        }
    kg_err_wrap(err, "no version can be read now");
    kg_err_advise(err, "Set the secret again, or change the version's attributes.");
    return -(int)err->code;
}

static int azure_get(struct kg_keyvault *kv, const char *vault, const char *name, const char *version, struct kg_secret **ret,
                     struct kg_err *err)
{
    struct kg_azure *a = azure_of(kv);
    bool unusable = false;
    int r = read_secret(a, vault, name, version, ret, &unusable, err);

    return r < 0 && unusable && !version ? read_older(a, vault, name, ret, err) : r;
}

static int azure_show(struct kg_keyvault *kv, const char *vault, const char *name, const char *version, struct kg_keyvault_item *ret,
                      struct kg_err *err)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list l = { 0 };

    if (azure_list(kv, vault, name, NULL, 0, &l, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < l.count; i++)
        if (!version || strcasecmp(l.items[i].version, version) == 0) {
            *ret = l.items[i];
            l.items[i] = (struct kg_keyvault_item){ 0 };
            return 0;
        }
    return kg_err_set(err, KG_E_NO_SECRET, "key vault '%.200s' has no such version of secret '%s'", azure_of(kv)->opts.vault_uri, name);
}

/* ---- changing ---- */

static void set_moment(struct kg_json *j, const char *path, kg_usec at, bool clear)
{
    if (at)
        kg_json_set_u64(j, path, (uint64_t)(at / KG_SECOND));
    else if (clear)
        kg_json_set(j, path, NULL);
}

/* clear: what is not there is taken away, instead of not being said. */
static void attributes(const struct kg_keyvault_item *item, bool clear, struct kg_json *j)
{
    kg_json_set_bool(j, "attributes.enabled", item->enabled);
    set_moment(j, "attributes.nbf", item->not_before, clear);
    set_moment(j, "attributes.exp", item->expires, clear);
    if (item->content_type || clear)
        kg_json_set_str(j, "contentType", item->content_type);
}

/* Writes text as the inside of a JSON string; out holds six times n. */
static uint8_t *escape(uint8_t *out, const uint8_t *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        if (text[i] < 0x20) {
            memcpy(out, "\\u00", 4);
            out[4] = (uint8_t)hex[text[i] >> 4];
            out[5] = (uint8_t)hex[text[i] & 15];
            out += 6;
            continue;
        }
        if (text[i] == '"' || text[i] == '\\')
            *out++ = '\\';
        *out++ = text[i];
    }
    return out;
}

/* {"value":"…", and the rest as an ordinary document; value may be NULL. */
static int make_body(const struct kg_keyvault_item *item, const struct kg_secret *value, struct kg_secret **ret, size_t *ret_len,
                     struct kg_err *err)
{
    static const char head[] = "{\"value\":\"";
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    KG_AUTO_BUF struct kg_buf rest = KG_BUF_INIT(4096);
    size_t n = value ? kg_secret_size(value) : 0;
    uint8_t *start, *p;

    attributes(item, !value, j);
    kg_json_print(j, false, &rest);
    if (kg_buf_ok(&rest, err) < 0)
        return -(int)err->code;
    *ret = kg_secret_new(sizeof head + 6 * n + rest.len + 2);
    start = p = kg_secret_open_write(*ret);
    if (value) {
        memcpy(p, head, sizeof head - 1);
        p = escape(p + sizeof head - 1, kg_secret_open(value), n);
        kg_secret_shut(value);
        *p++ = '"';
        *p++ = ',';
    } else {
        *p++ = '{';
    }
    memcpy(p, rest.p + 1, rest.len - 1); /* without its own opening brace */
    *ret_len = (size_t)(p - start) + rest.len - 1;
    kg_secret_shut(*ret);
    return 0;
}

static int send_item(struct kg_azure *a, const char *method, const struct kg_keyvault_item *item, const char *version,
                     const struct kg_secret *value, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *what = kg_xprintf("a change of secret '%s'", item->name);
    KG_AUTO_SECRET struct kg_secret *text = NULL;
    struct body body = { 0 };

    if (make_body(item, value, &text, &body.len, err) < 0)
        return -(int)err->code;
    body.text = text;
    return call(a, method, item->name, version, &body, what, ret, err);
}

static int azure_set(struct kg_keyvault *kv, const struct kg_secret *value, struct kg_keyvault_item *item, struct kg_err *err)
{
    struct kg_azure *a = azure_of(kv);
    struct kg_keyvault_item made = { 0 };
    KG_AUTO_JSON struct kg_json *j = NULL;
    const char *text = (const char *)kg_secret_open(value);
    size_t n = kg_secret_size(value);
    bool fine = kg_utf8_valid(text, n) && !memchr(text, '\0', n);
    int r;

    kg_secret_shut(value);
    if (!fine)
        return kg_err_set(err, KG_E_USAGE, "a secret's value in Azure Key Vault is text");
    if (send_item(a, "PUT", item, NULL, value, &j, err) < 0)
        return -(int)err->code;
    r = read_item(a, j, item->vault, &made, err);
    kg_azure_wipe(j, "value"); /* the answer repeats it */
    if (r < 0)
        return r;
    kg_keyvault_item_done(item);
    *item = made;
    return 0;
}

static int azure_update(struct kg_keyvault *kv, const struct kg_keyvault_item *item, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;

    return send_item(azure_of(kv), "PATCH", item, item->version, NULL, &j, err);
}

static int azure_remove(struct kg_keyvault *kv, const char *vault, const char *name, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    KG_AUTO_FREE char *what = NULL;

    (void)vault;
    if (!name)
        return kg_err_set(err, KG_E_UNSUPPORTED, "an Azure Key Vault is emptied by its owners only");
    what = kg_xprintf("deleting secret '%s'", name);
    return call(azure_of(kv), "DELETE", name, NULL, NULL, what, &j, err);
}

static void azure_close(struct kg_keyvault *kv)
{
    struct kg_azure *a = azure_of(kv);

    kg_azure_drop_token(a);
    kg_web_close(a->web);
    free(a);
}

static const struct kg_keyvault_ops azure_ops = {
    .name = "azure",
    .set = azure_set,
    .get = azure_get,
    .show = azure_show,
    .update = azure_update,
    .list = azure_list,
    .remove = azure_remove,
    .close = azure_close,
};

int kg_keyvault_open_azure(const struct kg_azure_opts *o, struct kg_keyvault **ret, struct kg_err *err)
{
    struct kg_web_opts web = { .ca_file = o->ca_file, .timeout = o->timeout, .cancelled = o->cancelled, .ctx = o->ctx };
    struct kg_azure *a;

    if (kg_azure_check_host(o->vault_uri, o->extra_host, err) < 0)
        return -(int)err->code;
    if (o->client_secret && (!o->client_id || !o->tenant_id))
        return kg_err_set(err, KG_E_USAGE, "a client secret needs a client id and a tenant id");
    a = kg_xalloc(sizeof *a);
    a->base.ops = &azure_ops;
    a->opts = *o;
    a->cloud = find_cloud(o->vault_uri, o->extra_host);
    if (kg_web_open(&web, &a->web, err) < 0) {
        free(a);
        return -(int)err->code;
    }
    *ret = &a->base;
    return 0;
}
