#include "policy/leaving.h"

#include <string.h>
#include <strings.h>

#include "policy/copies.h"

#define PAUSE_MOST (8 * 24 * 3600 * KG_SECOND) /* longer ones are a clock's that was set back */

static bool names(const struct kg_json *point, const char *path, enum kg_datastore store)
{
    return strcmp(kg_json_str_or(point, path, ""), kg_datastore_to_text(store)) == 0;
}

/* ---- leaving ---- */

unsigned kg_leaving_stores(const struct kg_json *point)
{
    unsigned stores = 0;

    for (const struct kg_json *s = kg_json_first(kg_json_get(point, "leaving.stores")); s; s = kg_json_next(s)) {
        int store = kg_datastore_from_text(kg_json_value_str(s) ? kg_json_value_str(s) : "");

        if (store >= 0)
            stores |= 1u << store;
    }
    return stores & kg_copies_in(point);
}

bool kg_leaving_all(const struct kg_json *point)
{
    unsigned leaving = kg_leaving_stores(point);

    return leaving && leaving == kg_copies_in(point);
}

static void write_stores(struct kg_json *point, unsigned stores)
{
    struct kg_json *list = kg_json_array();

    for (int s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (stores & 1u << s)
            kg_json_push_str(list, kg_datastore_to_text((enum kg_datastore)s));
    kg_json_set(point, "leaving.stores", list);
}

void kg_leaving_begin(struct kg_json *point, unsigned stores, const char *run, kg_usec now)
{
    char when[32];

    write_stores(point, kg_leaving_stores(point) | stores);
    kg_json_set_str(point, "leaving.since", kg_time_iso(now, when));
    kg_json_set_str(point, "leaving.run", run);
}

void kg_leaving_end(struct kg_json *point, enum kg_datastore store)
{
    unsigned left = kg_leaving_stores(point) & ~(1u << store);

    if (left)
        write_stores(point, left);
    else
        kg_json_remove(point, "leaving");
}

bool kg_leaving_is_of(const struct kg_json *point, const char *run)
{
    return strcmp(kg_json_str_or(point, "leaving.run", ""), run) == 0;
}

/* ---- again ---- */

unsigned kg_again_stores(const struct kg_json *point)
{
    int store = kg_datastore_from_text(kg_json_str_or(point, "again.store", ""));

    return store < 0 ? 0 : 1u << store & kg_copies_in(point);
}

static void want_again(struct kg_json *point, enum kg_datastore store, const char *problem)
{
    kg_json_set_str(point, "again.store", kg_datastore_to_text(store));
    kg_json_set_str(point, "again.problem", problem);
}

void kg_again_begin(struct kg_json *point, enum kg_datastore store, const char *problem)
{
    want_again(point, store, problem);
    (void)kg_copies_set_damaged(point, store, problem, true);
}

bool kg_again_follow(struct kg_json *point)
{
    const char *damage = kg_copies_damage(point, KG_DATASTORE_ARCHIVE);
    bool again = kg_again_stores(point) & 1u << KG_DATASTORE_ARCHIVE;

    if (again == (damage != NULL) || (damage && !(kg_copies_sound(point) & 1u << KG_DATASTORE_VAULT)))
        return false;
    if (damage)
        want_again(point, KG_DATASTORE_ARCHIVE, damage);
    else
        kg_again_end(point, KG_DATASTORE_ARCHIVE);
    return true;
}

void kg_again_end(struct kg_json *point, enum kg_datastore store)
{
    if (names(point, "again.store", store))
        kg_json_remove(point, "again");
}

/* ---- stayed ---- */

void kg_stayed(struct kg_json *point, enum kg_datastore store, const char *problem, kg_usec pause, kg_usec now)
{
    char when[32];

    kg_json_set_str(point, "stayed.store", kg_datastore_to_text(store));
    kg_json_set_str(point, "stayed.problem", problem);
    kg_json_set_str(point, "stayed.after", kg_time_iso(now + pause, when));
}

const char *kg_stayed_problem(const struct kg_json *point) { return kg_json_str(point, "stayed.problem"); }

bool kg_stayed_is_paused(const struct kg_json *point, enum kg_datastore store, kg_usec now)
{
    kg_usec after;

    return names(point, "stayed.store", store) && kg_time_parse_iso(kg_json_str_or(point, "stayed.after", ""), &after) && now < after &&
           after <= now + PAUSE_MOST;
}
