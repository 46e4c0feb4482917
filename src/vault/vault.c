#include "vault/vault.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"
#include "base/time.h"
#include "vault/keys.h"
#include "vault/vault_int.h"

static const char CIPHER[] = "xchacha20-poly1305", KDF[] = "blake2b", COMPRESSION[] = "zstd";

/* ---- the header ---- */

static void uuid_raw(const char *text, uint8_t out[16], bool *ret_ok)
{
    char hex[33];
    size_t n = 0;

    for (const char *p = text; *p && n < 32; p++)
        if (*p != '-')
            hex[n++] = *p;
    hex[n] = '\0';
    *ret_ok = strlen(text) == 36 && kg_unhex(hex, out, 16);
}

static void header_write(const struct kg_vault *v, struct kg_buf *ret)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    char now[32];

    kg_json_set_str(j, "magic", KG_HEADER_NAME);
    kg_json_set_u64(j, "format", KG_VAULT_FORMAT);
    kg_json_set_str(j, "vaultId", v->id);
    kg_json_set_str(j, "tier", v->tier);
    kg_json_set_str(j, "cipher", CIPHER);
    kg_json_set_str(j, "hash", kg_hash_kind_to_text(v->hash));
    kg_json_set_str(j, "kdf", KDF);
    kg_json_set_str(j, "compression", COMPRESSION);
    kg_json_set_str(j, "createdTime", kg_time_iso_seconds(kg_now_wall(), now));
    kg_json_print(j, false, ret);
    kg_buf_adds(ret, "\n");
}

