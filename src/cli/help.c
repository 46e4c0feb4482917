#include "cli/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "keepgres/version.h"

enum { HELP_INDENT = 4, HELP_COLUMN = 34 };

/* Is name inside the group, as a direct child ("backup-instance create" in "backup-instance")? */
static bool is_child(const char *name, const char *group)
{
    size_t n = strlen(group);

    return strncmp(name, group, n) == 0 && name[n] == ' ' && !strchr(name + n + 1, ' ');
}

static void add_line(struct kg_buf *b, const char *left, const char *right)
{
    kg_buf_addf(b, "%*s%-*s %s\n", HELP_INDENT, "", HELP_COLUMN - HELP_INDENT - 1, left, right);
}

static void add_commands(const char *group, struct kg_buf *b)
{
    const struct kg_cmd *c;

    for (size_t i = 0; (c = kg_cmd_at(i)); i++) {
        bool in = group ? is_child(c->name, group) : !strchr(c->name, ' ');

        if (in && !(c->flags & KG_CMD_HIDDEN))
            add_line(b, group ? c->name + strlen(group) + 1 : c->name, c->summary);
    }
}

void kg_help_top(struct kg_buf *b)
{
    const struct kg_group *g;

    kg_buf_adds(b, "keepgres " KG_VERSION " - a Backup center for PostgreSQL in a terminal\n\n"
                   "Usage\n    keepgres GROUP COMMAND [options]\n"
                   "    'keepgres dataprotection …' works too: lines written for az need only another first "
                   "word.\n\nGroups\n");
    for (size_t i = 0; (g = kg_group_at(i)); i++)
        if (!strchr(g->name, ' '))
            add_line(b, g->name, g->summary);
    kg_buf_adds(b, "\nCommands\n");
    add_commands(NULL, b);
    kg_buf_adds(b, "\nRun 'keepgres GROUP --help' and 'keepgres GROUP COMMAND --help' for more.\n");
}

void kg_help_group(const struct kg_group *g, struct kg_buf *b)
{
    const struct kg_group *sub;
    bool headed = false;

    kg_buf_addf(b, "keepgres %s - %s\n\n", g->name, g->summary);
    for (size_t i = 0; (sub = kg_group_at(i)); i++)
        if (is_child(sub->name, g->name)) {
            kg_buf_adds(b, headed ? "" : "Groups\n");
            headed = true;
            add_line(b, sub->name + strlen(g->name) + 1, sub->summary);
        }
    kg_buf_adds(b, headed ? "\nCommands\n" : "Commands\n");
    add_commands(g->name, b);
}

/* "--vault-name -v VAULT" */
static char *option_left(const struct kg_opt *o)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(400);

    kg_buf_addf(&b, "--%s", o->name);
    if (o->letter)
        kg_buf_addf(&b, " -%c", o->letter);
    if (o->arg)
        kg_buf_addf(&b, " %s%s", o->arg, o->type == KG_OPT_LIST || o->type == KG_OPT_PAIRS ||
                                                 o->type == KG_OPT_OBJECTS ? "…" : "");
    return kg_buf_take(&b);
}

/* What it is, what it may be, and what else it is called. */
static char *option_right(const struct kg_opt *o)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(2000);

    kg_buf_adds(&b, o->help);
    if (o->type == KG_OPT_CHOICE && o->arg && strcmp(o->arg, "FORM") != 0) {
        kg_buf_adds(&b, ": ");
        for (const char *const *c = o->choices; *c; c++)
            kg_buf_addf(&b, "%s%s", c == o->choices ? "" : ", ", *c);
    }
    if (o->type == KG_OPT_UINT)
        kg_buf_addf(&b, " (%" PRIu64 " to %" PRIu64 ")", o->min, o->max);
    if (o->aliases) {
        kg_buf_adds(&b, " (also --");
        for (const char *a = o->aliases; *a; a++)
            if (*a == ' ')
                kg_buf_adds(&b, ", --");
            else
                kg_buf_add(&b, a, 1);
        kg_buf_adds(&b, ")");
    }
    if (o->required)
        kg_buf_adds(&b, " [required]");
    return kg_buf_take(&b);
}

