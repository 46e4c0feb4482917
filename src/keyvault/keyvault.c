#include "keyvault/keyvault.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "crypto/crypto.h"
#include "keyvault/provider.h"

struct local {
    struct kg_keyvault base;
    struct kg_secret *key;
    struct kg_keyvault_backing backing;
};

static struct local *local_of(struct kg_keyvault *kv) { return (struct local *)(void *)kv; }

void kg_keyvault_item_done(struct kg_keyvault_item *i)
{
    free(i->vault);
    free(i->name);
    free(i->version);
    free(i->content_type);
    free(i->sealed);
    *i = (struct kg_keyvault_item){ 0 };
}

void kg_keyvault_list_done(struct kg_keyvault_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        kg_keyvault_item_done(&l->items[i]);
    free(l->items);
    free(l->next);
    *l = (struct kg_keyvault_list){ 0 };
}

const char *kg_keyvault_unusable(const struct kg_keyvault_item *i, kg_usec now, char *out)
{
    char when[32];

    if (!i->enabled)
        snprintf(out, 80, "is disabled");
    else if (i->expires && i->expires <= now)
        snprintf(out, 80, "expired at %s", kg_time_iso_seconds(i->expires, when));
    else if (i->not_before && i->not_before > now)
        snprintf(out, 80, "is not valid before %s", kg_time_iso_seconds(i->not_before, when));
    else
        return NULL;
    return out;
}

static void sealed_drop(struct kg_keyvault_item *i)
{
    free(i->sealed);
    i->sealed = NULL;
    i->sealed_len = 0;
}

/* ---- the local provider ---- */

/* What a sealed value is bound to: "secret", the vault's id, the name and the version, each ended by a NUL, which none
 * of them can contain. Lower case, because the spelling of an id is not its identity. */
static void bind_to(const struct kg_keyvault_item *item, struct kg_buf *ad)
{
    const char *const parts[] = { "secret", item->vault, item->name, item->version };

    for (size_t i = 0; i < KG_ARRAY_LEN(parts); i++) {
        for (const char *s = parts[i]; *s; s++) {
            char c = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;

            kg_buf_add(ad, &c, 1);
        }
        kg_buf_add(ad, "", 1);
    }
}

static int local_set(struct kg_keyvault *kv, const struct kg_secret *value, struct kg_keyvault_item *item,
                     struct kg_err *err)
{
    struct local *l = local_of(kv);
    KG_AUTO_BUF struct kg_buf ad = KG_BUF_INIT(8192);
    size_t n = kg_secret_size(value);

    bind_to(item, &ad);
    if (kg_buf_ok(&ad, err) < 0)
        return -(int)err->code;
    item->sealed_len = n + KG_SEAL_EXTRA;
    item->sealed = kg_xalloc(item->sealed_len);
    kg_seal(l->key, ad.p, ad.len, kg_secret_open(value), n, item->sealed);
    kg_secret_shut(value);
    return l->backing.save(l->backing.arg, item, err);
}

static int local_open(struct local *l, const struct kg_keyvault_item *item, struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf ad = KG_BUF_INIT(8192);
    KG_AUTO_SECRET struct kg_secret *value = NULL;
    struct kg_err why = { 0 };
    int r;

    if (item->sealed_len <= KG_SEAL_EXTRA || item->sealed_len > KG_KEYVAULT_VALUE_MAX + KG_SEAL_EXTRA)
        return kg_err_set(err, KG_E_CORRUPT, "secret '%s' has %zu sealed bytes, which cannot be", item->name,
                          item->sealed_len);
    bind_to(item, &ad);
    if (kg_buf_ok(&ad, err) < 0)
        return -(int)err->code;
    value = kg_secret_new(item->sealed_len - KG_SEAL_EXTRA);
    r = kg_unseal(l->key, ad.p, ad.len, item->sealed, item->sealed_len, kg_secret_open_write(value), &why);
    kg_secret_shut(value);
    if (r < 0) {
        kg_err_set(err, KG_E_CORRUPT, "secret '%s' does not open with this service's key", item->name);
        kg_err_advise(err, "Bring back the service.key that the secret was set with, or set the secret again.");
        return -KG_E_CORRUPT;
    }
    *ret = KG_TAKE(value);
    return 0;
}

