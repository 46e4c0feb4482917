#include "cli/search.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/datasource.h"

enum { ROWS_MAX = 1000 };

void kg_search_words(struct kg_json *filter, const char *key, const struct kg_words *w)
{
    struct kg_json *array = w->n ? kg_json_array() : NULL;

    for (size_t i = 0; i < w->n; i++)
        kg_json_push_str(array, w->v[i]);
    if (array)
        kg_json_set(filter, key, array);
}

int kg_search_choices(struct kg_json *filter, const char *key, const char *option, const struct kg_words *w,
                      const char *const *known, struct kg_err *err)
{
    for (size_t i = 0; i < w->n; i++) {
        KG_AUTO_BUF struct kg_buf all = KG_BUF_INIT(600);
        bool found = false;

        for (const char *const *k = known; *k; k++) {
            found |= strcasecmp(*k, w->v[i]) == 0;
            kg_buf_addf(&all, "%s%s", k == known ? "" : ", ", *k);
        }
        if (!found) {
            kg_err_set(err, KG_E_USAGE, "--%s has no choice '%s'", option, w->v[i]);
            kg_err_advise(err, "Choose of: %s.", all.p);
            return -(int)err->code;
        }
    }
    kg_search_words(filter, key, w);
    return 0;
}

void kg_search_datasource(struct kg_json *filter, const char *type)
{
    struct kg_json *array;

    if (!type)
        return;
    array = kg_json_array();
    kg_datasource_arm_types(type, array);
    kg_json_set(filter, "datasourceTypes", array);
}

int kg_search_time(struct kg_json *filter, const char *key, const char *option, const char *text, struct kg_err *err)
{
    char iso[32];
    kg_usec when;

    if (!text)
        return 0;
    if (!kg_time_parse_iso(text, &when)) {
        kg_err_set(err, KG_E_USAGE, "--%s takes a time, not '%s'", option, text);
        kg_err_advise(err, "Write it like 2026-01-31T22:00:00; it is UTC unless a zone stands behind it.");
        return -(int)err->code;
    }
    kg_json_set_str(filter, key, kg_time_iso(when, iso));
    return 0;
}

/* The id of a subscription that is named, or given by its id. */
static int resolve(const struct kg_json *all, const char *name, const char **ret, struct kg_err *err)
{
    for (const struct kg_json *s = kg_json_first(all); s; s = kg_json_next(s)) {
        const char *id = kg_json_str(s, "subscriptionId");

        if (id && (strcasecmp(id, name) == 0 || strcasecmp(kg_json_str_or(s, "displayName", ""), name) == 0)) {
            *ret = id;
            return 0;
        }
    }
    kg_err_set(err, KG_E_NOT_FOUND, "there is no subscription '%s'", name);
    kg_err_advise(err, "Run 'keepgres account list' to see which there are.");
    return -(int)err->code;
}

static int ask(struct kg_cli *cli, const char *subscription, const char *action, const struct kg_json *filter,
               struct kg_json *rows, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("/subscriptions/%s/" KG_PROVIDER_BACKUP "/%s", subscription, action);
    KG_AUTO_JSON struct kg_json *answer = NULL;

    if (kg_cli_send(cli, "POST", path, filter, false, &answer, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *r = kg_json_first(kg_json_get(answer, "value")); r; r = kg_json_next(r))
        if (kg_json_count(rows) < ROWS_MAX)
            kg_json_push(rows, kg_json_copy(r));
    return 0;
}

int kg_search(struct kg_cli *cli, const char *action, const struct kg_words *subscriptions, const struct kg_json *filter,
              struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *rows = kg_json_array(), *all = NULL;
    struct kg_client *c = NULL;

    if (subscriptions->n && (kg_cli_client(cli, &c, err) < 0 ||
                             kg_client_list(c, "/subscriptions", 0, &all, NULL, err) < 0))
        return -(int)err->code;
    if (!subscriptions->n && ask(cli, cli->subscription, action, filter, rows, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < subscriptions->n; i++) {
        const char *id = NULL;

        if (resolve(all, subscriptions->v[i], &id, err) < 0 || ask(cli, id, action, filter, rows, err) < 0)
            return -(int)err->code;
    }
    if (kg_json_count(rows) == ROWS_MAX)
        kg_cli_note(cli, "note: these are the first %d; narrow the search to see others", ROWS_MAX);
    kg_cli_emit(cli, KG_TAKE(rows));
    return 0;
}
