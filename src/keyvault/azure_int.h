/* keyvault/azure_int.h - for azure's own files: what they share. */
#ifndef KG_KEYVAULT_AZURE_INT_H
#define KG_KEYVAULT_AZURE_INT_H

#include "json/json.h"
#include "keyvault/azure.h"
#include "keyvault/provider.h"
#include "keyvault/web.h"

struct kg_azure_cloud { const char *suffix, *audience, *login; };

struct kg_azure {
    struct kg_keyvault base;
    struct kg_azure_opts opts;
    const struct kg_azure_cloud *cloud;
    struct kg_web *web;
    struct kg_secret *token;
    kg_usec token_until;             /* monotonic */
    bool disabled;                   /* the last refusal was because of a version that is disabled */
};

/* Sends rq, and again while that may help. harmless: it changes nothing, so it may also be repeated when nobody knows whether
 * it arrived. What comes back is an answer that is none of 429 and 5xx. */
int kg_azure_send(struct kg_azure *a, const struct kg_web_request *rq, bool harmless, struct kg_web_answer *ret,
                  struct kg_err *err) KG_MUST_CHECK;
/* The body of an answer, which must be a JSON object. KG_E_NO_REPLY: never says what stood there. */
int kg_azure_json(const struct kg_web_answer *answer, const char *from, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* Overwrites a string in j: what was parsed is not in locked memory. */
void kg_azure_wipe(const struct kg_json *j, const char *path);
/* A name of Azure's for an error, from untrusted JSON: letters and digits only, else "". out: 64 bytes. */
const char *kg_azure_word(const struct kg_json *j, const char *path, char *out);

/* token.c: a->token is one that will do for a while. KG_E_SECRET_DENIED: there is none to be had. */
int kg_azure_need_token(struct kg_azure *a, struct kg_err *err) KG_MUST_CHECK;
void kg_azure_drop_token(struct kg_azure *a);

#endif