/* Why no version could be found, when the secret itself is there. */
static int tell_unusable(struct local *l, const char *vault, const char *name, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list list = { 0 };
    struct kg_err why = { 0 };
    const char *unusable;
    char text[80];

    if (err->code != KG_E_NO_SECRET || l->backing.list(l->backing.arg, vault, name, NULL, 1, &list, &why) < 0 || !list.count)
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    unusable = kg_keyvault_unusable(&list.items[0], kg_now_wall(), text);
    kg_err_set(err, KG_E_NO_SECRET, "secret '%s' has no version that can be read now; the newest %s", name,
               unusable ? unusable : "became valid just now");
    kg_err_advise(err, "Set the secret again, or change the version's attributes.");
    return -KG_E_NO_SECRET;
}

static int local_get(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                     struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    struct local *l = local_of(kv);
    char why[80];

    if (l->backing.load(l->backing.arg, vault, name, version, &item, err) < 0)
        return version ? -(int)err->code : tell_unusable(l, vault, name, err);
    if (kg_keyvault_unusable(&item, kg_now_wall(), why)) {
        kg_err_set(err, KG_E_NO_SECRET, "version '%s' of secret '%s' %s", item.version, item.name, why);
        kg_err_advise(err, "Set the secret again, or change the version's attributes.");
        return -KG_E_NO_SECRET;
    }
    return local_open(l, &item, ret, err);
}

static int local_show(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                      struct kg_keyvault_item *ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list list = { 0 };
    struct local *l = local_of(kv);

    if (version) {
        if (l->backing.load(l->backing.arg, vault, name, version, ret, err) < 0)
            return -(int)err->code;
        sealed_drop(ret);
        return 0;
    }
    if (l->backing.list(l->backing.arg, vault, name, NULL, 1, &list, err) < 0)
        return -(int)err->code;
    if (!list.count)
        return kg_err_set(err, KG_E_NO_SECRET, "no secret '%s' in that key vault", name);
    *ret = list.items[0];
    list.items[0] = (struct kg_keyvault_item){ 0 };
    return 0;
}

static int local_update(struct kg_keyvault *kv, const struct kg_keyvault_item *item, struct kg_err *err)
{
    struct local *l = local_of(kv);

    return l->backing.update(l->backing.arg, item, err);
}

static int local_list(struct kg_keyvault *kv, const char *vault, const char *name, const char *after, unsigned top,
                      struct kg_keyvault_list *ret, struct kg_err *err)
{
    struct local *l = local_of(kv);

    return l->backing.list(l->backing.arg, vault, name, after, top, ret, err);
}

static int local_remove(struct kg_keyvault *kv, const char *vault, const char *name, struct kg_err *err)
{
    struct local *l = local_of(kv);

    return l->backing.remove(l->backing.arg, vault, name, err);
}

static void local_close(struct kg_keyvault *kv)
{
    kg_secret_free(local_of(kv)->key);
    free(kv);
}

static const struct kg_keyvault_ops local_ops = {
    .name = "local",
    .set = local_set,
    .get = local_get,
    .show = local_show,
    .update = local_update,
    .list = local_list,
    .remove = local_remove,
    .close = local_close,
};

struct kg_keyvault *kg_keyvault_open_local(const struct kg_secret *service_key,
                                           const struct kg_keyvault_backing *backing)
{
    struct local *l = kg_xalloc(sizeof *l);

    l->base.ops = &local_ops;
    l->backing = *backing;
    l->key = kg_key_derive(service_key, "kgsecret", 1);
    return &l->base;
}

/* ---- every provider ---- */

