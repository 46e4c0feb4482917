/* What a policy will have kept, on each day of the coming years: the functions that tag and expire recovery points, asked
 * about days to come. Nothing is started and nothing stored.
 *
 * The service stands still meanwhile, so everything is bounded: points by KG_PREVIEW_MOST and EXISTING_MOST, dates by
 * DATES_MOST. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "policy/preview.h"
#include "policy/promise.h"
#include "policy/schedule.h"

enum { YEARS_MOST = 30, DATES_MOST = 400, EXISTING_MOST = 10000, STARTS_SHOWN = 10 };
static const kg_usec day_usec = 86400 * KG_SECOND;

struct ask {
    struct kg_policy *policy;
    struct kg_zone *zone;
    kg_usec now, until;
    kg_usec at[DATES_MOST];              /* in order */
    size_t dates;
    char *instance;                      /* id; NULL: of no instance */
    char *state;                         /* of its protection, for the answer */
    bool scheduled, retained;            /* what that means */
    kg_usec previous;                    /* its newest scheduled backup that succeeded */
    struct kg_life *life;                /* its points, in order of time */
    char **tag;                          /* theirs */
    size_t points, cap, cap_tags;
};

static void ask_done(struct ask *a)
{
    kg_policy_free(a->policy);
    kg_zone_free(a->zone);
    free(a->instance);
    free(a->state);
    free(a->life);
    for (size_t i = 0; i < a->points; i++)
        free(a->tag[i]);
    free(a->tag);
}

/* Does a schedule start backups, as things are? */
static bool is_scheduled(const struct ask *a) { return !a->instance || a->scheduled; }

/* ---- the policy ---- */

static int read_policy(struct kg_call *c, struct ask *a, struct kg_err *err)
{
    const struct kg_json *given = kg_json_get(c->body, "policy");
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    KG_AUTO_RESOURCE struct kg_resource stored = { 0 };

    if (kg_catalog_get(c->api->catalog, vault, &stored, err) < 0)
        return -(int)err->code;
    kg_resource_done(&stored);
    stored = (struct kg_resource){ 0 };
    if (kg_json_type(given) == KG_JSON_NULL) {
        if (kg_catalog_get(c->api->catalog, kg_call_id(c), &stored, err) < 0)
            return -(int)err->code;
        given = stored.json;
    }
    if (kg_json_type(given) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_USAGE, "policy must be an object");
    if (kg_policy_from_json(given, &a->policy, err) < 0)
        return given == stored.json ? -(int)err->code : kg_err_wrap(err, "policy");
    return kg_zone_open(a->policy->time_zone, &a->zone, err);
}

/* ---- dates ---- */

static kg_usec midnight(const struct ask *a, int64_t day) { return kg_zone_moment(a->zone, (struct kg_local){ day, 0 }); }

/* A date is its midnight in the policy's zone; today is now. */
static int read_moment(const struct ask *a, const char *what, const struct kg_json *j, kg_usec *ret, struct kg_err *err)
{
    const char *text = kg_json_value_str(j);
    bool is_date = text && strlen(text) == 10;
    KG_AUTO_FREE char *iso = is_date ? kg_xprintf("%sT00:00:00Z", text) : NULL;
    kg_usec t;

    if (!text || !kg_time_parse_iso(is_date ? iso : text, &t)) {
        kg_err_set(err, KG_E_USAGE, "%s is not a date%s%.40s%s", what, text ? ": '" : "", text ? text : "", text ? "'" : "");
        kg_err_advise(err, "Write it like 2027-01-31, or like 2027-01-31T22:00:00Z.");
        return -(int)err->code;
    }
    if (is_date && t / day_usec == kg_zone_local(a->zone, a->now).day)
        t = a->now;
    else if (is_date)
        t = midnight(a, t / day_usec);
    if (t < a->now) {
        kg_err_set(err, KG_E_USAGE, "%s: '%.40s' is in the past", what, text);
        kg_err_advise(err, "Ask about days to come; 'keepgres recovery-point list' tells what there is.");
        return -(int)err->code;
    }
    *ret = t;
    return 0;
}

static kg_usec years_from(kg_usec t, unsigned years) { return kg_span_add(t, &(struct kg_span){ .months = years * 12 }); }

static int by_time(const void *a, const void *b)
{
    kg_usec x = *(const kg_usec *)a, y = *(const kg_usec *)b;

    return x < y ? -1 : x > y;
}

