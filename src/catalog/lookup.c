#include "catalog/lookup.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"

/* Length of "host[:port]", without the port that https has anyway. */
static size_t host_length(const char *host)
{
    size_t n = strcspn(host, "/");

    return n > 4 && memcmp(host + n - 4, ":443", 4) == 0 ? n - 4 : n;
}

static const char *host_of(const char *uri) { return kg_starts_with_nocase(uri, "https://") ? uri + strlen("https://") : uri; }

static bool same_host(const char *a, const char *b)
{
    size_t n;

    a = host_of(a);
    b = host_of(b);
    n = host_length(a);
    return n > 0 && n == host_length(b) && strncasecmp(a, b, n) == 0;
}

static void take(struct kg_resource *from, struct kg_resource *ret)
{
    *ret = *from;
    *from = (struct kg_resource){ 0 };
}

int kg_lookup_keyvault_host(struct kg_catalog *c, const char *host, struct kg_resource *ret, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_KEYVAULT };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

        q.after = after;
        if (kg_catalog_list(c, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++)
            if (same_host(kg_json_str_or(l.rows[i].json, "properties.vaultUri", ""), host)) {
                take(&l.rows[i], ret);
                return 0;
            }
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    kg_err_set(err, KG_E_NO_KEYVAULT, "there is no key vault with the URI 'https://%.260s/'", host_of(host));
    kg_err_advise(err, "Register it with 'keepgres keyvault create --provider azure', or check the secret's URI.");
    return -(int)err->code;
}

int kg_lookup_keyvault(struct kg_catalog *c, const struct kg_secret_ref *ref, struct kg_resource *ret, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_KEYVAULT, .name = ref->vault, .top = 1 };
    KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

    if (!*ref->vault)
        return kg_lookup_keyvault_host(c, ref->host, ret, err);
    if (kg_catalog_list(c, &q, &l, err) < 0)
        return -(int)err->code;
    if (!l.count)
        return kg_err_set(err, KG_E_NO_KEYVAULT, "there is no key vault named '%s'", ref->vault);
    if (strcasecmp(kg_json_str_or(l.rows[0].json, "properties.provider", "local"), "local") != 0) {
        kg_err_set(err, KG_E_NO_KEYVAULT, "key vault '%s' is no local one", ref->vault);
        kg_err_advise(err, "Use the URI %.200ssecrets/%.60s.", kg_json_str_or(l.rows[0].json, "properties.vaultUri", ""), ref->secret);
        return -(int)err->code;
    }
    take(&l.rows[0], ret);
    return 0;
}
