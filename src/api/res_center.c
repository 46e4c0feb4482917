/* The overview of everything that is backed up: one answer, of which everybody gets what they may see. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "api/standing.h"
#include "api/usage.h"
#include "base/alloc.h"

#define DAY (24 * 3600 * KG_SECOND)

enum { ATTENTION = 20, NEXT_MOST = 10, JOB_DAYS = 7, STORED_DAYS = 14 };

/* What is counted of jobs, and what it is called in a day. */
static const struct { const char *status, *in_day; } counted[] = {
    { "Completed", "completed" }, { "CompletedWithWarnings", "warnings" }, { "Failed", "failed" }, { "InProgress", NULL },
    { "Cancelled", "cancelled" },
};
enum { COUNTED = KG_ARRAY_LEN(counted), IN_PROGRESS = 3 };

static const char *const tiers[] = { "VaultStore", "ArchiveStore" };
static const char *const amounts[] = { "logicalBytes", "storedBytes", "savedByDeduplicationBytes", "savedByCompressionBytes" };

struct next { kg_usec time; char *id, *name, *policy; };

struct center {
    struct kg_call *c;
    struct kg_view instances, jobs, vaults;
    struct kg_stands stands;
    int64_t today;                       /* since 1970, UTC */
    uint64_t total, protected, stopped, soft_deleted, attention_count;
    unsigned attention_most;             /* rows of attention; $top asks for more */
    struct kg_json *attention;
    struct next next[NEXT_MOST];         /* soonest first */
    size_t n_next;
    uint64_t last24h[COUNTED], day[JOB_DAYS][COUNTED]; /* day: today last */
    uint64_t usage[KG_ARRAY_LEN(tiers)][KG_ARRAY_LEN(amounts)], stored[STORED_DAYS];
    uint64_t n_vaults;
};

static void center_done(struct center *a)
{
    for (size_t i = 0; i < a->n_next; i++) {
        free(a->next[i].id);
        free(a->next[i].name);
        free(a->next[i].policy);
    }
    kg_stands_done(&a->stands);
    kg_json_free(a->attention);
}
#define AUTO_CENTER KG_CLEANUP(center_done)

/* ---- instances ---- */

static bool is_one_of(const char *state, const char *const *states)
{
    for (; *states; states++)
        if (strcasecmp(state, *states) == 0)
            return true;
    return false;
}

static const char *friendly_name(const struct kg_resource *r) { return kg_json_str_or(r->json, "properties.friendlyName", r->name); }

static void note_next(struct center *a, const struct kg_resource *r, const struct kg_followed *f)
{
    size_t at = a->n_next;

    while (at > 0 && a->next[at - 1].time > f->soonest)
        at--;
    if (at == NEXT_MOST)
        return;
    if (a->n_next == NEXT_MOST) {
        a->n_next--;
        free(a->next[a->n_next].id);
        free(a->next[a->n_next].name);
        free(a->next[a->n_next].policy);
    }
    memmove(&a->next[at + 1], &a->next[at], (a->n_next - at) * sizeof *a->next);
    a->next[at] = (struct next){ f->soonest, kg_xstrdup(r->id), kg_xstrdup(friendly_name(r)), kg_xstrdup(f->name) };
    a->n_next++;
}

static int note_attention(struct center *a, const struct kg_resource *r, struct kg_err *err)
{
    KG_AUTO_ATTENTION struct kg_attention why = { 0 };
    struct kg_json *j;

    if (kg_stands_attention(&a->stands, r, a->attention_count < a->attention_most, &why, err) < 0)
        return -(int)err->code;
    if (!why.reason || a->attention_count++ >= a->attention_most)
        return 0;
    j = kg_json_object();
    kg_json_set_str(j, "id", r->id);
    kg_json_set_str(j, "friendlyName", friendly_name(r));
    kg_json_set_str(j, "reason", why.reason);
    kg_json_set_str(j, "code", why.code);
    kg_json_push(a->attention, j);
    return 0;
}

static int see_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    static const char *const protected[] = { "ProtectionConfigured", "UpdatingProtection", NULL };
    static const char *const stopped[] = { "ProtectionStopped", "BackupSchedulesSuspended", "RetentionSchedulesSuspended", NULL };
    const char *state = kg_json_str_or(r->json, "properties.currentProtectionState", "");
    const struct kg_followed *f;
    struct center *a = arg;
    bool sees;

    if (kg_view_sees(a->c, &a->instances, r->id, &sees, err) < 0)
        return -(int)err->code;
    if (!sees)
        return 0;
    if (kg_instance_is_deleted(r->json)) {
        a->soft_deleted++;
        return 0;
    }
    a->total++;
    a->protected += is_one_of(state, protected);
    a->stopped += is_one_of(state, stopped);
    f = kg_stands_policy(&a->stands, r);
    if (f && f->soonest)
        note_next(a, r, f);
    return note_attention(a, r, err);
}