static int read_dates(const struct kg_json *list, struct ask *a, struct kg_err *err)
{
    if (kg_json_type(list) == KG_JSON_NULL)
        return 0;
    if (kg_json_type(list) != KG_JSON_ARRAY)
        return kg_err_set(err, KG_E_USAGE, "at must be an array of dates");
    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j)) {
        char what[24];

        snprintf(what, sizeof what, "at[%zu]", a->dates);
        if (a->dates == DATES_MOST)
            return kg_err_set(err, KG_E_LIMIT, "at has more than %d dates", DATES_MOST);
        if (read_moment(a, what, j, &a->at[a->dates], err) < 0)
            return -(int)err->code;
        a->dates++;
    }
    qsort(a->at, a->dates, sizeof a->at[0], by_time);
    return 0;
}

/* until, unless it is said, is a year from now, or the last date that is asked about. */
static int read_until(const struct kg_json *given, struct ask *a, struct kg_err *err)
{
    kg_usec last = a->dates ? a->at[a->dates - 1] : 0, most = years_from(a->now, YEARS_MOST);

    a->until = years_from(a->now, 1);
    if (last > a->until)
        a->until = last;
    if (kg_json_type(given) != KG_JSON_NULL && read_moment(a, "until", given, &a->until, err) < 0)
        return -(int)err->code;
    if (a->until > most) {
        kg_err_set(err, KG_E_USAGE, "that is more than %d years from now", YEARS_MOST);
        kg_err_advise(err, "Ask about the next %d years at most.", YEARS_MOST);
        return -(int)err->code;
    }
    if (last > a->until) {
        kg_err_set(err, KG_E_USAGE, "at has a date behind until");
        kg_err_advise(err, "Leave until out: then it is the last of the dates.");
        return -(int)err->code;
    }
    return 0;
}

/* Unless dates were asked for: the first of each month, or the end when no month begins before it. */
static void choose_dates(struct ask *a)
{
    int64_t year;
    unsigned month, day;

    kg_civil_from_days(kg_zone_local(a->zone, a->now).day, &year, &month, &day);
    while (a->dates < DATES_MOST) {
        kg_usec t;

        if (++month > 12) {
            month = 1;
            year++;
        }
        t = midnight(a, kg_days_from_civil(year, month, 1));
        if (t > a->until)
            break;
        a->at[a->dates++] = t;
    }
    if (!a->dates)
        a->at[a->dates++] = a->until;
}

/* ---- the instance ---- */

static int text_or_null(const struct kg_json *body, const char *key, const char **ret, struct kg_err *err)
{
    const struct kg_json *j = kg_json_get(body, key);

    *ret = kg_json_value_str(j);
    return *ret || kg_json_type(j) == KG_JSON_NULL ? 0 : kg_err_set(err, KG_E_USAGE, "%s must be a string", key);
}

static bool is_instance_of(const char *text, const char *vault)
{
    KG_AUTO_FREE char *parent = kg_id_parent(text);
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    return parent && kg_id_equal(parent, vault) && kg_id_parse(text, &id, &ignored) == 0 && kg_id_is(&id, KG_TYPE_INSTANCE);
}

static int find_instance(struct kg_call *c, struct ask *a, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    const char *id, *name;

    if (text_or_null(c->body, "backupInstanceId", &id, err) < 0 || text_or_null(c->body, "backupInstanceName", &name, err) < 0)
        return -(int)err->code;
    if (id && name)
        return kg_err_set(err, KG_E_USAGE, "backupInstanceId and backupInstanceName exclude each other");
    if (name && !*name)
        return kg_err_set(err, KG_E_USAGE, "backupInstanceName is empty");
    if (!id && !name)
        return 0;
    a->instance = id ? kg_xstrdup(id) : kg_id_child(vault, "backupInstances", name);
    if (is_instance_of(a->instance, vault))
        return kg_identity_may(c->api->identity, &c->who, KG_TYPE_POINT "/read", a->instance, err);
    kg_err_set(err, KG_E_USAGE, "backupInstanceId is not that of a backup instance of this vault");
    kg_err_advise(err, "Give the id that 'keepgres backup-instance list' shows, or the name alone.");
    return -(int)err->code;
}

static int add_points(struct ask *a, const struct kg_point_list *l, struct kg_err *err)
{
    for (size_t i = 0; i < l->count; i++) {
        size_t n = a->points;

        if (n == EXISTING_MOST) {
            kg_err_set(err, KG_E_LIMIT, "the backup instance has more than %d recovery points", EXISTING_MOST);
            kg_err_advise(err, "Preview the policy without a backup instance.");
            return -(int)err->code;
        }
        KG_GROW(a->life, n, a->cap);
        KG_GROW(a->tag, n, a->cap_tags);
        a->life[n] = kg_promise_read(l->rows[i].json, l->rows[i].time);
        if (a->retained)
            kg_life_hold(&a->life[n]);
        a->tag[n] = kg_xstrdup(l->rows[i].tag);
        a->points++;
    }
    return 0;
}

