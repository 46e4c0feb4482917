#include "policy/copies.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define DAY (24 * 3600 * KG_SECOND)

static const enum kg_datastore kept[] = { KG_DATASTORE_VAULT, KG_DATASTORE_ARCHIVE };

/* "copies.ArchiveStore.time" */
static void path_of(enum kg_datastore store, const char *member, char out[64])
{
    (void)snprintf(out, 64, "copies.%s%s%s", kg_datastore_to_text(store), *member ? "." : "", member);
}

unsigned kg_copies_in(const struct kg_json *point)
{
    unsigned in = 0;

    if (!kg_json_get(point, "copies"))
        return 1u << KG_DATASTORE_VAULT;
    for (size_t i = 0; i < KG_ARRAY_LEN(kept); i++) {
        char path[64];

        path_of(kept[i], "", path);
        if (kg_json_get(point, path))
            in |= 1u << kept[i];
    }
    return in;
}

static void set_time(struct kg_json *point, const char *path, kg_usec at)
{
    char when[32];

    kg_json_set_str(point, path, kg_time_iso(at, when));
}

/* What a document that does not say means. */
static void spell_out(struct kg_json *point, kg_usec made)
{
    if (!kg_json_get(point, "copies"))
        set_time(point, "copies.VaultStore.time", made);
}

/* ---- what is wrong with them ---- */

/* "faults.ArchiveStore.lost" */
static void fault_path(enum kg_datastore store, const char *member, char out[64])
{
    (void)snprintf(out, 64, "faults.%s%s%s", kg_datastore_to_text(store), *member ? "." : "", member);
}

static bool is_older(const struct kg_json *point) { return kg_json_str(point, "problem") && !kg_json_get(point, "faults"); }

unsigned kg_copies_lost(const struct kg_json *point)
{
    unsigned in = kg_copies_in(point), lost = 0;
    char path[64];

    if (is_older(point))
        return in;
    for (size_t i = 0; i < KG_ARRAY_LEN(kept); i++) {
        fault_path(kept[i], "lost", path);
        if (kg_json_bool(point, path, false))
            lost |= 1u << kept[i];
    }
    return lost & in;
}

const char *kg_copies_damage(const struct kg_json *point, enum kg_datastore store)
{
    char path[64];

    fault_path(store, "damaged", path);
    return kg_copies_in(point) & 1u << store ? kg_json_str(point, path) : NULL;
}

unsigned kg_copies_damaged(const struct kg_json *point)
{
    unsigned damaged = 0;

    for (size_t i = 0; i < KG_ARRAY_LEN(kept); i++)
        if (kg_copies_damage(point, kept[i]))
            damaged |= 1u << kept[i];
    return damaged;
}

unsigned kg_copies_sound(const struct kg_json *point)
{
    return kg_copies_in(point) & ~kg_copies_lost(point) & ~kg_copies_damaged(point);
}

enum kg_copy_state kg_copies_state(const struct kg_json *point)
{
    unsigned in = kg_copies_in(point);

    return !in || kg_copies_sound(point) ? KG_COPY_SOUND : in & ~kg_copies_lost(point) ? KG_COPY_DAMAGED : KG_COPY_LOST;
}

/* The sentence that follows from the faults. */
static void tell_problem(struct kg_json *point)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    unsigned lost = kg_copies_lost(point);

    if (kg_copies_state(point) == KG_COPY_SOUND) {
        kg_json_remove(point, "problem");
        return;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(kept); i++) {
        const char *owner = kept[i] == KG_DATASTORE_VAULT ? "the vault" : "the archive", *why = kg_copies_damage(point, kept[i]);

        if (lost & 1u << kept[i])
            kg_buf_addf(&b, "%s%s has lost it", b.len ? "; " : "", owner);
        else if (why)
            kg_buf_addf(&b, "%s%s has it damaged: %.500s", b.len ? "; " : "", owner, why);
    }
    kg_json_set_str(point, "problem", b.p);
}

static void spell_out_faults(struct kg_json *point)
{
    unsigned lost = is_older(point) ? kg_copies_lost(point) : 0;
    char path[64];

    for (size_t i = 0; i < KG_ARRAY_LEN(kept); i++)
        if (lost & 1u << kept[i]) {
            fault_path(kept[i], "lost", path);
            kg_json_set_bool(point, path, true);
        }
}

/* What says nothing goes. */
static void tidy(struct kg_json *point, enum kg_datastore store)
{
    char path[64];

    kg_json_remove(point, "problem"); /* without faults it would mean something */
    fault_path(store, "", path);
    if (!kg_json_count(kg_json_get(point, path)))
        kg_json_remove(point, path);
    if (!kg_json_count(kg_json_get(point, "faults")))
        kg_json_remove(point, "faults");
    tell_problem(point);
}

static void clear_faults(struct kg_json *point, enum kg_datastore store)
{
    char path[64];

    if (!kg_json_str(point, "problem") && !kg_json_get(point, "faults"))
        return;
    spell_out_faults(point);
    fault_path(store, "", path);
    kg_json_remove(point, path);
    tidy(point, store);
}

bool kg_copies_set_lost(struct kg_json *point, enum kg_datastore store, bool lost)
{
    char path[64];

    if (!(kg_copies_in(point) & 1u << store) || !(kg_copies_lost(point) & 1u << store) == !lost)
        return false;
    spell_out_faults(point);
    fault_path(store, "lost", path);
    if (lost)
        kg_json_set_bool(point, path, true);
    else
        kg_json_remove(point, path);
    tidy(point, store);
    return true;
}

