#include "vault/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"
#include "base/time.h"

/* The bytes of a slot. Who it is for and which header it was made with stand in the clear, so that a wrong key, a
 * damaged slot and a damaged header are three different messages. */
enum {
    AT_VAULT = 8, AT_HOLDER = 24, AT_CREATED = 32, AT_HEADER = 40, AT_KEY_ID = 72, AT_SEALED = 88, AT_MAC = 160,
    AT_SUM = 192, KEY_ID = 16, SUM = 16,
};
_Static_assert(AT_SEALED + KG_KEY_BYTES + KG_SEAL_EXTRA == AT_MAC && AT_SUM + SUM == KG_SLOT_BYTES, "slot");

static const char HOLDER_CONTEXT[9] = "KGholder"; /* ids 1, 2: service, wrapping and key id; 3, 4: recovery */

const char *kg_slot_prefix(enum kg_holder holder)
{
    return holder == KG_HOLDER_SERVICE ? "keys/service-" : "keys/recovery-";
}

static struct kg_secret *wrapping_key(enum kg_holder holder, const struct kg_secret *key)
{
    return kg_key_derive(key, HOLDER_CONTEXT, 2 * (uint64_t)holder - 1);
}

/* Tells whether a key is the slot's without opening anything: an output of the key derivation, so it gives nothing away. */
static void key_id(enum kg_holder holder, const struct kg_secret *key, uint8_t out[KEY_ID])
{
    KG_AUTO_SECRET struct kg_secret *id = kg_key_derive(key, HOLDER_CONTEXT, 2 * (uint64_t)holder);

    memcpy(out, kg_secret_open(id), KEY_ID);
    kg_secret_shut(id);
}

static size_t slot_ad(const struct kg_vault *v, const char *name, const uint8_t *slot, uint8_t *out)
{
    size_t n = kg_block_ad(v->id_raw, KG_BLOCK_MASTER, name, AT_SEALED, out);

    memcpy(out + n, slot + AT_HOLDER, AT_SEALED - AT_HOLDER);
    return n + AT_SEALED - AT_HOLDER;
}

/* Under the master key: lets any holder check every slot. */
static void slot_mac(const struct kg_vault *v, const char *name, const uint8_t *slot, uint8_t out[KG_HASH_BYTES])
{
    KG_AUTO_SECRET struct kg_secret *key = kg_key_derive(v->master, "KGslotmc", 1);
    struct kg_hasher *h = kg_hasher_new(KG_HASH_BLAKE2B, key);
    uint8_t all[KG_OBJECT_NAME + AT_MAC];
    size_t n = strlen(name) + 1;

    memcpy(all, name, n);
    memcpy(all + n, slot, AT_MAC);
    kg_hasher_hash(h, all, n + AT_MAC, out);
    kg_hasher_free(h);
}

static void slot_sum(const uint8_t *slot, uint8_t out[SUM])
{
    uint8_t d[KG_HASH_BYTES];

    kg_digest(slot, AT_SUM, d);
    memcpy(out, d, SUM);
}

int kg_slot_put(const struct kg_vault *v, enum kg_holder holder, const struct kg_secret *key,
                char ret_name[KG_OBJECT_NAME], struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *wrap = wrapping_key(holder, key);
    uint8_t slot[KG_SLOT_BYTES] = { 0 }, ad[KG_AD_ROOM + AT_SEALED], random[8];
    char name[KG_OBJECT_NAME], hex[2 * sizeof random + 1];

    kg_random(random, sizeof random);
    kg_hex(random, sizeof random, hex);
    snprintf(name, sizeof name, "%s%s", kg_slot_prefix(holder), hex);
    memcpy(slot, KG_MAGIC_SLOT, KG_MAGIC);
    memcpy(slot + AT_VAULT, v->id_raw, sizeof v->id_raw);
    slot[AT_HOLDER] = (uint8_t)holder;
    kg_put_le64(slot + AT_CREATED, (uint64_t)kg_now_wall());
    memcpy(slot + AT_HEADER, v->header_digest, KG_HASH_BYTES);
    key_id(holder, key, slot + AT_KEY_ID);
    kg_seal(wrap, ad, slot_ad(v, name, slot, ad), kg_secret_open(v->master), KG_KEY_BYTES, slot + AT_SEALED);
    kg_secret_shut(v->master);
    slot_mac(v, name, slot, slot + AT_MAC);
    slot_sum(slot, slot + AT_SUM);
    if (kg_store_put(v->store, name, slot, sizeof slot, err) < 0)
        return kg_err_wrap(err, "write a key slot");
    memcpy(ret_name, name, sizeof name);
    return 0;
}