/* The catalog tells the newest first. */
static void turn(struct ask *a)
{
    for (size_t i = 0, k = a->points; i + 1 < k; i++) {
        struct kg_life life = a->life[i];
        char *tag = a->tag[i];

        a->life[i] = a->life[--k];
        a->life[k] = life;
        a->tag[i] = a->tag[k];
        a->tag[k] = tag;
    }
}

static int read_points(struct kg_call *c, struct ask *a, struct kg_err *err)
{
    struct kg_point_query q = { .instance = a->instance, .to = a->now };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        q.after = after;
        if (kg_catalog_point_list(c->api->catalog, &q, &l, err) < 0 || add_points(a, &l, err) < 0)
            return -(int)err->code;
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    turn(a);
    return 0;
}

static int read_instance(struct kg_call *c, struct ask *a, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (find_instance(c, a, err) < 0)
        return -(int)err->code;
    if (!a->instance)
        return 0;
    if (kg_catalog_get(c->api->catalog, a->instance, &r, err) < 0)
        return -(int)err->code;
    if (kg_instance_is_deleted(r.json))
        return kg_err_set(err, KG_E_NOT_FOUND, "backup instance '%s' was deleted", r.name);
    a->state = kg_xstrdup(kg_json_str_or(r.json, "properties.currentProtectionState", ""));
    a->scheduled = kg_instance_is_scheduled(r.json);
    a->retained = kg_instance_is_retained(r.json);
    if (!kg_time_parse_iso(kg_json_str_or(r.json, "internal.schedule.succeeded", ""), &a->previous))
        a->previous = 0;
    return read_points(c, a, err);
}

/* ---- the answer ---- */

static char *date_text(const struct ask *a, kg_usec t)
{
    char iso[32];

    return kg_xprintf("%.10s", kg_time_iso_seconds(kg_zone_local(a->zone, t).day * day_usec, iso));
}

/* "2027-03-28T03:00:00+02:00" */
static char *local_text(const struct ask *a, kg_usec t)
{
    int32_t east = kg_zone_offset(a->zone, t), off = east < 0 ? -east : east;
    char iso[32];

    kg_time_iso_seconds(t + east * KG_SECOND, iso);
    return kg_xprintf("%.19s%c%02d:%02d", iso, east < 0 ? '-' : '+', off / 3600, off / 60 % 60);
}

static struct kg_json *schedule_answer(const struct ask *a)
{
    struct kg_json *list = kg_json_array();
    kg_usec t = a->now;

    for (int i = 0; i < STARTS_SHOWN && is_scheduled(a); i++) {
        struct kg_json *start = kg_json_object();
        KG_AUTO_FREE char *local = NULL;
        char when[32];

        t = kg_schedule_next(a->policy, a->zone, t);
        local = local_text(a, t);
        kg_json_set_str(start, "time", kg_time_iso(t, when));
        kg_json_set_str(start, "local", local);
        kg_json_push(list, start);
    }
    return list;
}

static struct kg_json *point_answer(const struct ask *a, const struct kg_preview *v, size_t i)
{
    const struct kg_life *l = &v->life[i];
    const struct kg_policy_tag *tag = v->point[i].tag;
    struct kg_json *p = kg_json_object();
    char when[32];

    kg_json_set_str(p, "time", kg_time_iso(l->time, when));
    kg_json_set_str(p, "tag", tag ? tag->name : a->tag[i]);
    kg_json_set_str(p, "rule", tag ? kg_policy_retention(a->policy, tag->name)->name : a->tag[i]);
    kg_json_set(p, "leaves", kg_promise_stays(l));
    kg_json_set_bool(p, "existing", !tag);
    if (l->held)
        kg_json_set_bool(p, "held", true);
    if (l->held && l->held_until)
        kg_json_set_str(p, "heldUntil", kg_time_iso(l->held_until, when));
    if (!l->good)
        kg_json_set_bool(p, "lost", true);
    return p;
}

/* Tags by number: the policy's, then those of points that were made by another. */
struct tags {
    const char **name;
    size_t n, cap;
};

static void tags_done(struct tags *t) { free(t->name); }

static unsigned tag_number(struct tags *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcasecmp(t->name[i], name) == 0)
            return (unsigned)i;
    KG_GROW(t->name, t->n, t->cap);
    t->name[t->n++] = name;
    return (unsigned)t->n - 1;
}

