#include "vault/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "sys/alive.h"

enum { NOTE_LIMIT = 1 << 20, TRIES = 100, HOST_ROOM = 65 };
#define LOCK_NAME "locks/collect"

struct kg_presence {
    const struct kg_vault *v;
    char name[KG_OBJECT_NAME];
    struct kg_doomed_list doomed;
};

static void fresh_name(const char *folder, char out[KG_OBJECT_NAME])
{
    uint8_t random[8];
    char hex[17];

    kg_random(random, sizeof random);
    kg_hex(random, sizeof random, hex);
    snprintf(out, KG_OBJECT_NAME, "%s/%s", folder, hex);
}

/* ---- doomed objects ---- */

static int compare_ids(const void *a, const void *b) { return memcmp(a, b, KG_PACK_ID); }

bool kg_doomed_has(const struct kg_doomed *d, const uint8_t pack[KG_PACK_ID])
{
    return d->n && bsearch(pack, d->packs, d->n, KG_PACK_ID, compare_ids);
}

int kg_doomed_put(const struct kg_vault *v, uint8_t (*packs)[KG_PACK_ID], size_t n, struct kg_err *err)
{
    int eno = KG_FAULT(VAULT_DOOM);
    char name[KG_OBJECT_NAME];
    uint64_t size;

    fresh_name("doomed", name);
    if (eno)
        return kg_err_sys(err, eno, "write %s", name);
    qsort(packs, n, KG_PACK_ID, compare_ids);
    return kg_sealed_object_put(v, KG_BLOCK_DOOMED, KG_MAGIC_DOOMED, name, NULL, packs, n * KG_PACK_ID, &size, err);
}

static int note_doomed(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct kg_doomed_list *l = ctx;

    (void)err;
    KG_GROW(l->list, l->n, l->cap);
    l->list[l->n] = (struct kg_doomed){ 0 };
    snprintf(l->list[l->n++].name, KG_OBJECT_NAME, "%s", e->name);
    return 0;
}

/* One that is gone meanwhile has been dealt with: what it named is gone, or stays. */
static int load_doomed(const struct kg_vault *v, struct kg_doomed *d, struct kg_err *err)
{
    uint8_t *bytes = NULL;
    size_t n;

    if (kg_sealed_object_get(v, KG_BLOCK_DOOMED, KG_MAGIC_DOOMED, d->name, KG_DIR_LIMIT, &bytes, &n, err) < 0) {
        if (err->code != KG_E_NOT_FOUND)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        return 0;
    }
    if (n % KG_PACK_ID != 0) {
        free(bytes);
        return kg_err_set(err, KG_E_CORRUPT, "%s: it has no whole ids", d->name);
    }
    d->packs = (uint8_t(*)[KG_PACK_ID])(void *)bytes;
    d->n = n / KG_PACK_ID;
    return 0;
}

int kg_doomed_load(const struct kg_vault *v, struct kg_doomed_list *ret, struct kg_err *err)
{
    struct kg_doomed_list l = { 0 };
    int r = kg_store_list(v->store, "doomed/", note_doomed, &l, err);

    for (size_t i = 0; r == 0 && i < l.n; i++)
        r = load_doomed(v, &l.list[i], err);
    if (r < 0)
        kg_doomed_done(&l);
    else
        *ret = l;
    return r;
}

void kg_doomed_done(struct kg_doomed_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->list[i].packs);
    free(l->list);
    *l = (struct kg_doomed_list){ 0 };
}

/* ---- notes: who is there ---- */

static int put_note(const struct kg_vault *v, const char *name, const char *what, const struct kg_doomed_list *doomed,
                    struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(NOTE_LIMIT);
    struct kg_json *known = kg_json_array();
    char host[HOST_ROOM] = "", mark[KG_MARK_ROOM], when[32];
    uint64_t size;

    (void)gethostname(host, sizeof host - 1);
    kg_json_set_str(j, "what", what);
    kg_json_set_str(j, "host", host);
    kg_json_set_str(j, "process", kg_mark_self(mark));
    kg_json_set_str(j, "since", kg_time_iso_seconds(kg_now_wall(), when));
    for (size_t i = 0; doomed && i < doomed->n; i++)
        kg_json_push_str(known, doomed->list[i].name);
    kg_json_set(j, "doomed", known);
    kg_json_print(j, false, &b);
    if (kg_buf_ok(&b, err) < 0)
        return -(int)err->code;
    return kg_sealed_object_put(v, KG_BLOCK_PRESENCE, KG_MAGIC_PRESENCE, name, NULL, b.p, b.len, &size, err);
}