static int header_parse(struct kg_vault *v, const struct kg_buf *text, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    uint64_t format;
    int hash;
    bool ok;

    if (kg_json_parse(text->p, text->len, &j, err) < 0) {
        err->code = KG_E_CORRUPT;
        kg_err_advise(err, "%s", kg_code_action(KG_E_CORRUPT));
        return kg_err_wrap(err, "%s", KG_HEADER_NAME);
    }
    format = kg_json_u64(j, "format", 0);
    if (strcmp(kg_json_str_or(j, "magic", ""), KG_HEADER_NAME) != 0 || format == 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: this is not the header of a vault", KG_HEADER_NAME);
    if (format != KG_VAULT_FORMAT)
        return kg_err_set(err, KG_E_VAULT_FORMAT, "%s: the vault has format %llu, this version knows format %d",
                          KG_HEADER_NAME, (unsigned long long)format, KG_VAULT_FORMAT);
    hash = kg_hash_kind_from_text(kg_json_str_or(j, "hash", ""));
    if (hash < 0 || strcmp(kg_json_str_or(j, "cipher", ""), CIPHER) != 0 ||
        strcmp(kg_json_str_or(j, "kdf", ""), KDF) != 0 || strcmp(kg_json_str_or(j, "compression", ""), COMPRESSION) != 0)
        return kg_err_set(err, KG_E_VAULT_FORMAT, "%s: it names a hash, cipher or compression that this version does not know",
                          KG_HEADER_NAME);
    v->hash = (enum kg_hash_kind)hash;
    snprintf(v->id, sizeof v->id, "%s", kg_json_str_or(j, "vaultId", ""));
    snprintf(v->tier, sizeof v->tier, "%s", kg_json_str_or(j, "tier", ""));
    uuid_raw(kg_json_str_or(j, "vaultId", ""), v->id_raw, &ok);
    if (!ok)
        return kg_err_set(err, KG_E_CORRUPT, "%s: it has no vault id", KG_HEADER_NAME);
    kg_digest(text->p, text->len, v->header_digest);
    return 0;
}

static int header_read(struct kg_vault *v, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(KG_HEADER_LIMIT);

    if (kg_store_get_all(v->store, KG_HEADER_NAME, &text, err) < 0) {
        if (err->code == KG_E_LIMIT)
            err->code = KG_E_CORRUPT;
        if (err->code == KG_E_NOT_FOUND)
            kg_err_advise(err, "Check the vault's place: it holds no object '%s'.", KG_HEADER_NAME);
        return kg_err_wrap(err, "open the vault");
    }
    return header_parse(v, &text, err);
}

int kg_header_check(const struct kg_vault *v, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(KG_HEADER_LIMIT);
    uint8_t d[KG_HASH_BYTES];

    if (kg_store_get_all(v->store, KG_HEADER_NAME, &text, err) < 0)
        return -(int)err->code;
    kg_digest(text.p, text.len, d);
    if (memcmp(d, v->header_digest, sizeof d) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: the header is not the one that the vault was opened with", KG_HEADER_NAME);
    return 0;
}

/* ---- keys ---- */

/* Everything that follows from the master key. */
static void derive_keys(struct kg_vault *v)
{
    static const char contexts[KG_BLOCK_KINDS_][9] = {
        [KG_BLOCK_SEGMENT] = "KGsegmnt", [KG_BLOCK_DIRECTORY] = "KGpackdr",
        [KG_BLOCK_INDEX] = "KGindex0", [KG_BLOCK_POINT] = "KGpoint0",
        [KG_BLOCK_DOOMED] = "KGdoomed", [KG_BLOCK_PRESENCE] = "KGwriter",
    };
    KG_AUTO_SECRET struct kg_secret *gear_key = kg_key_derive(v->master, "KGgear00", 1);
    struct kg_hasher *h = kg_hasher_new(KG_HASH_BLAKE2B, gear_key);

    for (int k = KG_BLOCK_SEGMENT; k < KG_BLOCK_KINDS_; k++)
        v->keys[k] = kg_key_derive(v->master, contexts[k], 1);
    v->chunk_key = kg_key_derive(v->master, "KGchunks", 1);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i, out[KG_HASH_BYTES];

        kg_hasher_hash(h, &byte, 1, out);
        v->gear[i] = kg_le64(out);
    }
    kg_hasher_free(h);
}

static struct kg_vault *vault_new(struct kg_store *st)
{
    struct kg_vault *v = kg_xalloc(sizeof *v);

    v->store = st;
    return v;
}

void kg_vault_close(struct kg_vault *v)
{
    if (!v)
        return;
    kg_secret_free(v->master);
    for (int k = 0; k < KG_BLOCK_KINDS_; k++)
        kg_secret_free(v->keys[k]);
    kg_secret_free(v->chunk_key);
    kg_wipe(v->gear, sizeof v->gear);
    free(v);
}

const char *kg_vault_id(const struct kg_vault *v) { return v->id; }
const char *kg_vault_tier(const struct kg_vault *v) { return v->tier; }

/* ---- making and opening ---- */

struct leftovers {
    struct kg_store *store;
    char slots[8][KG_OBJECT_NAME];
    unsigned n;
};

/* A creation that was interrupted leaves key slots without a header: nothing is sealed with them. Anything else means
 * that the place is taken, perhaps by a vault that lost its header. */
static int look_for_leftovers(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct leftovers *l = ctx;

    if (strncmp(e->name, "keys/", 5) != 0 || l->n == KG_ARRAY_LEN(l->slots))
        return kg_err_set(err, KG_E_VAULT_EXISTS, "the store is not empty: it holds '%s'", e->name);
    snprintf(l->slots[l->n++], KG_OBJECT_NAME, "%s", e->name);
    return 0;
}

static int make_room(struct kg_store *st, struct kg_err *err)
{
    struct leftovers l = { .store = st };

    if (kg_store_list(st, "", look_for_leftovers, &l, err) < 0)
        return -(int)err->code;
    for (unsigned i = 0; i < l.n; i++)
        if (kg_store_remove(st, l.slots[i], err) < 0)
            return -(int)err->code;
    return 0;
}

static struct kg_secret *copy_secret(const struct kg_secret *s)
{
    struct kg_secret *copy = kg_secret_new_copy(kg_secret_open(s), kg_secret_size(s));

    kg_secret_shut(s);
    return copy;
}

int kg_vault_create(struct kg_store *st, const struct kg_vault_spec *spec, const struct kg_secret *service_key,
                    struct kg_vault **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_vault_closep) struct kg_vault *v = vault_new(st);
    KG_AUTO_BUF struct kg_buf header = KG_BUF_INIT(KG_HEADER_LIMIT);
    int hash = spec->hash ? kg_hash_kind_from_text(spec->hash) : (int)kg_hash_kind_fastest();
    bool ok;

    if (hash < 0)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a hash that vaults know", spec->hash);
    if (kg_secret_size(service_key) != KG_KEY_BYTES)
        return kg_err_set(err, KG_E_USAGE, "the service's key has %zu bytes where %d belong",
                          kg_secret_size(service_key), KG_KEY_BYTES);
    if (make_room(st, err) < 0)
        return -(int)err->code;
    v->hash = spec->like ? spec->like->hash : (enum kg_hash_kind)hash;
    kg_uuid(v->id);
    uuid_raw(v->id, v->id_raw, &ok);
    KG_ASSERT(ok);
    snprintf(v->tier, sizeof v->tier, "%s", spec->tier ? spec->tier : "VaultStore");
    v->master = spec->like ? copy_secret(spec->like->master) : kg_secret_random(KG_KEY_BYTES);
    header_write(v, &header);
    if (kg_buf_ok(&header, err) < 0)
        return -(int)err->code;
    kg_digest(header.p, header.len, v->header_digest);
    /* The header comes last: it makes the vault, and a vault without a key slot must never be seen. */
    if (kg_slot_put(v, KG_HOLDER_SERVICE, service_key, v->slot, err) < 0)
        return -(int)err->code;
    if (kg_store_put(st, KG_HEADER_NAME, header.p, header.len, err) < 0) {
        struct kg_err ignored = { 0 };

        if (kg_store_remove(st, v->slot, &ignored) < 0)
            return -(int)err->code; /* the next creation removes it */
        return -(int)err->code;
    }
    derive_keys(v);
    *ret = KG_TAKE(v);
    return 0;
}