/* Reads a slot; KG_E_CORRUPT unless it is whole and this vault's. */
static int slot_read(const struct kg_vault *v, const char *name, uint8_t slot[KG_SLOT_BYTES], struct kg_err *err)
{
    uint8_t bytes[KG_SLOT_BYTES + 1], sum[SUM];
    size_t n;

    if (kg_store_get(v->store, name, 0, sizeof bytes, bytes, &n, err) < 0)
        return -(int)err->code;
    if (n == KG_SLOT_BYTES)
        slot_sum(bytes, sum);
    if (n != KG_SLOT_BYTES || memcmp(bytes, KG_MAGIC_SLOT, KG_MAGIC) != 0 || memcmp(sum, bytes + AT_SUM, SUM) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: the key slot is damaged", name);
    if (memcmp(bytes + AT_VAULT, v->id_raw, sizeof v->id_raw) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: the key slot belongs to another vault than '%s' does", name,
                          KG_HEADER_NAME);
    if (memcmp(bytes + AT_HEADER, v->header_digest, KG_HASH_BYTES) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: the header is not the one that the vault's key slots were made with",
                          KG_HEADER_NAME);
    memcpy(slot, bytes, KG_SLOT_BYTES);
    return 0;
}

static int mac_check(const struct kg_vault *v, const char *name, const uint8_t *slot, struct kg_err *err)
{
    uint8_t mac[KG_HASH_BYTES];

    slot_mac(v, name, slot, mac);
    if (!kg_bytes_equal(mac, slot + AT_MAC, sizeof mac))
        return kg_err_set(err, KG_E_CORRUPT, "%s: the key slot is not what was written under this name", name);
    return 0;
}

int kg_slot_check(const struct kg_vault *v, const char *name, struct kg_err *err)
{
    uint8_t slot[KG_SLOT_BYTES];

    if (slot_read(v, name, slot, err) < 0)
        return -(int)err->code;
    return mac_check(v, name, slot, err);
}

struct opening {
    struct kg_vault *v;
    enum kg_holder holder;
    const struct kg_secret *key;
    unsigned slots;
    struct kg_err damage; /* of the last slot that could not be tried */
};

static int slot_open(struct opening *o, const char *name, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *wrap = wrapping_key(o->holder, o->key);
    KG_AUTO_SECRET struct kg_secret *master = kg_secret_new(KG_KEY_BYTES);
    uint8_t slot[KG_SLOT_BYTES], ad[KG_AD_ROOM + AT_SEALED], id[KEY_ID];
    struct kg_vault *v = o->v;
    int r;

    if (slot_read(v, name, slot, err) < 0)
        return -(int)err->code;
    key_id(o->holder, o->key, id);
    if (!kg_bytes_equal(id, slot + AT_KEY_ID, KEY_ID))
        return 0; /* somebody else's */
    r = kg_unseal(wrap, ad, slot_ad(v, name, slot, ad), slot + AT_SEALED, KG_KEY_BYTES + KG_SEAL_EXTRA,
                  kg_secret_open_write(master), err);
    kg_secret_shut(master);
    if (r < 0)
        return kg_err_wrap(err, "%s", name);
    v->master = master;
    if (mac_check(v, name, slot, err) < 0) {
        v->master = NULL;
        return -(int)err->code;
    }
    master = NULL; /* the vault's now */
    snprintf(v->slot, sizeof v->slot, "%s", name);
    return 0;
}

static int try_slot(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct opening *o = ctx;

    if (o->v->master)
        return 0;
    o->slots++;
    if (slot_open(o, e->name, err) < 0) {
        if (err->code != KG_E_CORRUPT)
            return -(int)err->code;
        o->damage = *err;
        *err = (struct kg_err){ 0 };
    }
    return 0;
}

int kg_slots_open(struct kg_vault *v, enum kg_holder holder, const struct kg_secret *key, struct kg_err *err)
{
    struct opening o = { .v = v, .holder = holder, .key = key };
    const char *whose = holder == KG_HOLDER_SERVICE ? "the service's key" : "the recovery key";

    if (kg_secret_size(key) != KG_KEY_BYTES)
        return kg_err_set(err, KG_E_WRONG_KEY, "%s has %zu bytes where %d belong", whose, kg_secret_size(key), KG_KEY_BYTES);
    if (kg_store_list(v->store, kg_slot_prefix(holder), try_slot, &o, err) < 0)
        return -(int)err->code;
    if (v->master)
        return 0;
    if (o.damage.code) {
        *err = o.damage;
        return -(int)err->code;
    }
    if (!o.slots)
        return kg_err_set(err, KG_E_WRONG_KEY, "vault %s has no key slot for %s", v->id, whose);
    return kg_err_set(err, KG_E_WRONG_KEY, "%s is not one of vault %s", whose, v->id);
}

/* ---- the recovery key's text: 32 bytes and 3 of a checksum, 56 characters of 5 bits, in groups of 4 ---- */

enum { RAW = KG_KEY_BYTES + 3, CHARS = RAW * 8 / 5 };
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base 32: no I, L, O, U */

static void recovery_sum(const uint8_t *key, uint8_t out[3])
{
    static const char tag[] = "keepgres recovery key 1";
    uint8_t all[sizeof tag - 1 + KG_KEY_BYTES], d[KG_HASH_BYTES];

    memcpy(all, tag, sizeof tag - 1);
    memcpy(all + sizeof tag - 1, key, KG_KEY_BYTES);
    kg_digest(all, sizeof all, d);
    memcpy(out, d, 3);
    kg_wipe(all, sizeof all);
}

struct kg_secret *kg_recovery_to_text(const struct kg_secret *key)
{
    struct kg_secret *text = kg_secret_new(KG_RECOVERY_TEXT);
    char *out = (char *)kg_secret_open_write(text);
    uint8_t raw[RAW];

    KG_ASSERT(kg_secret_size(key) == KG_KEY_BYTES);
    memcpy(raw, kg_secret_open(key), KG_KEY_BYTES);
    kg_secret_shut(key);
    recovery_sum(raw, raw + KG_KEY_BYTES);
    for (unsigned i = 0; i < CHARS; i++) {
        unsigned bit = i * 5, byte = bit / 8, shift = bit % 8;
        unsigned two = (unsigned)raw[byte] << 8 | (byte + 1 < RAW ? raw[byte + 1] : 0);

        if (i && i % 4 == 0)
            *out++ = '-';
        *out++ = alphabet[two >> (11 - shift) & 31];
    }
    kg_secret_shut(text);
    kg_wipe(raw, sizeof raw);
    return text;
}

/* 0 to 31; -1: to be skipped; -2: no character of a recovery key. What looks alike is taken as the one that exists. */
static int digit_of(uint8_t c)
{
    const char *at;

    if (strchr("- \t\r\n", c))
        return -1;
    c = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
    at = strchr(alphabet, c);
    return at && c ? (int)(at - alphabet) : -2;
}

static int typing_mistake(struct kg_err *err, const char *what)
{
    kg_err_set(err, KG_E_WRONG_KEY, "the recovery key has a typing mistake: %s", what);
    kg_err_advise(err, "Type the recovery key again as it is printed: %d groups of 4 letters and digits.", CHARS / 4);
    return -(int)err->code;
}

static int digits_to_raw(const uint8_t *t, size_t n, uint8_t raw[RAW], struct kg_err *err)
{
    unsigned digits = 0;

    memset(raw, 0, RAW);
    for (size_t i = 0; i < n; i++) {
        int d = t[i] ? digit_of(t[i]) : -2;

        if (d == -1)
            continue;
        if (d == -2)
            return typing_mistake(err, "it has a character that no recovery key has");
        if (digits == CHARS)
            return typing_mistake(err, "it is too long");
        for (unsigned b = 0; b < 5; b++)
            if (d >> (4 - b) & 1)
                raw[(digits * 5 + b) / 8] |= (uint8_t)(0x80 >> ((digits * 5 + b) % 8));
        digits++;
    }
    return digits == CHARS ? 0 : typing_mistake(err, "it is too short");
}

int kg_recovery_from_text(const struct kg_secret *text, struct kg_secret **ret_key, struct kg_err *err)
{
    uint8_t raw[RAW], sum[3];
    int r = digits_to_raw(kg_secret_open(text), kg_secret_size(text), raw, err);

    kg_secret_shut(text);
    if (r == 0) {
        recovery_sum(raw, sum);
        if (memcmp(sum, raw + KG_KEY_BYTES, sizeof sum) != 0)
            r = typing_mistake(err, "its checksum is not right");
        else
            *ret_key = kg_secret_new_copy(raw, KG_KEY_BYTES);
    }
    kg_wipe(raw, sizeof raw);
    return r;
}