static struct kg_json *next_backups(const struct center *a)
{
    struct kg_json *list = kg_json_array();
    char when[32];

    for (size_t i = 0; i < a->n_next; i++) {
        struct kg_json *j = kg_json_object();

        kg_json_set_str(j, "time", kg_time_iso_seconds(a->next[i].time, when));
        kg_json_set_str(j, "id", a->next[i].id);
        kg_json_set_str(j, "friendlyName", a->next[i].name);
        kg_json_set_str(j, "policyName", a->next[i].policy);
        kg_json_push(list, j);
    }
    return list;
}

/* ---- jobs ---- */

static int kind_of(const char *status)
{
    for (size_t i = 0; i < COUNTED; i++)
        if (strcasecmp(counted[i].status, status) == 0)
            return (int)i;
    return -1;
}

/* Rows come by vault, so each vault is asked about once. Those that run are counted elsewhere, whenever they began. */
static int tally(struct center *a, kg_usec from, bool by_day, struct kg_err *err)
{
    KG_AUTO_TALLY struct kg_tally t = { 0 };
    bool sees = false;

    if (kg_catalog_job_tally(a->c->api->catalog, kg_call_id(a->c), from, &t, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < t.count; i++) {
        const struct kg_tally_row *r = &t.rows[i];
        int kind = kind_of(r->status);
        int64_t day = r->day - (a->today - JOB_DAYS + 1);

        if ((i == 0 || strcmp(r->vault, t.rows[i - 1].vault) != 0) && kg_view_sees(a->c, &a->jobs, r->vault, &sees, err) < 0)
            return -(int)err->code;
        if (!sees || kind < 0 || kind == IN_PROGRESS)
            continue;
        if (!by_day)
            a->last24h[kind] += r->count;
        else if (day >= 0 && day < JOB_DAYS)
            a->day[day][kind] += r->count;
    }
    return 0;
}

static char *date_of(int64_t day)
{
    char when[32];

    return kg_xstrndup(kg_time_iso_seconds(day * DAY, when), 10);
}

static struct kg_json *jobs_of(const struct center *a)
{
    struct kg_json *j = kg_json_object(), *last = kg_json_object(), *days = kg_json_array();

    for (size_t k = 0; k < COUNTED; k++)
        kg_json_set_u64(last, counted[k].status, a->last24h[k]);
    for (int d = 0; d < JOB_DAYS; d++) {
        KG_AUTO_FREE char *date = date_of(a->today - JOB_DAYS + 1 + d);
        struct kg_json *day = kg_json_object();

        kg_json_set_str(day, "date", date);
        for (size_t k = 0; k < COUNTED; k++)
            if (counted[k].in_day)
                kg_json_set_u64(day, counted[k].in_day, a->day[d][k]);
        kg_json_push(days, day);
    }
    kg_json_set(j, "last24h", last);
    kg_json_set(j, "days", days);
    return j;
}

/* ---- vaults ---- */

/* What a vault took up each day: what was measured last by then. Of today, what it takes up now. */
static int add_stored(struct center *a, const struct kg_resource *vault, uint64_t now, struct kg_err *err)
{
    KG_AUTO_USAGE_LIST struct kg_usage_list l = { 0 };

    if (kg_catalog_usage_list(a->c->api->catalog, vault->id, 2 * STORED_DAYS, &l, err) < 0)
        return -(int)err->code;
    a->stored[STORED_DAYS - 1] += now;
    for (int d = 0; d < STORED_DAYS - 1; d++)
        for (size_t i = 0; i < l.count; i++)
            if (l.rows[i].day <= a->today - STORED_DAYS + 1 + d) {
                a->stored[d] += kg_json_u64(l.rows[i].json, "storedBytes", 0);
                break;
            }
    return 0;
}

static void add_tiers(struct center *a, const struct kg_json *usage)
{
    for (const struct kg_json *t = kg_json_first(kg_json_get(usage, "properties.tiers")); t; t = kg_json_next(t))
        for (size_t i = 0; i < KG_ARRAY_LEN(tiers); i++)
            for (size_t k = 0; k < KG_ARRAY_LEN(amounts) && strcmp(kg_json_str_or(t, "dataStoreType", ""), tiers[i]) == 0; k++)
                a->usage[i][k] += kg_json_u64(t, amounts[k], 0);
}

static int see_vault(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct kg_job_query running = { .vault = r->id, .unfinished = true };
    KG_AUTO_JSON struct kg_json *usage = NULL;
    struct center *a = arg;
    bool vault, jobs;
    uint64_t n = 0;

    if (kg_view_sees(a->c, &a->vaults, r->id, &vault, err) < 0 || kg_view_sees(a->c, &a->jobs, r->id, &jobs, err) < 0 ||
        (jobs && kg_catalog_job_count(a->c->api->catalog, &running, &n, err) < 0))
        return -(int)err->code;
    a->last24h[IN_PROGRESS] += n;
    if (!vault)
        return 0;
    a->n_vaults++;
    if (kg_usage_of_vault(a->c, r, false, &usage, err) < 0)
        return -(int)err->code;
    add_tiers(a, usage);
    return add_stored(a, r, kg_json_u64(usage, "properties.storedBytes", 0), err);
}

static struct kg_json *usage_of(const struct center *a)
{
    struct kg_json *j = kg_json_object();

    for (size_t i = 0; i < KG_ARRAY_LEN(tiers); i++) {
        struct kg_json *t = kg_json_object();

        for (size_t k = 0; k < KG_ARRAY_LEN(amounts); k++)
            kg_json_set_u64(t, amounts[k], a->usage[i][k]);
        kg_json_set(j, tiers[i], t);
    }
    return j;
}

static struct kg_json *stored_of(const struct center *a)
{
    struct kg_json *list = kg_json_array();

    for (int d = 0; d < STORED_DAYS; d++) {
        KG_AUTO_FREE char *date = date_of(a->today - STORED_DAYS + 1 + d);
        struct kg_json *j = kg_json_object();

        kg_json_set_str(j, "date", date);
        kg_json_set_u64(j, "bytes", a->stored[d]);
        kg_json_push(list, j);
    }
    return list;
}

/* ---- other resources ---- */

struct counting { struct kg_call *c; struct kg_view view; uint64_t n; };

static int count_one(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct counting *k = arg;
    bool sees;

    if (kg_view_sees(k->c, &k->view, r->id, &sees, err) < 0)
        return -(int)err->code;
    k->n += sees;
    return 0;
}

static int count_type(struct kg_call *c, const char *type, const char *action, uint64_t *n, struct kg_err *err)
{
    struct kg_resource_query q = { .type = type, .under = kg_call_id(c) };
    struct counting k = { .c = c };
    int r = 0;

    if (kg_view_of(c, action, kg_call_id(c), &k.view, err) < 0)
        return -(int)err->code;
    if (k.view.all)
        r = kg_catalog_count(c->api->catalog, &q, &k.n, err);
    else if (k.view.some)
        r = kg_each_resource(c->api->catalog, &q, count_one, &k, err);
    *n += k.n;
    return r;
}

/* ---- key vaults ---- */

/* Those with a secret that can be read now; of the first that has none, its id. */
struct logins { struct kg_call *c; struct kg_view view; kg_usec now; uint64_t keyvaults, ready; char *empty; };

static void logins_done(struct logins *l) { free(l->empty); }
#define AUTO_LOGINS KG_CLEANUP(logins_done)

static bool is_valid(const struct kg_secret_row *r, kg_usec now)
{
    return r->enabled && r->not_before <= now && (!r->expires || r->expires > now);
}

static int see_keyvault(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    bool azure = strcasecmp(kg_json_str_or(r->json, "properties.provider", ""), "azure") == 0, sees, ready = azure;
    KG_CLEANUP(kg_secret_list_done) struct kg_secret_list s = { 0 };
    struct logins *l = arg;

    if (kg_view_sees(l->c, &l->view, r->id, &sees, err) < 0)
        return -(int)err->code;
    if (!sees)
        return 0;
    if (!azure && kg_catalog_secret_list(l->c->api->catalog, r->id, NULL, NULL, KG_API_PAGE_MAX, &s, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < s.count && !ready; i++)
        ready = is_valid(&s.rows[i], l->now);
    l->keyvaults++;
    l->ready += ready;
    if (!ready && !l->empty)
        l->empty = kg_xstrdup(r->id);
    return 0;
}

/* What Azure's key vaults hold is not asked for here: they count as ready. */
static int look_at_keyvaults(struct kg_call *c, kg_usec now, struct kg_json *ret, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_KEYVAULT, .under = kg_call_id(c) };
    AUTO_LOGINS struct logins l = { .c = c, .now = now };

    if (kg_view_of(c, KG_TYPE_KEYVAULT "/read", kg_call_id(c), &l.view, err) < 0 ||
        ((l.view.all || l.view.some) && kg_each_resource(c->api->catalog, &q, see_keyvault, &l, err) < 0))
        return -(int)err->code;
    kg_json_set_u64(ret, "keyVaults", l.keyvaults);
    kg_json_set_u64(ret, "keyVaultsWithSecrets", l.ready);
    kg_json_set_str(ret, "keyVaultWithoutSecret", l.empty);
    return 0;
}

/* ---- the answer ---- */

static int look(struct center *a, struct kg_err *err)
{
    struct kg_catalog *c = a->c->api->catalog;
    const char *scope = kg_call_id(a->c);
    struct kg_resource_query instances = { .type = KG_TYPE_INSTANCE, .under = scope }, vaults = { .type = KG_TYPE_VAULT, .under = scope };
    bool there;

    if (kg_catalog_exists(c, scope, &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no '%s'", scope);
    if (kg_view_of(a->c, KG_TYPE_INSTANCE "/read", scope, &a->instances, err) < 0 ||
        kg_view_of(a->c, KG_TYPE_JOB "/read", scope, &a->jobs, err) < 0 ||
        kg_view_of(a->c, KG_TYPE_VAULT "/read", scope, &a->vaults, err) < 0 ||
        kg_each_resource(c, &instances, see_instance, a, err) < 0 || kg_each_resource(c, &vaults, see_vault, a, err) < 0 ||
        tally(a, a->stands.now - DAY, false, err) < 0 || tally(a, (a->today - JOB_DAYS + 1) * DAY, true, err) < 0)
        return -(int)err->code;
    return 0;
}

/* What the service itself has to say. */
static struct kg_json *warnings_of(const struct kg_call *c)
{
    KG_AUTO_JSON struct kg_json *facts = kg_json_object();
    struct kg_json *list = kg_json_array(), *w;

    c->api->env.facts(c->api->env.arg, facts);
    if (!kg_json_str(facts, "clock.warning"))
        return list;
    kg_json_push(list, w = kg_json_object());
    kg_json_set_str(w, "code", "Clock");
    kg_json_set_str(w, "message", kg_json_str(facts, "clock.warning"));
    kg_json_set_str(w, "recommendedAction", kg_json_str(facts, "clock.recommendedAction"));
    return list;
}

int kg_res_backup_center(struct kg_call *c, struct kg_err *err)
{
    AUTO_CENTER struct center a = { .c = c, .attention = kg_json_array(), .attention_most = ATTENTION };
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    uint64_t policies = 0, servers = 0;

    if (kg_query_get(c->query, "$top") && kg_call_top(c, &a.attention_most, err) < 0)
        return -(int)err->code;

    kg_stands_init(&a.stands, c->api->catalog);
    a.today = a.stands.now / DAY;
    if (look(&a, err) < 0 || count_type(c, KG_TYPE_POLICY, KG_TYPE_POLICY "/read", &policies, err) < 0 ||
        count_type(c, KG_TYPE_SERVER, KG_TYPE_SERVER "/read", &servers, err) < 0 ||
        count_type(c, KG_TYPE_FLEXIBLE, KG_TYPE_FLEXIBLE "/read", &servers, err) < 0 ||
        look_at_keyvaults(c, a.stands.now, j, err) < 0)
        return -(int)err->code;
    kg_json_set_u64(j, "instances.total", a.total);
    kg_json_set_u64(j, "instances.protected", a.protected);
    kg_json_set_u64(j, "instances.stopped", a.stopped);
    kg_json_set_u64(j, "instances.softDeleted", a.soft_deleted);
    kg_json_set_u64(j, "instances.attentionCount", a.attention_count);
    kg_json_set(j, "instances.attention", KG_TAKE(a.attention));
    kg_json_set(j, "jobs", jobs_of(&a));
    kg_json_set(j, "usage", usage_of(&a));
    kg_json_set(j, "storedPerDay", stored_of(&a));
    kg_json_set(j, "nextBackups", next_backups(&a));
    kg_json_set_u64(j, "vaults", a.n_vaults);
    kg_json_set_u64(j, "policies", policies);
    kg_json_set_u64(j, "servers", servers);
    kg_json_set(j, "warnings", warnings_of(c));
    return kg_call_answer(c, 200, KG_TAKE(j), err);
}