void kg_vault_unmake(struct kg_vault *v)
{
    struct kg_err ignored = { 0 };

    /* The header first: a vault without key slots must never be seen. */
    if (kg_store_remove(v->store, KG_HEADER_NAME, &ignored) == 0)
        (void)!kg_store_remove(v->store, v->slot, &ignored);
}

static int open_with(struct kg_store *st, enum kg_holder holder, const struct kg_secret *key, struct kg_vault **ret,
                     struct kg_err *err)
{
    KG_CLEANUP(kg_vault_closep) struct kg_vault *v = vault_new(st);

    if (header_read(v, err) < 0 || kg_slots_open(v, holder, key, err) < 0)
        return -(int)err->code;
    derive_keys(v);
    *ret = KG_TAKE(v);
    return 0;
}

int kg_vault_open(struct kg_store *st, const struct kg_secret *service_key, struct kg_vault **ret, struct kg_err *err)
{
    return open_with(st, KG_HOLDER_SERVICE, service_key, ret, err);
}

int kg_vault_open_recovery(struct kg_store *st, const struct kg_secret *recovery_text, struct kg_vault **ret,
                           struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = NULL;

    if (kg_recovery_from_text(recovery_text, &key, err) < 0)
        return -(int)err->code;
    return open_with(st, KG_HOLDER_RECOVERY, key, ret, err);
}

/* ---- recovery keys ---- */

struct older {
    char (*names)[KG_OBJECT_NAME];
    size_t n, cap;
    const char *keep;
};

static int note_older(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct older *o = ctx;

    (void)err;
    if (strcmp(e->name, o->keep) == 0)
        return 0;
    KG_GROW(o->names, o->n, o->cap);
    snprintf(o->names[o->n++], KG_OBJECT_NAME, "%s", e->name);
    return 0;
}