/* KG_E_NOT_FOUND: it is gone. */
static int get_note(const struct kg_vault *v, const char *name, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *text = NULL;
    size_t n;

    if (kg_sealed_object_get(v, KG_BLOCK_PRESENCE, KG_MAGIC_PRESENCE, name, NOTE_LIMIT, &text, &n, err) < 0)
        return -(int)err->code;
    return kg_json_parse((const char *)text, n, ret, err);
}

static bool knows(const struct kg_json *note, const char *doomed)
{
    for (const struct kg_json *i = kg_json_first(kg_json_get(note, "doomed")); i; i = kg_json_next(i))
        if (strcmp(kg_json_value_str(i) ? kg_json_value_str(i) : "", doomed) == 0)
            return true;
    return false;
}

/* ---- a writer's ---- */

/* Nothing new was doomed between looking and being known. */
static int is_complete(struct kg_presence *p, bool *ret, struct kg_err *err)
{
    struct kg_doomed_list now = { 0 };

    *ret = true;
    if (kg_store_list(p->v->store, "doomed/", note_doomed, &now, err) < 0) {
        kg_doomed_done(&now);
        return -(int)err->code;
    }
    for (size_t i = 0; i < now.n; i++) {
        bool known = false;

        for (size_t k = 0; k < p->doomed.n && !known; k++)
            known = strcmp(now.list[i].name, p->doomed.list[k].name) == 0;
        *ret = *ret && known;
    }
    kg_doomed_done(&now);
    return 0;
}

static void withdraw(struct kg_presence *p)
{
    struct kg_err ignored = { 0 };

    if (p->name[0])
        (void)!kg_store_remove(p->v->store, p->name, &ignored); /* collection removes what is left behind */
    p->name[0] = '\0';
}

int kg_presence_begin(const struct kg_vault *v, const char *what, struct kg_presence **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_presence_endp) struct kg_presence *p = kg_xalloc(sizeof *p);
    bool complete = false;

    p->v = v;
    for (unsigned i = 0; !complete && i < TRIES; i++) {
        char name[KG_OBJECT_NAME];

        withdraw(p);
        kg_doomed_done(&p->doomed);
        fresh_name("writers", name);
        if (kg_doomed_load(v, &p->doomed, err) < 0 || put_note(v, name, what, &p->doomed, err) < 0)
            return -(int)err->code;
        memcpy(p->name, name, sizeof name);
        if (is_complete(p, &complete, err) < 0)
            return -(int)err->code;
    }
    if (!complete)
        return kg_err_set(err, KG_E_BUSY, "vault %s is being collected again and again", v->id);
    *ret = KG_TAKE(p);
    return 0;
}

/* A reader knows of nothing: whatever is doomed, it may be reading it. */
int kg_vault_hold(struct kg_vault *v, const char *what, struct kg_presence **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_presence_endp) struct kg_presence *p = kg_xalloc(sizeof *p);
    char name[KG_OBJECT_NAME];

    p->v = v;
    fresh_name("writers", name);
    if (put_note(v, name, what, NULL, err) < 0)
        return -(int)err->code;
    memcpy(p->name, name, sizeof name);
    *ret = KG_TAKE(p);
    return 0;
}

void kg_vault_release(struct kg_presence *p) { kg_presence_end(p); }

int kg_presence_check(const struct kg_presence *p, struct kg_err *err)
{
    uint64_t size;

    if (kg_store_size(p->v->store, p->name, &size, err) == 0)
        return 0;
    if (err->code != KG_E_NOT_FOUND)
        return kg_err_wrap(err, "see whether the vault was collected");
    *err = (struct kg_err){ 0 };
    return kg_err_set(err, KG_E_COLLECTED, "vault %s was collected while this machine stood still", p->v->id);
}

void kg_presence_end(struct kg_presence *p)
{
    if (!p)
        return;
    withdraw(p);
    kg_doomed_done(&p->doomed);
    free(p);
}

bool kg_presence_doomed(const struct kg_presence *p, const uint8_t pack[KG_PACK_ID])
{
    for (size_t i = 0; i < p->doomed.n; i++)
        if (kg_doomed_has(&p->doomed.list[i], pack))
            return true;
    return false;
}

/* ---- others ---- */

struct others { const struct kg_vault *v; const char *doomed; const struct kg_judge *judge; struct kg_json *waiting; };

static bool is_over(enum kg_life_of life, const struct kg_store_entry *e, const struct kg_judge *judge)
{
    kg_usec age = judge->now - e->modified_wall;

    return life == KG_IS_DEAD ||
           (life == KG_LIVES_ELSEWHERE && (judge->take_over || (age > KG_PRESENCE_STALE && age < KG_PRESENCE_ABSURD)));
}