void kg_keyvault_close(struct kg_keyvault *kv)
{
    if (kv)
        kv->ops->close(kv);
}

/* What attrs says, over what item has. */
static int apply(const struct kg_keyvault_attrs *attrs, struct kg_keyvault_item *item, struct kg_err *err)
{
    if (attrs->content_type) {
        free(item->content_type);
        item->content_type = *attrs->content_type ? kg_xstrdup(attrs->content_type) : NULL;
    }
    if (attrs->enabled)
        item->enabled = *attrs->enabled;
    if (attrs->not_before)
        item->not_before = *attrs->not_before;
    if (attrs->expires)
        item->expires = *attrs->expires;
    if (item->expires && item->expires <= item->not_before) {
        kg_err_set(err, KG_E_USAGE, "secret '%s' would expire before it becomes valid", item->name);
        kg_err_advise(err, "Choose an expiry behind the moment from which it is valid.");
        return -KG_E_USAGE;
    }
    return 0;
}

static void hand_over(struct kg_keyvault_item *item, struct kg_keyvault_item *ret)
{
    if (!ret)
        return;
    sealed_drop(item);
    *ret = *item;
    *item = (struct kg_keyvault_item){ 0 };
}

int kg_keyvault_set(struct kg_keyvault *kv, const char *vault, const char *name, const struct kg_secret *value,
                    const struct kg_keyvault_attrs *attrs, struct kg_keyvault_item *ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    uint8_t version[KG_KEYVAULT_VERSION_CHARS / 2];
    char text[KG_KEYVAULT_VERSION_CHARS + 1];
    size_t n = kg_secret_size(value);

    if (n == 0 || n > KG_KEYVAULT_VALUE_MAX) {
        kg_err_set(err, KG_E_LIMIT, "the value of secret '%s' has %zu bytes", name, n);
        kg_err_advise(err, "Set a value of 1 to %d bytes.", KG_KEYVAULT_VALUE_MAX);
        return -KG_E_LIMIT;
    }
    kg_random(version, sizeof version);
    kg_hex(version, sizeof version, text);
    item = (struct kg_keyvault_item){ .vault = kg_xstrdup(vault), .name = kg_xstrdup(name), .version = kg_xstrdup(text),
                                      .enabled = true, .created = kg_now_wall() };
    item.updated = item.created;
    if (apply(attrs, &item, err) < 0)
        return -(int)err->code;
    if (kv->ops->set(kv, value, &item, err) < 0)
        return kg_err_wrap(err, "set secret '%s'", name);
    hand_over(&item, ret);
    return 0;
}

static const char *version_or_newest(const char *version) { return version && *version ? version : NULL; }

int kg_keyvault_get(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                    struct kg_secret **ret, struct kg_err *err)
{
    return kv->ops->get(kv, vault, name, version_or_newest(version), ret, err);
}

int kg_keyvault_show(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                     struct kg_keyvault_item *ret, struct kg_err *err)
{
    return kv->ops->show(kv, vault, name, version_or_newest(version), ret, err);
}

int kg_keyvault_update(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                       const struct kg_keyvault_attrs *attrs, struct kg_keyvault_item *ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };

    if (kg_keyvault_show(kv, vault, name, version, &item, err) < 0 || apply(attrs, &item, err) < 0)
        return -(int)err->code;
    item.updated = kg_now_wall();
    if (kv->ops->update(kv, &item, err) < 0)
        return kg_err_wrap(err, "change secret '%s'", name);
    hand_over(&item, ret);
    return 0;
}

int kg_keyvault_list(struct kg_keyvault *kv, const char *vault, const char *name, const char *after, unsigned top,
                     struct kg_keyvault_list *ret, struct kg_err *err)
{
    return kv->ops->list(kv, vault, name, after, top, ret, err);
}

int kg_keyvault_delete(struct kg_keyvault *kv, const char *vault, const char *name, struct kg_err *err)
{
    return kv->ops->remove(kv, vault, name, err);
}
