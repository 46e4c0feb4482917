#include "base/alloc.h"
#include "json/json.h"
#include "keyvault/keyvault.h"

static void set_moment(struct kg_json *j, const char *path, kg_usec at)
{
    char when[32];

    kg_json_set_str(j, path, at ? kg_time_iso_seconds(at, when) : NULL);
}

struct kg_json *kg_keyvault_item_answer(const struct kg_keyvault_item *i, const char *vault_uri)
{
    struct kg_json *a = kg_json_object();
    KG_AUTO_FREE char *id = kg_xprintf("%s/secrets/%s", i->vault, i->name);
    KG_AUTO_FREE char *uri = kg_xprintf("%ssecrets/%s", vault_uri, i->name);

    kg_json_set_str(a, "id", id);
    kg_json_set_str(a, "name", i->name);
    kg_json_set_str(a, "type", "Microsoft.KeyVault/vaults/secrets");
    kg_json_set_str(a, "properties.secretUri", uri);
    if (*i->version) {
        KG_AUTO_FREE char *with = kg_xprintf("%s/%s", uri, i->version);

        kg_json_set_str(a, "properties.secretUriWithVersion", with);
        kg_json_set_str(a, "properties.version", i->version);
    }
    kg_json_set_bool(a, "properties.attributes.enabled", i->enabled);
    set_moment(a, "properties.attributes.notBefore", i->not_before);
    set_moment(a, "properties.attributes.expires", i->expires);
    set_moment(a, "properties.attributes.created", i->created);
    set_moment(a, "properties.attributes.updated", i->updated);
    if (i->content_type)
        kg_json_set_str(a, "properties.contentType", i->content_type);
    return a;
}
