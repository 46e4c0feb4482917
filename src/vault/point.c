/* Recovery points: their manifests. */
#include "vault/vault_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

static bool copy_part(const char *from, size_t n, char out[KG_POINT_PART])
{
    if (n == 0 || n >= KG_POINT_PART)
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

bool kg_point_parts(const char *name, char ret_instance[KG_POINT_PART], char ret_point[KG_POINT_PART])
{
    const char *rest = name + 7, *slash;

    if (strncmp(name, "points/", 7) != 0 || !(slash = strchr(rest, '/')) || strchr(slash + 1, '/'))
        return false;
    return copy_part(rest, (size_t)(slash - rest), ret_instance) && copy_part(slash + 1, strlen(slash + 1), ret_point);
}

int kg_manifest_read(const char *text, size_t n, const char *vault_id, const char *instance, const char *point,
                     struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;

    if (kg_json_parse(text, n, &j, err) < 0) {
        err->code = KG_E_CORRUPT;
        kg_err_advise(err, "%s", kg_code_action(KG_E_CORRUPT));
        return kg_err_wrap(err, "the manifest");
    }
    if (kg_json_u64(j, "format", 0) > KG_VAULT_FORMAT)
        return kg_err_set(err, KG_E_VAULT_FORMAT, "the manifest has format %llu, this version knows format %d",
                          (unsigned long long)kg_json_u64(j, "format", 0), KG_VAULT_FORMAT);
    if (kg_json_u64(j, "format", 0) != KG_VAULT_FORMAT || strcmp(kg_json_str_or(j, "vaultId", ""), vault_id) != 0 ||
        strcmp(kg_json_str_or(j, "instance", ""), instance) != 0 || strcmp(kg_json_str_or(j, "point", ""), point) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "the manifest is not that of recovery point '%s'", point);
    *ret = KG_TAKE(j);
    return 0;
}

int kg_point_get(struct kg_vault *v, const char *instance, const char *point, struct kg_json **ret_manifest,
                 struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_xprintf("points/%s/%s", instance, point);
    KG_AUTO_FREE uint8_t *text = NULL;
    size_t n;

    if (kg_sealed_object_get(v, KG_BLOCK_POINT, KG_MAGIC_POINT, name, KG_MANIFEST_LIMIT, &text, &n, err) < 0) {
        if (err->code != KG_E_NOT_FOUND)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        return kg_err_set(err, KG_E_NO_POINT, "no recovery point '%s' of instance '%s' in the vault", point, instance);
    }
    if (kg_manifest_read((const char *)text, n, v->id, instance, point, ret_manifest, err) < 0)
        return kg_err_wrap(err, "%s", name);
    return 0;
}

int kg_point_delete(struct kg_vault *v, const char *instance, const char *point, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_xprintf("points/%s/%s", instance, point);

    if (kg_store_remove(v->store, name, err) == 0)
        return 0;
    if (err->code != KG_E_NOT_FOUND)
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return kg_err_set(err, KG_E_NO_POINT, "no recovery point '%s' of instance '%s' in the vault", point, instance);
}

struct listing {
    kg_point_visit visit;
    void *ctx;
};

static int visit_object(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct listing *l = ctx;
    char instance[KG_POINT_PART], point[KG_POINT_PART];

    return kg_point_parts(e->name, instance, point) ? l->visit(l->ctx, instance, point, e->size, err) : 0;
}

int kg_point_list(struct kg_vault *v, const char *instance, kg_point_visit visit, void *ctx, struct kg_err *err)
{
    KG_AUTO_FREE char *prefix = instance ? kg_xprintf("points/%s/", instance) : kg_xstrdup("points/");

    return kg_store_list(v->store, prefix, visit_object, &(struct listing){ visit, ctx }, err);
}

/* ---- the streams of a manifest ---- */

/* "largeObjects" -> "large objects" */
static void words_of(const char *key, char *out, size_t size)
{
    size_t n = 0;

    for (; *key && n + 2 < size; key++) {
        if (*key >= 'A' && *key <= 'Z') {
            if (n)
                out[n++] = ' ';
            out[n++] = (char)(*key - 'A' + 'a');
        } else {
            out[n++] = *key;
        }
    }
    out[n] = '\0';
}

struct walk {
    kg_stream_visit visit;
    void *ctx;
};

/* what is inherited from the nearest ancestor that has a name, or else a key. */
static int walk(const struct walk *w, const struct kg_json *j, const char *what, bool named, struct kg_err *err)
{
    enum kg_json_type type = kg_json_type(j);
    char own[512];

    if (type == KG_JSON_OBJECT && kg_json_str(j, "name")) {
        const char *schema = kg_json_str(j, "schema");

        snprintf(own, sizeof own, "table %s%s%s", schema ? schema : "", schema ? "." : "", kg_json_str(j, "name"));
        what = own;
        named = true;
    }
    for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c)) {
        const char *key = type == KG_JSON_OBJECT ? kg_json_key(c) : NULL;
        char words[128];
        int r;

        if (key && strcmp(key, "stream") == 0)
            r = w->visit(w->ctx, what, c, err);
        else if (key && !named)
            words_of(key, words, sizeof words), r = walk(w, c, words, false, err);
        else
            r = walk(w, c, what, named, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int kg_manifest_streams(const struct kg_json *manifest, kg_stream_visit visit, void *ctx, struct kg_err *err)
{
    return walk(&(struct walk){ visit, ctx }, manifest, "manifest", false, err);
}
