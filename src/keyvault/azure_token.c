/* Tokens: from the machine's managed identity, or for a client secret. */
#include "keyvault/azure_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"

enum { TOKEN_MAX = 16 << 10, LIFE_MAX = 24 * 3600, EARLY = 300 };

static const char IMDS[] = "http://169.254.169.254";

static const char *or_default(const char *said, const char *otherwise) { return said && *said ? said : otherwise; }

/* Both endpoints say for how long in seconds; IMDS as text. */
static uint64_t life_of(const struct kg_json *j)
{
    const char *text = kg_json_str(j, "expires_in");
    struct kg_err ignored = { 0 };
    uint64_t n = 0;

    if (!text)
        n = kg_json_u64(j, "expires_in", 0);
    else if (kg_parse_u64(text, &n, &ignored) < 0)
        n = 0;
    return n > LIFE_MAX ? LIFE_MAX : n;
}

/* It becomes part of a header's line. */
static bool is_token(const char *t)
{
    size_t n = strnlen(t, TOKEN_MAX + 1);

    for (size_t i = 0; i < n; i++)
        if (t[i] < 0x21 || t[i] > 0x7e)
            return false;
    return n > 0 && n <= TOKEN_MAX;
}

/* A token is asked for again a while before it ends: some time passes until it is looked at, and clocks differ. */
static int take_token(struct kg_azure *a, const struct kg_json *j, const char *from, struct kg_err *err)
{
    const char *text = kg_json_str(j, "access_token");
    kg_usec life = (kg_usec)life_of(j) * KG_SECOND, early = EARLY * KG_SECOND;

    if (!text || !is_token(text) || !life)
        return kg_err_set(err, KG_E_NO_REPLY, "'%.200s' answered without a token", from);
    a->token = kg_secret_new_copy(text, strlen(text));
    a->token_until = kg_now_mono() + life - (early < life / 2 ? early : life / 2);
    return 0;
}

static int ask(struct kg_azure *a, const struct kg_web_request *rq, const char *from, const char *who, struct kg_err *err)
{
    KG_AUTO_WEB_ANSWER struct kg_web_answer answer = { 0 };
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err unread = { 0 };
    char word[64];
    int r;

    if (kg_azure_send(a, rq, true, &answer, err) < 0)
        return kg_err_wrap(err, "get a token");
    if (answer.status == 200) {
        if (kg_azure_json(&answer, from, &j, err) < 0)
            return -(int)err->code;
        r = take_token(a, j, from, err);
        kg_azure_wipe(j, "access_token");
        return r;
    }
    (void)!kg_azure_json(&answer, from, &j, &unread);
    kg_err_set(err, KG_E_SECRET_DENIED, "'%.200s' gives no token to %s: HTTP status %d %s", from, who, answer.status,
               kg_azure_word(j, "error", word));
    kg_err_advise(err, a->opts.client_secret ? "Check tenant, client id and client secret of the key vault's credential."
                                             : "Give this machine a managed identity, or the key vault a client secret.");
    return -(int)err->code;
}

static int ask_imds(struct kg_azure *a, struct kg_err *err)
{
    const char *from = or_default(a->opts.imds, IMDS);
    KG_AUTO_BUF struct kg_buf url = KG_BUF_INIT(4096);
    struct kg_web_request rq = { .method = "GET", .header = "Metadata: true", .plain = true };

    kg_buf_addf(&url, "%s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%%3A%%2F%%2F%s", from,
                a->cloud->audience);
    if (a->opts.client_id)
        kg_buf_addf(&url, "&client_id=%s", a->opts.client_id);
    if (kg_buf_ok(&url, err) < 0)
        return -(int)err->code;
    rq.url = url.p;
    return ask(a, &rq, from, "this machine's managed identity", err);
}

/* Appends text percent-encoded; returns the new end. out has three bytes for each. */
static uint8_t *encode(uint8_t *out, const uint8_t *text, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < n; i++) {
        uint8_t c = text[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c))) {
            *out++ = c;
            continue;
        }
        *out++ = '%';
        *out++ = (uint8_t)hex[c >> 4];
        *out++ = (uint8_t)hex[c & 15];
    }
    return out;
}

static int ask_login(struct kg_azure *a, struct kg_err *err)
{
    const struct kg_secret *secret = a->opts.client_secret;
    const char *from = or_default(a->opts.login, a->cloud->login);
    KG_AUTO_FREE char *url = kg_xprintf("%s/%s/oauth2/v2.0/token", from, a->opts.tenant_id);
    KG_AUTO_FREE char *who = kg_xprintf("client '%.40s'", a->opts.client_id);
    KG_AUTO_FREE char *head = kg_xprintf("grant_type=client_credentials&client_id=%s&scope=https%%3A%%2F%%2F%s%%2F.default&client_secret=",
                                         a->opts.client_id, a->cloud->audience);
    size_t n = kg_secret_size(secret), k = strlen(head);
    KG_AUTO_SECRET struct kg_secret *body = kg_secret_new(k + 3 * n);
    uint8_t *p = kg_secret_open_write(body);
    struct kg_web_request rq = { .method = "POST", .url = url, .type = "application/x-www-form-urlencoded", .body = body };

    memcpy(p, head, k);
    rq.body_len = (size_t)(encode(p + k, kg_secret_open(secret), n) - p);
    kg_secret_shut(secret);
    kg_secret_shut(body);
    return ask(a, &rq, from, who, err);
}

int kg_azure_need_token(struct kg_azure *a, struct kg_err *err)
{
    if (a->token && kg_now_mono() < a->token_until)
        return 0;
    kg_azure_drop_token(a);
    return a->opts.client_secret ? ask_login(a, err) : ask_imds(a, err);
}

void kg_azure_drop_token(struct kg_azure *a)
{
    kg_secret_free(a->token);
    a->token = NULL;
}
