/* cli/cmd.h - commands are rows: name, options, examples, function. From the rows come parsing, help, docs/cli.md.
 *
 * A command's options land in a struct of its own, whose first member is a struct kg_at; rows name its members.
 * One file a group, cmd_<group>.c, exports its rows as kg_cmds_<group>; src/cli/table.c lists the groups. */
#ifndef KG_CLI_CMD_H
#define KG_CLI_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "json/json.h"
#include "keepgres/err.h"

struct kg_words {
    const char **v;
    size_t n;
};

enum kg_opt_type {
    KG_OPT_FLAG,    /* bool; a literal true/false/yes/no/1/0 may follow */
    KG_OPT_STRING,  /* const char * */
    KG_OPT_UINT,    /* uint64_t within min..max; untouched when absent */
    KG_OPT_CHOICE,  /* const char *: spelt as in choices, case ignored */
    KG_OPT_LIST,    /* struct kg_words: one or more values, and repeatable */
    KG_OPT_PAIRS,   /* struct kg_json *: one object from KEY=VALUE words */
    KG_OPT_OBJECTS, /* struct kg_json *: an array; each use one object from KEY=VALUE words, or JSON or shorthand */
    KG_OPT_JSON,    /* struct kg_json *: inline, @file, or a file's bare path */
};

struct kg_opt {
    const char *name;            /* "vault-name" */
    char letter;                 /* 'v', or 0 */
    const char *aliases;         /* other long names, blank-separated, or NULL */
    enum kg_opt_type type;
    size_t offset;               /* where in the command's own options struct */
    const char *arg;             /* "NAME": what the help shows; NULL for a flag */
    const char *help;            /* no full stop */
    bool required;
    uint64_t min, max;           /* KG_OPT_UINT */
    const char *const *choices;  /* KG_OPT_CHOICE (and keys of KG_OPT_OBJECTS), NULL-ended */
    bool hidden;                 /* accepted for az's sake, of no effect */
};

/* Where the command works; every options struct begins with it. */
struct kg_at {
    const char *group, *vault, *name;
    struct kg_words ids;
    const char *id;              /* the one of ids that the command runs for; group, vault and name are taken from it */
};

enum {
    KG_CMD_CONFIRM = 1u << 0,    /* destroys something: asks, or takes --yes */
    KG_CMD_LOCAL = 1u << 1,      /* needs no service */
    KG_CMD_HIDDEN = 1u << 2,     /* not in the help */
};

struct kg_cli;

struct kg_cmd {
    const char *name;            /* "backup-instance restore trigger" */
    const char *summary;         /* one line, no full stop */
    const char *about;           /* more, or NULL */
    const char *const *examples; /* without "keepgres", NULL-ended */
    const char *positional;      /* option that a bare word stands for, or NULL */
    const char *ids_of;          /* "backupVaults": --ids takes ids of these; NULL: no --ids */
    const char *question;        /* KG_CMD_CONFIRM: "delete the Backup vault"; the name follows */
    unsigned flags;
    const struct kg_opt *opts;   /* ended by { 0 }; NULL: none */
    size_t opts_size;            /* at least sizeof(struct kg_at) */
    int (*run)(struct kg_cli *cli, void *opts, struct kg_err *err);
};

/* A row: KG_OPT(struct my_opts, UINT, "port", port, "PORT", "default 5432", .min = 1, .max = 65535) */
#define KG_OPT(T, type_, name_, member_, arg_, help_, ...)                                                  \
    { .name = (name_), .type = KG_OPT_##type_, .offset = offsetof(T, member_), .arg = (arg_), .help = (help_),  \
      __VA_ARGS__ }

/* Rows that many commands share. T is the options struct. */
#define KG_OPT_GROUP_ROW(T)                                                                                 \
    KG_OPT(T, STRING, "resource-group", at.group, "GROUP",                                                  \
           "resource group; default: $KEEPGRES_DEFAULTS_GROUP, else 'default'", .letter = 'g')
#define KG_OPT_ONLY_GROUP_ROW(T)                                                                            \
    KG_OPT(T, STRING, "resource-group", at.group, "GROUP", "only of this group", .letter = 'g')
#define KG_OPT_VAULT_ROW(T)                                                                                 \
    KG_OPT(T, STRING, "vault-name", at.vault, "VAULT", "name of the Backup vault", .letter = 'v', .required = true)
#define KG_OPT_NAME_ROW(T, aliases_, help_)                                                                 \
    KG_OPT(T, STRING, "name", at.name, "NAME", help_, .letter = 'n', .aliases = (aliases_), .required = true)
