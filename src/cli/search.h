/* cli/search.h - the list-from-resourcegraph commands: what lies in all vaults, filtered by the service. */
#ifndef KG_CLI_SEARCH_H
#define KG_CLI_SEARCH_H

#include "cli/cli.h"

#define KG_OPT_SEARCH_ROWS(T)                                                                               \
    KG_OPT(T, LIST, "subscriptions", subscriptions, "NAME", "names or ids; default: the one subscription",      \
           .aliases = "subscription-ids"),                                                                      \
    KG_OPT(T, LIST, "resource-groups", groups, "GROUP", "only in these resource groups"),                       \
    KG_OPT(T, LIST, "vaults", vaults, "VAULT", "only in these Backup vaults")

/* And of what is about databases. */
#define KG_OPT_SEARCH_DATASOURCE_ROWS(T)                                                                    \
    KG_OPT_SEARCH_ROWS(T),                                                                                  \
    KG_OPT(T, CHOICE, "datasource-type", datasource_type, "TYPE", "only this kind of datasource",           \
           .choices = kg_datasource_types),                                                                 \
    KG_OPT(T, LIST, "datasource-id", datasource_ids, "ID", "only of these databases")

/* {key: [words]}; nothing when there is none. */
void kg_search_words(struct kg_json *filter, const char *key, const struct kg_words *w);
/* The same, each of them one of known (NULL-ended), spelt as there. KG_E_USAGE naming option. */
int kg_search_choices(struct kg_json *filter, const char *key, const char *option, const struct kg_words *w,
                      const char *const *known, struct kg_err *err) KG_MUST_CHECK;
/* What az's name of a kind of datasource (NULL: any) means in the rows. */
void kg_search_datasource(struct kg_json *filter, const char *type);
int kg_search_time(struct kg_json *filter, const char *key, const char *option, const char *text,
                   struct kg_err *err) KG_MUST_CHECK;
/* Asks action ("searchBackupJobs") of each subscription and emits the rows, at most 1,000. */
int kg_search(struct kg_cli *cli, const char *action, const struct kg_words *subscriptions, const struct kg_json *filter,
              struct kg_err *err) KG_MUST_CHECK;

#endif
