/* model/place.h - for the parsers of this room only: looking into JSON while remembering where one is, so that every
 * complaint names the place ("properties.policyRules[0].trigger is missing"). Everything fails with KG_E_USAGE. */
#ifndef KG_MODEL_PLACE_H
#define KG_MODEL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include "json/json.h"
#include "keepgres/err.h"

struct kg_place {
    const struct kg_json *json;   /* the value there; NULL: absent */
    char at[200];                 /* "properties.policyRules[0]"; "" at the top */
};

struct kg_place kg_place_top(const struct kg_json *json, const char *at);
/* A member by its key (no dots), or an element; both may be absent. */
struct kg_place kg_place_member(const struct kg_place *p, const char *key);
struct kg_place kg_place_element(const struct kg_place *p, size_t i, const struct kg_json *element);

int kg_place_complain(const struct kg_place *p, struct kg_err *err, const char *fmt, ...) KG_PRINTF(3, 4);

/* Says at p what another checker said, with its advice. Always negative. */
int kg_place_complain_why(const struct kg_place *p, const struct kg_err *why, struct kg_err *err);
/* An absolute path that climbs nowhere and has nothing unprintable in it. */
int kg_place_check_path(const struct kg_place *p, const char *path, struct kg_err *err) KG_MUST_CHECK;
bool kg_place_has_control(const char *s);

/* Demands that a member is there and of a type. null counts as absent. */
int kg_place_need(const struct kg_place *p, const char *key, enum kg_json_type type, struct kg_place *ret,
                  struct kg_err *err) KG_MUST_CHECK;
/* The same for a string that is not empty. */
int kg_place_need_str(const struct kg_place *p, const char *key, const char **ret, struct kg_err *err) KG_MUST_CHECK;
/* Absent or null gives otherwise; something else than a string is refused. */
int kg_place_str_or(const struct kg_place *p, const char *key, const char *otherwise, const char **ret,
                    struct kg_err *err) KG_MUST_CHECK;
int kg_place_bool_or(const struct kg_place *p, const char *key, bool otherwise, bool *ret,
                     struct kg_err *err) KG_MUST_CHECK;
/* An optional array: absent and null give an empty one. At most max elements. */
int kg_place_array(const struct kg_place *p, const char *key, size_t max, struct kg_place *ret, size_t *ret_count,
                   struct kg_err *err) KG_MUST_CHECK;
/* The member objectType, when it is there, must be expected. */
int kg_place_object_type(const struct kg_place *p, const char *expected, struct kg_err *err) KG_MUST_CHECK;
/* A member whose text must be in a table (ignoring case): *ret is the index; absent gives otherwise, or a complaint
 * when otherwise is negative. */
int kg_place_choice(const struct kg_place *p, const char *key, const char *const *table, size_t count, int otherwise,
                    int *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