static struct kg_json *count_answer(const struct ask *a, const struct tags *tags, kg_usec at, const size_t *n)
{
    static const enum kg_datastore shown[] = { KG_DATASTORE_VAULT, KG_DATASTORE_ARCHIVE };
    struct kg_json *c = kg_json_object(), *by_tag = kg_json_object(), *by_store = kg_json_object();
    KG_AUTO_FREE char *date = date_text(a, at);
    char when[32];

    for (size_t i = 0; i < tags->n; i++)
        kg_json_add(by_tag, tags->name[i], kg_json_number((double)n[KG_PREVIEW_KINDS + i]));
    for (size_t i = 0; i < KG_ARRAY_LEN(shown); i++)
        kg_json_set_u64(by_store, kg_datastore_to_text(shown[i]), n[KG_PREVIEW_STORES + shown[i]]);
    kg_json_set_str(c, "date", date);
    kg_json_set_str(c, "time", kg_time_iso(at, when));
    kg_json_set_u64(c, "total", n[KG_PREVIEW_ALL]);
    kg_json_set(c, "byTag", by_tag);
    kg_json_set(c, "byStore", by_store);
    return c;
}

static struct kg_json *counts_answer(const struct ask *a, const struct kg_preview *v)
{
    KG_CLEANUP(tags_done) struct tags tags = { 0 };
    KG_AUTO_FREE unsigned *kind = kg_xalloc_array(v->n + 1, sizeof *kind);
    KG_AUTO_FREE size_t *row = NULL;
    struct kg_json *list = kg_json_array();
    size_t width;

    for (size_t i = 0; i < a->policy->tag_count; i++)
        (void)tag_number(&tags, a->policy->tags[i].name);
    for (size_t i = 0; i < v->n; i++)
        kind[i] = tag_number(&tags, v->point[i].tag ? v->point[i].tag->name : a->tag[i]);
    width = KG_PREVIEW_KINDS + tags.n;
    row = kg_xalloc_array(a->dates * width + 1, sizeof *row);
    kg_preview_count(v, kind, tags.n, a->at, a->dates, row);
    for (size_t i = 0; i < a->dates; i++)
        kg_json_push(list, count_answer(a, &tags, a->at[i], row + i * width));
    return list;
}

static struct kg_json *answer_of(const struct ask *a, const struct kg_preview *v, size_t top)
{
    struct kg_json *j = kg_json_object(), *points = kg_json_array();
    char when[32];

    for (size_t i = 0; i < v->n && i < top; i++)
        kg_json_push(points, point_answer(a, v, i));
    kg_json_set_str(j, "startTime", kg_time_iso(a->now, when));
    kg_json_set_str(j, "until", kg_time_iso(a->until, when));
    kg_json_set_str(j, "timeZone", a->policy->time_zone);
    if (a->instance) {
        kg_json_set_str(j, "backupInstanceId", a->instance);
        kg_json_set_str(j, "currentProtectionState", a->state);
    }
    kg_json_set(j, "schedule", schedule_answer(a));
    kg_json_set_u64(j, "pointCount", v->n);
    kg_json_set(j, "points", points);
    kg_json_set(j, "counts", counts_answer(a, v));
    kg_json_set_bool(j, "cut", v->cut);
    return j;
}

/* Of dates behind the last point that fitted nothing is known. */
static void cut_dates(struct ask *a, const struct kg_preview *v)
{
    if (!v->cut)
        return;
    a->until = v->life[v->n - 1].time;
    while (a->dates && a->at[a->dates - 1] > a->until)
        a->dates--;
}

int kg_res_policy_preview(struct kg_call *c, struct kg_err *err)
{
    KG_CLEANUP(ask_done) struct ask a = { .now = kg_now_wall() };
    KG_AUTO_PREVIEW struct kg_preview v = { 0 };
    unsigned top;

    if (kg_call_top(c, &top, err) < 0 || read_policy(c, &a, err) < 0 || read_dates(kg_json_get(c->body, "at"), &a, err) < 0 ||
        read_until(kg_json_get(c->body, "until"), &a, err) < 0 || read_instance(c, &a, err) < 0)
        return -(int)err->code;
    if (!a.dates)
        choose_dates(&a);
    kg_preview_make(a.policy, a.zone, a.life, a.points, a.previous, a.now, is_scheduled(&a) ? a.until : a.now, &v);
    cut_dates(&a, &v);
    return kg_call_answer(c, 200, answer_of(&a, &v, top), err);
}
