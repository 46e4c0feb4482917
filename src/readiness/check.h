/* readiness/check.h - what must be true before a database can be backed up, check by check, in one order.
 *
 * A check that cannot be made because another one failed is skipped and names it. What failed carries a struct kg_err:
 * Azure's code for the case, a message that names the object, and what to do. A warning carries one, too, and stops nothing.
 *
 *     struct kg_checks c = { 0 };
 *     kg_check_pass(&c, KG_CHECK_LOGIN);
 *     kg_check_fail(&c, KG_CHECK_DATABASE, &err);
 *     kg_check_skip_rest(&c, KG_CHECK_SERVER_VERSION, KG_CHECK_SPACE, KG_CHECK_DATABASE);
 *     json = kg_checks_to_json(&c);
 *
 * Ownership: kg_checks_done() releases what is inside; a zeroed object is an empty list.
 * Threads:   one list, one thread. */
#ifndef KG_READINESS_CHECK_H
#define KG_READINESS_CHECK_H

#include <stdbool.h>
#include "json/json.h"
#include "keepgres/err.h"

/* In the order in which they are made and shown. */
enum kg_check_id {
    KG_CHECK_VAULT_IDENTITY,
    KG_CHECK_SERVER_ROLE,
    KG_CHECK_NETWORK,
    KG_CHECK_KEY_VAULT,
    KG_CHECK_KEY_VAULT_ROLE,
    KG_CHECK_SECRET,
    KG_CHECK_SECRET_FORMAT,
    KG_CHECK_REGION,
    KG_CHECK_SELECTABLE,
    KG_CHECK_NOT_PROTECTED,
    KG_CHECK_CONNECT,
    KG_CHECK_LOGIN,
    KG_CHECK_DATABASE,
    KG_CHECK_SERVER_VERSION,
    KG_CHECK_PG_DUMP,
    KG_CHECK_STANDBY,
    KG_CHECK_PRIVILEGES,
    KG_CHECK_ROW_SECURITY,
    KG_CHECK_LARGE_OBJECTS,
    KG_CHECK_SPACE,
    KG_CHECK_ROLE_PASSWORDS,             /* made only where the policy captures them */
    KG_CHECK_COUNT_
};

enum kg_check_state { KG_CHECK_PASSED, KG_CHECK_WARNING, KG_CHECK_SKIPPED, KG_CHECK_FAILED, KG_CHECK_STATE_COUNT_ };

struct kg_check {
    enum kg_check_id id;
    enum kg_check_state state;
    enum kg_check_id because;            /* skipped: which check is to blame */
    struct kg_err err;                   /* failed, warning: code, message, advice */
    struct kg_json *details;             /* an object, or NULL */
};

struct kg_checks { struct kg_check *item[KG_CHECK_COUNT_]; };   /* NULL: was not made */

void kg_checks_done(struct kg_checks *c);
#define KG_AUTO_CHECKS KG_CLEANUP(kg_checks_done)

/* "databasePrivileges", "Database privileges"; id and state as JSON has them. _from_text: -1 when unknown. */
const char *kg_check_id_to_text(enum kg_check_id id);
int kg_check_id_from_text(const char *text);
const char *kg_check_title(enum kg_check_id id);
const char *kg_check_state_to_text(enum kg_check_state s);      /* "Passed" */
int kg_check_state_from_text(const char *text);

/* Each replaces what was known of that check; its details stay. */
void kg_check_pass(struct kg_checks *c, enum kg_check_id id);
void kg_check_fail(struct kg_checks *c, enum kg_check_id id, const struct kg_err *why);
void kg_check_warn(struct kg_checks *c, enum kg_check_id id, const struct kg_err *why);
void kg_check_skip(struct kg_checks *c, enum kg_check_id id, enum kg_check_id because);
/* Skips those of [from, to] that were not made yet. */
void kg_check_skip_rest(struct kg_checks *c, enum kg_check_id from, enum kg_check_id to, enum kg_check_id because);
/* The object that describes it further; made when there is none. The check must have been made. Borrowed. */
struct kg_json *kg_check_details(struct kg_checks *c, enum kg_check_id id);

/* The first one that failed, or NULL. */
const struct kg_check *kg_checks_failed(const struct kg_checks *c);
/* Nothing failed, and none of [from, to] is missing or skipped. */
bool kg_checks_passed(const struct kg_checks *c, enum kg_check_id from, enum kg_check_id to);
/* Takes over what from has, check by check, where to has none or one that is better off; from is empty afterwards. */
void kg_checks_merge(struct kg_checks *to, struct kg_checks *from);

/* [{"id","title","state","skippedBecause"?,"error"?:UserFacingError,"details"?}], in order. */
struct kg_json *kg_checks_to_json(const struct kg_checks *c);
/* Adds to ret. KG_E_USAGE: not such an array, or a check that this version does not know. An unknown code is KG_E_BUG. */
int kg_checks_from_json(const struct kg_json *array, struct kg_checks *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