/* The screen's columns of UTF-8 text without wide characters, which help texts do not have. */
static size_t columns(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void add_option(const struct kg_opt *o, struct kg_buf *b)
{
    KG_AUTO_FREE char *left = option_left(o), *right = option_right(o);
    size_t width = columns(left);

    kg_buf_addf(b, "%*s%s", HELP_INDENT, "", left);
    if (width + HELP_INDENT >= HELP_COLUMN)
        kg_buf_addf(b, "\n%*s%s\n", HELP_COLUMN, "", right);
    else
        kg_buf_addf(b, "%*s%s\n", (int)(HELP_COLUMN - HELP_INDENT - width), "", right);
}

static void add_options(const struct kg_opt *rows, struct kg_buf *b)
{
    for (int required = 1; required >= 0; required--)
        for (const struct kg_opt *o = rows; o && o->name; o++)
            if (!o->hidden && o->required == (bool)required)
                add_option(o, b);
}

/* "keepgres server add NAME --host HOST [options]" */
static void add_usage(const struct kg_cmd *cmd, struct kg_buf *b)
{
    bool more = false;

    kg_buf_addf(b, "keepgres %s", cmd->name);
    for (const struct kg_opt *o = cmd->opts; o && o->name; o++)
        if (cmd->positional && kg_opt_has_name(o, cmd->positional))
            kg_buf_addf(b, o->required ? " %s" : " [%s]", o->arg);
    for (const struct kg_opt *o = cmd->opts; o && o->name; o++) {
        bool placed = cmd->positional && kg_opt_has_name(o, cmd->positional);

        if (o->required && !placed)
            kg_buf_addf(b, " --%s %s", o->name, o->arg);
        more |= !o->required && !o->hidden && !placed;
    }
    kg_buf_adds(b, more ? " [options]\n" : "\n");
}

void kg_help_cmd(const struct kg_cmd *cmd, struct kg_buf *b)
{
    kg_buf_addf(b, "keepgres %s - %s\n", cmd->name, cmd->summary);
    if (cmd->about)
        kg_buf_addf(b, "\n%s\n", cmd->about);
    kg_buf_addf(b, "\nUsage\n%*s", HELP_INDENT, "");
    add_usage(cmd, b);
    if (cmd->opts && cmd->opts->name) {
        kg_buf_adds(b, "\nOptions\n");
        add_options(cmd->opts, b);
    }
    kg_buf_adds(b, "\nOptions of every command\n");
    add_options(kg_global_opts, b);
    if (cmd->examples && cmd->examples[0]) {
        kg_buf_adds(b, "\nExamples\n");
        for (const char *const *e = cmd->examples; *e; e++)
            kg_buf_addf(b, "%*skeepgres %s\n", HELP_INDENT, "", *e);
    }
}

/* ---- documents ---- */

static void add_doc_text(struct kg_buf *b, const char *s)
{
    for (; *s; s++)
        if (*s == '|')
            kg_buf_adds(b, "\\|");
        else
            kg_buf_add(b, s, 1);
}

static void add_doc_options(const struct kg_opt *rows, struct kg_buf *b)
{
    kg_buf_adds(b, "\n| option | meaning |\n|---|---|\n");
    for (int required = 1; required >= 0; required--)
        for (const struct kg_opt *o = rows; o && o->name; o++)
            if (!o->hidden && o->required == (bool)required) {
                KG_AUTO_FREE char *left = option_left(o), *right = option_right(o);

                kg_buf_addf(b, "| `%s` | ", left);
                add_doc_text(b, right);
                kg_buf_adds(b, " |\n");
            }
}

static void add_doc_cmd(const struct kg_cmd *cmd, struct kg_buf *b)
{
    kg_buf_addf(b, "\n### keepgres %s\n\n%s.\n", cmd->name, cmd->summary);
    if (cmd->about)
        kg_buf_addf(b, "\n%s\n", cmd->about);
    kg_buf_adds(b, "\n    ");
    add_usage(cmd, b);
    if (cmd->opts && cmd->opts->name)
        add_doc_options(cmd->opts, b);
    if (cmd->examples && cmd->examples[0]) {
        kg_buf_adds(b, "\nFor example:\n\n");
        for (const char *const *e = cmd->examples; *e; e++)
            kg_buf_addf(b, "    keepgres %s\n", *e);
    }
}

static void add_doc_cmds(const char *group, struct kg_buf *b)
{
    const struct kg_cmd *c;

    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN) && (group ? is_child(c->name, group) : !strchr(c->name, ' ')))
            add_doc_cmd(c, b);
}

void kg_docs_cli(struct kg_buf *b)
{
    const struct kg_group *g;

    kg_buf_adds(b, "# Command line\n\n"
                   "<!-- Made by `keepgres internal docs-cli` from the command table in src/cli. Do not edit. -->\n\n"
                   "Results go to standard output (`-o json|table|tsv|none`), everything else to standard error. A "
                   "failure prints\n"
                   "`error: …` and `fix: …`, and the exit code says what kind it was ([errors.md](errors.md)).\n"
                   "The word `dataprotection` in front of a command is accepted and has no meaning.\n"
                   "JSON arguments are the JSON itself, `@file`, or a file's name. `--ids` takes resource ids in "
                   "place of names.\n"
                   "A resource group that is not given is `$KEEPGRES_DEFAULTS_GROUP`, else `default`.\n\n"
                   "## Options of every command\n");
    add_doc_options(kg_global_opts, b);
    for (size_t i = 0; (g = kg_group_at(i)); i++) {
        kg_buf_addf(b, "\n## %s\n\n%s.\n", g->name, g->summary);
        add_doc_cmds(g->name, b);
    }
    kg_buf_adds(b, "\n## Others\n");
    add_doc_cmds(NULL, b);
}

void kg_docs_errors(struct kg_buf *b)
{
    kg_buf_adds(b, "# Errors\n\n"
                   "<!-- Made by `keepgres internal docs-errors` from include/keepgres/err_codes.def. Do not edit. "
                   "-->\n\n"
                   "Every failure has a code. The command line exits with its exit code, the API answers with its "
                   "HTTP status and\n"
                   "its ARM name; names that begin with `UserError` are Azure Backup's own where it has one for the "
                   "case.\n\n"
                   "| number | code | ARM name | HTTP | exit | what to do |\n|---|---|---|---|---|---|\n");
    for (unsigned i = 1; kg_code_at(i) != KG_E_OK; i++) {
        enum kg_code c = kg_code_at(i);

        kg_buf_addf(b, "| %d | %s | %s | %d | %d | ", (int)c, kg_code_name(c), kg_code_arm(c), kg_code_http(c),
                    kg_code_exit(c));
        add_doc_text(b, kg_code_action(c));
        kg_buf_adds(b, " |\n");
    }
}