static int see_writer(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct others *o = ctx;
    KG_AUTO_JSON struct kg_json *note = NULL;
    enum kg_life_of life;
    struct kg_json *who;

    if (get_note(o->v, e->name, &note, err) < 0) {
        if (err->code != KG_E_NOT_FOUND)
            return kg_err_wrap(err, "see who is at work in the vault");
        *err = (struct kg_err){ 0 };
        return 0;
    }
    life = kg_mark_alive(kg_json_str_or(note, "process", ""));
    if (is_over(life, e, o->judge)) {
        if (kg_store_remove(o->v->store, e->name, err) == 0 || err->code == KG_E_NOT_FOUND) {
            *err = (struct kg_err){ 0 };
            return 0;
        }
        return -(int)err->code;
    }
    if (knows(note, o->doomed))
        return 0;
    who = kg_json_object();
    kg_json_set_str(who, "what", kg_json_str_or(note, "what", "?"));
    kg_json_set_str(who, "host", kg_json_str_or(note, "host", "?"));
    kg_json_set_str(who, "since", kg_json_str_or(note, "since", "?"));
    kg_json_set_bool(who, "elsewhere", life == KG_LIVES_ELSEWHERE);
    kg_json_push(o->waiting, who);
    return 0;
}

int kg_presence_others(const struct kg_vault *v, const char *doomed, const struct kg_judge *judge, struct kg_json *waiting,
                       struct kg_err *err)
{
    struct others o = { v, doomed, judge, waiting };

    return kg_store_list(v->store, "writers/", see_writer, &o, err);
}

/* ---- one collection at a time ---- */

int kg_collect_locked(const struct kg_vault *v, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *note = NULL;
    char mark[KG_MARK_ROOM];

    if (get_note(v, LOCK_NAME, &note, err) < 0)
        return kg_err_wrap(err, "the lock of this collection");
    if (strcmp(kg_json_str_or(note, "process", ""), kg_mark_self(mark)) != 0)
        return kg_err_set(err, KG_E_BUSY, "another collection has taken over vault %s", v->id);
    return 0;
}

static int note_time(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    kg_usec *time = ctx;

    (void)err;
    if (strcmp(e->name, LOCK_NAME) == 0)
        *time = e->modified_wall;
    return 0;
}

int kg_collect_now(const struct kg_vault *v, kg_usec *ret, struct kg_err *err)
{
    *ret = kg_now_wall();
    return kg_store_list(v->store, LOCK_NAME, note_time, ret, err);
}

/* A machine that was started anew does not know its own mark any more, but it has kept its name. */
static bool was_this_machine(const struct kg_json *note)
{
    const char *host = kg_json_str_or(note, "host", "");
    char own[HOST_ROOM] = "";

    (void)gethostname(own, sizeof own - 1);
    return *host && strncmp(host, "localhost", 9) != 0 && strcmp(host, own) == 0;
}

int kg_collect_lock(const struct kg_vault *v, bool take_over, struct kg_err *err)
{
    for (unsigned i = 0; i < TRIES; i++) {
        KG_AUTO_JSON struct kg_json *note = NULL;
        char mark[KG_MARK_ROOM];
        enum kg_life_of life;

        if (put_note(v, LOCK_NAME, "collect", NULL, err) == 0)
            return 0;
        if (err->code != KG_E_EXISTS)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        if (get_note(v, LOCK_NAME, &note, err) < 0) {
            if (err->code != KG_E_NOT_FOUND)
                return -(int)err->code;
            *err = (struct kg_err){ 0 };
            continue;
        }
        life = kg_mark_alive(kg_json_str_or(note, "process", ""));
        if (strcmp(kg_json_str_or(note, "process", ""), kg_mark_self(mark)) == 0)
            life = KG_IS_DEAD;           /* an earlier collection of ours that could not delete it */
        if (life == KG_LIVES_ELSEWHERE && was_this_machine(note))
            life = KG_IS_DEAD;
        if (life == KG_LIVES || (life == KG_LIVES_ELSEWHERE && !take_over)) {
            kg_err_set(err, KG_E_BUSY, "vault %s is being collected by a process on '%s' since %s", v->id,
                       kg_json_str_or(note, "host", "?"), kg_json_str_or(note, "since", "?"));
            kg_err_advise(err, "%s", life == KG_LIVES ? "Wait until it has ended." :
                          "Wait until it has ended; if that machine will never come back, collect with --take-over.");
            return -(int)err->code;
        }
        if (kg_store_remove(v->store, LOCK_NAME, err) < 0 && err->code != KG_E_NOT_FOUND)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
    }
    return kg_err_set(err, KG_E_BUSY, "the lock of vault %s changes hands again and again", v->id);
}

void kg_collect_unlock(const struct kg_vault *v)
{
    struct kg_err ignored = { 0 };

    if (kg_collect_locked(v, &ignored) == 0)
        (void)!kg_store_remove(v->store, LOCK_NAME, &ignored);
}