bool kg_copies_set_damaged(struct kg_json *point, enum kg_datastore store, const char *why, bool read)
{
    const char *was = kg_copies_damage(point, store);
    char path[64], deep[64];

    fault_path(store, "damaged", path);
    fault_path(store, "readData", deep);
    read = read || (why && kg_json_bool(point, deep, false));
    if (!(kg_copies_in(point) & 1u << store) ||
        (why ? was && strcmp(was, why) == 0 && read == kg_json_bool(point, deep, false)
             : !was || (!read && kg_json_bool(point, deep, false))))
        return false;
    spell_out_faults(point);
    if (why) {
        kg_json_set_str(point, path, why);
        kg_json_set_bool(point, deep, read);
    } else {
        kg_json_remove(point, path);
        kg_json_remove(point, deep);
    }
    tidy(point, store);
    return true;
}

/* ---- where they are ---- */

void kg_copies_add(struct kg_json *point, kg_usec made, enum kg_datastore store, kg_usec at, uint64_t bytes)
{
    char path[64];

    spell_out(point, made);
    path_of(store, "time", path);
    set_time(point, path, at);
    path_of(store, "storedBytes", path);
    if (bytes)
        kg_json_set_u64(point, path, bytes);
    clear_faults(point, store);
}

void kg_copies_remove(struct kg_json *point, kg_usec made, enum kg_datastore store)
{
    char path[64];

    spell_out(point, made);
    path_of(store, "", path);
    kg_json_remove(point, path);
    clear_faults(point, store);
}

kg_usec kg_copies_time(const struct kg_json *point, enum kg_datastore store, kg_usec otherwise)
{
    char path[64];
    kg_usec at;

    path_of(store, "time", path);
    return kg_time_parse_iso(kg_json_str_or(point, path, ""), &at) ? at : otherwise;
}

/* ---- rehydration ---- */

static const char *const statuses[] = {
    [KG_REHYDRATION_NONE] = NULL,
    [KG_REHYDRATION_CREATING] = "CREATE_IN_PROGRESS",
    [KG_REHYDRATION_COMPLETED] = "COMPLETED",
    [KG_REHYDRATION_DELETED] = "DELETED",
    [KG_REHYDRATION_FAILED] = "FAILED",
};
_Static_assert(KG_ARRAY_LEN(statuses) == KG_REHYDRATION_STATUS_COUNT_, "name every status");

const char *kg_rehydration_status_to_text(enum kg_rehydration_status s) { return statuses[s]; }

static kg_usec time_at(const struct kg_json *point, const char *path)
{
    kg_usec at;

    return kg_time_parse_iso(kg_json_str_or(point, path, ""), &at) ? at : 0;
}

struct kg_rehydration kg_rehydration_read(const struct kg_json *point)
{
    const char *status = kg_json_str_or(point, "rehydration.status", "");
    struct kg_rehydration r = { .high = strcasecmp(kg_json_str_or(point, "rehydration.priority", ""), "High") == 0,
                                .days = (unsigned)kg_json_u64(point, "rehydration.days", 0),
                                .from = time_at(point, "rehydration.from"), .until = time_at(point, "rehydration.until"),
                                .tries = (unsigned)kg_json_u64(point, "rehydration.tries", 0),
                                .leftover = kg_json_bool(point, "rehydration.leftover", false),
                                .problem = kg_json_str(point, "rehydration.problem") };

    for (int s = KG_REHYDRATION_CREATING; s < KG_REHYDRATION_STATUS_COUNT_; s++)
        if (strcasecmp(status, statuses[s]) == 0)
            r.status = (enum kg_rehydration_status)s;
    return r;
}

void kg_rehydration_write(struct kg_json *point, const struct kg_rehydration *r)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "status", statuses[r->status]);
    kg_json_set_str(j, "priority", r->high ? "High" : "Standard");
    kg_json_set_u64(j, "days", r->days);
    if (r->from)
        set_time(j, "from", r->from);
    if (r->until)
        set_time(j, "until", r->until);
    if (r->tries)
        kg_json_set_u64(j, "tries", r->tries);
    if (r->leftover)
        kg_json_set_bool(j, "leftover", true);
    if (r->problem)
        kg_json_set_str(j, "problem", r->problem);
    kg_json_set(point, "rehydration", j); /* after what was borrowed from the old one was copied */
}

bool kg_rehydration_ask(struct kg_json *point, bool high, unsigned days, kg_usec now)
{
    struct kg_rehydration r = kg_rehydration_read(point);
    bool there = kg_copies_in(point) & ~kg_copies_lost(point) & 1u << KG_DATASTORE_VAULT;
    kg_usec until = now + (kg_usec)days * DAY;

    if (!there && r.status == KG_REHYDRATION_CREATING) {
        r.high |= high;
        r.days = days > r.days ? days : r.days;
    } else if (there) {
        r = (struct kg_rehydration){ .status = KG_REHYDRATION_COMPLETED, .high = high, .days = days,
                                     .from = r.status == KG_REHYDRATION_COMPLETED ? r.from : now,
                                     .until = r.status == KG_REHYDRATION_COMPLETED && r.until > until ? r.until : until };
    } else {
        r = (struct kg_rehydration){ .status = KG_REHYDRATION_CREATING, .high = high, .days = days };
        kg_rehydration_write(point, &r);
        return true;
    }
    kg_rehydration_write(point, &r);
    return false;
}

void kg_rehydration_came(struct kg_json *point, kg_usec made, kg_usec now)
{
    struct kg_rehydration r = kg_rehydration_read(point);

    kg_copies_add(point, made, KG_DATASTORE_VAULT, now, 0);
    r = (struct kg_rehydration){ .status = KG_REHYDRATION_COMPLETED, .high = r.high, .days = r.days, .from = now,
                                 .until = now + (kg_usec)r.days * DAY };
    kg_rehydration_write(point, &r);
}
