/* json/json.h - typed access to JSON documents. The only room that knows cJSON.
 *
 * Keys are looked up ignoring case, because ARM callers spell them as they please; paths are keys joined by dots
 * ("properties.dataSourceInfo.resourceID"), a number selects from an array ("value.0.name").
 * Numbers: 64-bit ones are written exactly; read ones are exact up to 2^53 and refused beyond.
 *
 * Ownership: kg_json_parse() and the makers give the caller a value, kg_json_free() takes it back; a value handed to
 *            kg_json_set()/kg_json_push() belongs to its parent. Getters return borrowed pointers.
 * Threads:   one value, one thread. */
#ifndef KG_JSON_JSON_H
#define KG_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_json;

enum kg_json_type { KG_JSON_NULL, KG_JSON_BOOL, KG_JSON_NUMBER, KG_JSON_STRING, KG_JSON_ARRAY, KG_JSON_OBJECT };

/* Parses n bytes: one document, nothing behind it, valid UTF-8, at most 64 levels, no NUL in strings.
 * Fails with KG_E_BAD_JSON naming the place. */
int kg_json_parse(const char *text, size_t n, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_json_free(struct kg_json *j);
KG_DEFINE_CLEANUP(struct kg_json, kg_json_free)
#define KG_AUTO_JSON KG_CLEANUP(kg_json_freep)

void kg_json_print(const struct kg_json *j, bool pretty, struct kg_buf *ret); /* pretty: two blanks, as az prints */
struct kg_json *kg_json_copy(const struct kg_json *j);

/* Reading. A path that is not there gives NULL (or the default). */
enum kg_json_type kg_json_type(const struct kg_json *j);                  /* NULL is KG_JSON_NULL */
const struct kg_json *kg_json_get(const struct kg_json *j, const char *path);
struct kg_json *kg_json_get_mutable(struct kg_json *j, const char *path);
const char *kg_json_str(const struct kg_json *j, const char *path);       /* NULL unless it is a string */
const char *kg_json_str_or(const struct kg_json *j, const char *path, const char *otherwise);
bool kg_json_bool(const struct kg_json *j, const char *path, bool otherwise);
uint64_t kg_json_u64(const struct kg_json *j, const char *path, uint64_t otherwise); /* whole, 0..2^53 */
double kg_json_double(const struct kg_json *j, const char *path, double otherwise);
/* The same, demanded: KG_E_USAGE naming the path when missing or of another type. */
int kg_json_need_str(const struct kg_json *j, const char *path, const char **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_json_need_u64(const struct kg_json *j, const char *path, uint64_t *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_json_need(const struct kg_json *j, const char *path, enum kg_json_type type, const struct kg_json **ret,
                 struct kg_err *err) KG_MUST_CHECK;

/* Walking arrays and objects: for (c = kg_json_first(j); c; c = kg_json_next(c)). */
const struct kg_json *kg_json_first(const struct kg_json *j);
const struct kg_json *kg_json_next(const struct kg_json *c);
const char *kg_json_key(const struct kg_json *c);                         /* inside an object */
size_t kg_json_count(const struct kg_json *j);
const char *kg_json_value_str(const struct kg_json *c);                   /* NULL unless a string */

/* Building. Setting replaces a key that is there (ignoring case). path may have dots: objects on the way are made. */
struct kg_json *kg_json_object(void);
struct kg_json *kg_json_array(void);
struct kg_json *kg_json_string(const char *s);                                     /* NULL makes null */
struct kg_json *kg_json_number(double v);                                          /* what is not finite makes null */
struct kg_json *kg_json_boolean(bool v);
void kg_json_set(struct kg_json *obj, const char *path, struct kg_json *value);    /* takes value; NULL writes null */
void kg_json_set_str(struct kg_json *obj, const char *path, const char *s);        /* NULL writes null */
void kg_json_set_u64(struct kg_json *obj, const char *path, uint64_t v);
void kg_json_set_double(struct kg_json *obj, const char *path, double v);
void kg_json_set_bool(struct kg_json *obj, const char *path, bool v);
/* Appends under exactly this key, dots and all, without looking for it; takes value. */
void kg_json_add(struct kg_json *obj, const char *key, struct kg_json *value);
void kg_json_push(struct kg_json *array, struct kg_json *value);                   /* takes value */
void kg_json_push_str(struct kg_json *array, const char *s);
void kg_json_remove(struct kg_json *obj, const char *path);
struct kg_json *kg_json_take(struct kg_json *obj, const char *path);               /* detaches; NULL when absent */

#endif
