/* Holds: a recovery point that stays whatever its rule says, until somebody releases it or the hold's own time is over. The
 * hold stands in the point's document ("held", and "hold" with who, when and why); policy/promise.h reads it for everybody. */
#include "api/call.h"
#include "api/handlers.h"

#include <string.h>

#include "api/resolve.h"
#include "api/start.h"
#include "base/alloc.h"
#include "base/text.h"
#include "policy/promise.h"

enum { REASON_MAX = 500, NAMED_MAX = 5 };

static int read_until(const struct kg_json *body, kg_usec *ret, struct kg_err *err)
{
    const char *text = kg_json_str(body, "until");

    *ret = 0;
    if (!text && !kg_json_get(body, "until"))
        return 0;
    if (!text || !kg_time_parse_iso(text, ret))
        return kg_err_set(err, KG_E_USAGE, "'until' is not a time");
    if (*ret > kg_now_wall())
        return 0;
    kg_err_set(err, KG_E_USAGE, "'until' is '%.40s', which is over", text);
    kg_err_advise(err, "Name a time to come, or none: the point stays until it is released then.");
    return -(int)err->code;
}

static int read_reason(const struct kg_json *body, const char **ret, struct kg_err *err)
{
    *ret = kg_json_str(body, "reason");
    if (!*ret && kg_json_get(body, "reason"))
        return kg_err_set(err, KG_E_USAGE, "'reason' is not a text");
    if (!*ret || (strlen(*ret) <= REASON_MAX && kg_utf8_valid(*ret, strlen(*ret))))
        return 0;
    return kg_err_set(err, KG_E_USAGE, "'reason' must be UTF-8 of at most %d bytes", REASON_MAX);
}

static int find_point(struct kg_call *c, const char *instance, struct kg_point_row *ret, struct kg_err *err)
{
    return kg_catalog_point_get(c->api->catalog, instance, kg_call_param(c, "point"), ret, err) < 0 ? -(int)err->code : 0;
}

/* A hold that is put again has the new reason and end, and goes on since the first one. */
static void write_hold(struct kg_point_row *row, const char *by, const char *reason, kg_usec until)
{
    const char *was = kg_json_bool(row->json, "held", false) ? kg_json_str(row->json, "hold.since") : NULL;
    struct kg_json *hold = kg_json_object();
    char when[32];

    kg_json_set_str(hold, "by", by);
    kg_json_set_str(hold, "since", was ? was : kg_time_iso(kg_now_wall(), when));
    if (reason && *reason)
        kg_json_set_str(hold, "reason", reason);
    if (until)
        kg_json_set_str(hold, "until", kg_time_iso(until, when));
    kg_json_set(row->json, "hold", hold);
    kg_json_set_bool(row->json, "held", true);
}

int kg_res_point_hold(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);
    const char *reason;
    kg_usec until;

    if (read_until(c->body, &until, err) < 0 || read_reason(c->body, &reason, err) < 0 || find_point(c, instance, &row, err) < 0)
        return -(int)err->code;
    if (kg_leaving_refuse(&row, KG_ANY_STORE, err) < 0)
        return -(int)err->code;
    if (c->api->env.point_leaves(c->api->env.arg, instance, row.id))
        return kg_err_set(err, KG_E_LEAVING, "recovery point '%s' is being deleted", row.id);
    write_hold(&row, c->who.name, reason, until);
    if (kg_catalog_point_update(c->api->catalog, &row, err) < 0)
        return -(int)err->code;
    return kg_point_answer(c, instance, &row, err);
}

int kg_res_point_release(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);

    if (find_point(c, instance, &row, err) < 0)
        return -(int)err->code;
    kg_json_remove(row.json, "held");
    kg_json_remove(row.json, "hold");
    if (kg_catalog_point_update(c->api->catalog, &row, err) < 0)
        return -(int)err->code;
    return kg_point_answer(c, instance, &row, err);
}

/* ---- what a hold forbids ---- */

struct held { struct kg_buf *names; size_t n; };

static int note_held(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    struct held *h = arg;

    (void)err;
    if (kg_promise_is_held(row->json, kg_now_wall()) && h->n++ < NAMED_MAX)
        kg_buf_addf(h->names, "%s%s", h->n > 1 ? ", " : "", row->id);
    return 0;
}

int kg_holds_refuse(struct kg_catalog *catalog, const struct kg_resource *instance, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf names = KG_BUF_INIT(NAMED_MAX * 64);
    struct held h = { &names, 0 };

    if (kg_each_point(catalog, instance->id, note_held, &h, err) < 0)
        return -(int)err->code;
    if (!h.n)
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "backup instance '%s' has %zu held recovery point%s: %s%s", instance->name, h.n,
               h.n > 1 ? "s" : "", names.p, h.n > NAMED_MAX ? " and more" : "");
    kg_err_advise(err, "Release them with 'keepgres recovery-point release' first.");
    return -(int)err->code;
}