static int remove_older(struct kg_vault *v, const char *keep, struct kg_err *err)
{
    struct older o = { .keep = keep };
    int r = kg_store_list(v->store, kg_slot_prefix(KG_HOLDER_RECOVERY), note_older, &o, err);

    for (size_t i = 0; i < o.n && r == 0; i++) {
        struct kg_err gone = { 0 };
        uint64_t size;

        r = kg_store_remove(v->store, o.names[i], err);
        /* Deleted, but perhaps not for good: better than ending up with neither the old slot nor the new one. */
        if (r < 0 && kg_store_size(v->store, o.names[i], &size, &gone) < 0 && gone.code == KG_E_NOT_FOUND) {
            *err = (struct kg_err){ 0 };
            r = 0;
        }
    }
    free(o.names);
    return r;
}

struct kg_secret *kg_vault_new_recovery_key(void)
{
    KG_AUTO_SECRET struct kg_secret *key = kg_secret_random(KG_KEY_BYTES);

    return kg_recovery_to_text(key);
}

int kg_vault_add_recovery_key(struct kg_vault *v, const struct kg_secret *text, char slot[static KG_VAULT_SLOT_NAME],
                              struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = NULL;

    _Static_assert((int)KG_VAULT_SLOT_NAME == (int)KG_OBJECT_NAME, "a slot is an object");
    return kg_recovery_from_text(text, &key, err) < 0 ? -(int)err->code : kg_slot_put(v, KG_HOLDER_RECOVERY, key, slot, err);
}

int kg_vault_drop_other_recovery_keys(struct kg_vault *v, const char *slot, struct kg_err *err)
{
    if (remove_older(v, slot, err) < 0)
        return kg_err_wrap(err, "replace the recovery key");
    if (strncmp(v->slot, slot, strlen(kg_slot_prefix(KG_HOLDER_RECOVERY))) == 0)
        snprintf(v->slot, sizeof v->slot, "%s", slot); /* the one that opened the vault is gone */
    return 0;
}

int kg_vault_has_recovery_key(struct kg_vault *v, bool *ret, struct kg_err *err)
{
    struct older o = { .keep = "" };

    if (kg_store_list(v->store, kg_slot_prefix(KG_HOLDER_RECOVERY), note_older, &o, err) < 0) {
        free(o.names);
        return kg_err_wrap(err, "look for recovery keys");
    }
    *ret = o.n > 0;
    free(o.names);
    return 0;
}

static int replace_recovery_key(struct kg_vault *v, const struct kg_secret *key, struct kg_err *err)
{
    char name[KG_OBJECT_NAME];

    if (kg_slot_put(v, KG_HOLDER_RECOVERY, key, name, err) < 0)
        return -(int)err->code;
    if (remove_older(v, name, err) < 0) {
        struct kg_err ignored = { 0 };

        if (kg_store_remove(v->store, name, &ignored) < 0)
            return kg_err_wrap(err, "replace the recovery key"); /* a slot whose key nobody knows: harmless */
        return kg_err_wrap(err, "replace the recovery key");
    }
    if (strncmp(v->slot, name, strlen(kg_slot_prefix(KG_HOLDER_RECOVERY))) == 0)
        memcpy(v->slot, name, sizeof v->slot); /* the one that opened the vault is gone */
    return 0;
}

int kg_vault_issue_recovery_key(struct kg_vault *v, struct kg_secret **ret_text, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = kg_secret_random(KG_KEY_BYTES);

    if (replace_recovery_key(v, key, err) < 0)
        return -(int)err->code;
    *ret_text = kg_recovery_to_text(key);
    return 0;
}

int kg_vault_set_recovery_key(struct kg_vault *v, const struct kg_secret *text, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = NULL;

    if (kg_recovery_from_text(text, &key, err) < 0)
        return -(int)err->code;
    return replace_recovery_key(v, key, err);
}