#define KG_OPT_IDS_ROW(T)       KG_OPT(T, LIST, "ids", at.ids, "ID", "resource ids, instead of names")
#define KG_OPT_MAX_ITEMS_ROW(T)                                                                             \
    KG_OPT(T, UINT, "max-items", max_items, "N", "at most so many", .min = 1, .max = 1000000)
#define KG_OPT_NEXT_TOKEN_ROW(T)                                                                            \
    KG_OPT(T, STRING, "next-token", next_token, "TOKEN", "go on where a list with --max-items ended")
#define KG_OPT_YES_ROW(T)       KG_OPT(T, FLAG, "yes", yes, NULL, "do not ask", .letter = 'y')
#define KG_OPT_NO_WAIT_ROW(T)                                                                               \
    KG_OPT(T, FLAG, "no-wait", no_wait, NULL, "return as soon as the service has accepted it")
/* Of multi-user authorisation, which this service does not have. */
#define KG_OPT_GUARD_ROWS(T)                                                                                \
    KG_OPT(T, LIST, "operation-requests", guard_requests, "ID", "not supported",                              \
           .aliases = "resource-guard-operation-requests", .hidden = true),                                     \
    KG_OPT(T, STRING, "tenant-id", tenant, "ID", "not supported", .hidden = true)
#define KG_OPT_SECONDARY_ROW(T)                                                                             \
    KG_OPT(T, FLAG, "use-secondary-region", secondary, NULL, "not supported", .hidden = true)

/* ---- parsing (options.c) ---- */

/* One set of rows and the struct that they fill. */
struct kg_opt_set {
    const struct kg_opt *rows;
    void *target;
};
/* Fills the sets from argv; a bare word goes to the option named positional. Fails with KG_E_USAGE naming the option
 * and what is near it. Required options are checked by kg_opts_check(). */
int kg_opts_parse(const struct kg_opt_set *sets, size_t n_sets, const char *positional, int argc,
                  const char *const *argv, struct kg_err *err) KG_MUST_CHECK;
/* Without ids: all required ones must be there. With ids: those which the ids give must not be. */
int kg_opts_check(const struct kg_cmd *cmd, const void *target, bool with_ids, struct kg_err *err) KG_MUST_CHECK;
void kg_opts_free(const struct kg_opt *rows, void *target);   /* what parsing allocated inside target */
bool kg_opt_has_name(const struct kg_opt *o, const char *name); /* its name or one of its aliases */

/* ---- values (values.c) ---- */

/* Inline JSON, "@file" or a file's path. */
int kg_value_json(const char *text, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* az's shorthand, "[{type:'LocallyRedundant',datastore-type:VaultStore}]", of which JSON is the special case. */
int kg_value_shorthand(const char *text, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* KEY=VALUE into obj; a value in quotes loses them. */
int kg_value_pair(const char *text, struct kg_json *obj, struct kg_err *err) KG_MUST_CHECK;

/* snake_case keys as `initialize` prints them, to the camelCase of the API. Keys below "tags" are left alone. */
struct kg_json *kg_json_camel(const struct kg_json *j);

/* ---- the table (table.c) ---- */

struct kg_group { const char *name, *summary; };

const struct kg_cmd *kg_cmd_at(size_t i);         /* NULL past the end */
bool kg_cmd_has_option(const struct kg_cmd *cmd, const char *arg); /* "--plain", "--page=jobs": one of its own options */
const struct kg_group *kg_group_at(size_t i);     /* NULL past the end */
/* The command with the longest name that argv begins with, *ret_words words long. NULL: none. */
const struct kg_cmd *kg_cmd_find(int argc, const char *const *argv, int *ret_words);
/* The group that argv names (all its words up to the first option), or NULL. */
const struct kg_group *kg_group_find(int argc, const char *const *argv, int *ret_words);
/* Why argv names no command: unknown word, and what is near it. */
int kg_cmd_unknown(int argc, const char *const *argv, struct kg_err *err);

/* ---- help (help.c) ---- */

void kg_help_top(struct kg_buf *b);
void kg_help_group(const struct kg_group *g, struct kg_buf *b);
void kg_help_cmd(const struct kg_cmd *cmd, struct kg_buf *b);
void kg_docs_cli(struct kg_buf *b);               /* docs/cli.md */
void kg_docs_errors(struct kg_buf *b);            /* docs/errors.md */
extern const struct kg_opt kg_global_opts[];

#endif
