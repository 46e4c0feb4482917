#include "policy/promise.h"

#include "policy/copies.h"
#include "policy/leaving.h"

struct kg_json *kg_promise_stays(const struct kg_life *l)
{
    struct kg_json *stays = kg_json_array();
    char when[32];

    for (unsigned i = 0; i < l->stays; i++) {
        struct kg_json *s = kg_json_object();

        kg_json_set_str(s, "store", kg_datastore_to_text(l->stay[i].store));
        kg_json_set_str(s, "from", kg_time_iso(l->stay[i].from, when));
        kg_json_set_str(s, "until", kg_time_iso(l->stay[i].until, when));
        kg_json_push(stays, s);
    }
    return stays;
}

struct kg_json *kg_promise_make(const struct kg_retention *r, kg_usec time, kg_usec *ret_end)
{
    struct kg_life life = { .time = time };

    kg_life_plan(r, &life);
    *ret_end = kg_life_end(&life);
    return kg_promise_stays(&life);
}

static bool read_stay(const struct kg_json *j, struct kg_stay *ret)
{
    int store = kg_datastore_from_text(kg_json_str_or(j, "store", ""));

    if (store < 0)
        return false;
    ret->store = (enum kg_datastore)store;
    return kg_time_parse_iso(kg_json_str_or(j, "from", ""), &ret->from) &&
           kg_time_parse_iso(kg_json_str_or(j, "until", ""), &ret->until);
}

/* A hold whose end cannot be read has none. */
static void read_hold(const struct kg_json *point, struct kg_life *l)
{
    l->held = kg_json_bool(point, "held", false);
    if (!kg_time_parse_iso(kg_json_str_or(point, "hold.until", ""), &l->held_until))
        l->held_until = 0;
}

bool kg_promise_is_held(const struct kg_json *point, kg_usec at)
{
    struct kg_life l = { 0 };

    read_hold(point, &l);
    return l.held && (!l.held_until || at < l.held_until);
}

struct kg_life kg_promise_read(const struct kg_json *point, kg_usec time)
{
    struct kg_rehydration back = kg_rehydration_read(point);
    struct kg_life l = { .time = time, .in = kg_copies_in(point),
                         .good = kg_copies_state(point) == KG_COPY_SOUND && !kg_leaving_all(point),
                         .lost = kg_copies_lost(point), .damaged = kg_copies_damaged(point), .again = kg_again_stores(point),
                         .rehydrated = back.status == KG_REHYDRATION_COMPLETED ? back.until : 0,
                         .rehydrating = back.status == KG_REHYDRATION_CREATING };
    const struct kg_json *stays = kg_json_get(point, "stays");

    read_hold(point, &l);
    for (const struct kg_json *s = kg_json_first(stays); s; s = kg_json_next(s)) {
        struct kg_stay stay;

        if (l.stays == KG_STAYS || !read_stay(s, &stay))
            kg_life_hold(&l);
        else
            l.stay[l.stays++] = stay;
    }
    return l;
}
