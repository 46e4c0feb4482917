/* keyvault/azure.h - the provider "azure": an Azure Key Vault over its REST interface (api-version 7.4).
 *
 * Blocks for as long as the network does, so it is for workers. What can be tried again is: answers 429 and 5xx after the
 * time that Retry-After says, or a growing one, a few times; a 401 once, with a new token. Tokens come from the machine's
 * managed identity (IMDS), or for a client secret from the login endpoint; one is kept until shortly before it expires, as
 * long as the provider is open. A token is sent to hosts of Azure's own domains only (and the one that a setting adds),
 * never over a redirect, never without a verified certificate.
 *
 * In kg_keyvault_list() after is not looked at, and the whole list comes at once: KG_E_LIMIT beyond 2,500 entries.
 * The argument vault of kg_keyvault_...() goes into what is returned and is not sent. */
#ifndef KG_KEYVAULT_AZURE_H
#define KG_KEYVAULT_AZURE_H

#include <stdbool.h>
#include "keyvault/keyvault.h"

struct kg_azure_opts {              /* text and secret are borrowed until the provider is closed */
    const char *vault_uri;          /* "https://host[:port]/" */
    const char *client_id;          /* of the application, or of a user-assigned identity; NULL: the system-assigned one */
    const char *tenant_id;          /* with a client secret */
    const struct kg_secret *client_secret; /* NULL: managed identity */
    const char *imds;               /* NULL or "": http://169.254.169.254 */
    const char *login;              /* NULL or "": the cloud's own, https://login.microsoftonline.com */
    const char *ca_file;            /* NULL or "": the system's certificates */
    const char *extra_host;         /* one more host that is trusted with tokens; NULL or "": none */
    kg_usec timeout;                /* of one request; 0: 30 seconds */
    kg_usec first_wait;             /* before the first repetition, then twice that; 0: half a second */
    bool (*cancelled)(void *ctx);   /* or NULL */
    void *ctx;
};

/* Is it a host of Azure Key Vault, or extra ("name" or "name:port")? KG_E_DENIED otherwise. */
int kg_azure_check_host(const char *vault_uri, const char *extra, struct kg_err *err) KG_MUST_CHECK;
/* KG_E_DENIED as above; nothing is sent yet. */
int kg_keyvault_open_azure(const struct kg_azure_opts *o, struct kg_keyvault **ret, struct kg_err *err) KG_MUST_CHECK;

#endif
