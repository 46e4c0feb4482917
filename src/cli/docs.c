#include "cli/cmd.h"

#include "base/alloc.h"
#include "cli/defaults.h"
#include "cli/help.h"

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
                KG_AUTO_FREE char *left = kg_help_option_left(o), *right = kg_help_option_right(o);

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
    kg_help_usage(cmd, b);
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
        if (!(c->flags & KG_CMD_HIDDEN) && kg_help_is_child(c->name, group))
            add_doc_cmd(c, b);
}

/* What follows the title of a topic's help is Markdown as it stands. */
static void add_doc_topics(struct kg_buf *b)
{
    const struct kg_topic *t;

    for (size_t i = 0; (t = kg_topic_at(i)); i++) {
        kg_buf_addf(b, "\n## %s: %s\n\n", t->name, t->summary);
        t->text(b);
    }
}

void kg_docs_cli(struct kg_buf *b)
{
    const struct kg_group *g;

    kg_buf_adds(b, "# Command line\n\n"
                   "<!-- Made by `keepgres internal docs-cli` from the command table in src/cli. Do not edit. -->\n\n"
                   "`keepgres` without arguments opens the portal on a terminal; otherwise it prints what commands there are.\n"
                   "Results go to standard output (`-o json|jsonc|yaml|yamlc|table|tsv|none`, `--query` picks from them),\n"
                   "everything else to standard error. A failure prints `error: …` and `fix: …`,\n"
                   "and the exit code says what kind it was ([errors.md](errors.md)).\n"
                   "The word `dataprotection` in front of a command is accepted and has no meaning.\n"
                   "JSON arguments are the JSON itself, `@file`, or a file's name. `--ids` takes resource ids in "
                   "place of names.\n"
                   "Completion for bash and zsh, and manual pages, are made from the same table: `keepgres completion bash`, "
                   "`man keepgres`.\n\n"
                   "## Options of every command\n");
    add_doc_options(kg_global_opts, b);
    for (size_t i = 0; (g = kg_group_at(i)); i++) {
        kg_buf_addf(b, "\n## %s\n\n%s.\n", g->name, g->summary);
        add_doc_cmds(g->name, b);
    }
    kg_buf_adds(b, "\n## Others\n");
    add_doc_cmds(NULL, b);
    add_doc_topics(b);
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
