/* Manual pages in the macros of man(7): keepgres.1, and one page for each group of commands. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/defaults.h"
#include "keepgres/version.h"

/* Words that must not be broken: options, variables, paths. */
static bool is_name(const char *word)
{
    size_t n = strcspn(word, " \n");

    return *word == '-' || *word == '$' || memchr(word, '_', n) || memchr(word, '/', n);
}

/* Text for troff: a dash that can be copied, no line that reads as a request, "…" as three dots, the rest by number. */
static void add_text(struct kg_buf *b, const char *s)
{
    bool first = b->len == 0 || b->p[b->len - 1] == '\n';

    for (const char *begin = s; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if ((s == begin || s[-1] == ' ' || s[-1] == '\n') && is_name(s))
            kg_buf_adds(b, "\\%");
        if (first && (c == '.' || c == '\''))
            kg_buf_adds(b, "\\&");
        first = c == '\n';
        if (c == '\\')
            kg_buf_adds(b, "\\e");
        else if (c == '-')
            kg_buf_adds(b, "\\-");
        else if (c == '\'')
            kg_buf_adds(b, "\\(aq");
        else if (c == '"')
            kg_buf_adds(b, "\\(dq");
        else if (c == '`')
            kg_buf_adds(b, "\\(ga");
        else if (strncmp(s, "…", strlen("…")) == 0)
            kg_buf_adds(b, "..."), s += strlen("…") - 1;
        else
            kg_buf_add(b, s, 1);
    }
}

static void add_line(struct kg_buf *b, const char *s)
{
    add_text(b, s);
    kg_buf_adds(b, "\n");
}

/* A request with text as its one argument. */
static void add_request(struct kg_buf *b, const char *request, const char *s)
{
    kg_buf_addf(b, ".%s \"", request);
    add_text(b, s);
    kg_buf_adds(b, "\"\n");
}

static void add_head(struct kg_buf *b, const char *name, const char *summary)
{
    KG_AUTO_FREE char *upper = kg_xstrdup(name);

    for (char *c = upper; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    kg_buf_adds(b, ".\\\" Made by 'keepgres internal docs-man' from the table of commands. Do not edit.\n.TH ");
    add_text(b, upper);
    kg_buf_adds(b, " 1 \"\" \"keepgres " KG_VERSION "\" \"Keepgres manual\"\n.nh\n.ad l\n.SH NAME\n");
    add_text(b, name);
    kg_buf_adds(b, " \\- ");
    add_line(b, summary);
}

static void add_option_list(struct kg_buf *b, const struct kg_opt *rows)
{
    for (int required = 1; required >= 0; required--)
        for (const struct kg_opt *o = rows; o && o->name; o++)
            if (!o->hidden && o->required == (bool)required) {
                KG_AUTO_FREE char *left = kg_help_option_left(o), *right = kg_help_option_right(o);

                kg_buf_adds(b, ".TP\n");
                add_request(b, "B", left);
                add_line(b, right);
            }
}

static void add_examples(struct kg_buf *b, const char *const *examples)
{
    for (const char *const *e = examples; e && *e; e++) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(8000);

        kg_help_example(&text, *e, 0);
        kg_buf_adds(b, ".PP\n.EX\n");
        add_text(b, text.p);
        kg_buf_adds(b, ".EE\n");
    }
}

static void add_command(struct kg_buf *b, const struct kg_cmd *cmd)
{
    KG_AUTO_BUF struct kg_buf usage = KG_BUF_INIT(4000);
    KG_AUTO_FREE char *title = kg_xprintf("keepgres %s", cmd->name);

    kg_help_usage(cmd, &usage);
    kg_buf_cut(&usage, usage.len - 1);
    add_request(b, "SS", title);
    add_text(b, cmd->summary);
    kg_buf_adds(b, ".\n");
    if (cmd->about)
        add_line(b, cmd->about);
    kg_buf_adds(b, ".PP\n");
    add_request(b, "B", usage.p);
    add_option_list(b, cmd->opts);
    add_examples(b, cmd->examples);
}

/* Those of a group, then those of the groups in it. group NULL: the ones without a group. */
static void add_commands(struct kg_buf *b, const char *group)
{
    const struct kg_group *sub;
    const struct kg_cmd *c;

    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN) && kg_help_is_child(c->name, group))
            add_command(b, c);
    for (size_t i = 0; group && (sub = kg_group_at(i)); i++)
        if (kg_help_is_child(sub->name, group))
            add_commands(b, sub->name);
}

/* A topic's text: paragraphs, and examples where lines are indented. */
static void add_topic(struct kg_buf *b, const struct kg_topic *t)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    bool example = false;

    add_request(b, "SH", t->summary);
    t->text(&text);
    for (const char *s = text.p; *s;) {
        size_t n = strcspn(s, "\n");
        KG_AUTO_FREE char *line = kg_xstrndup(s, n);
        bool indented = strncmp(line, "    ", 4) == 0;

        if (indented != example)
            kg_buf_adds(b, indented ? ".EX\n" : ".EE\n");
        example = indented;
        if (n)
            add_line(b, line + (indented ? 4 : 0));
        else if (s[1])
            kg_buf_adds(b, ".PP\n");
        s += n + (s[n] == '\n');
    }
    kg_buf_adds(b, example ? ".EE\n" : "");
}

static void add_group_list(struct kg_buf *b)
{
    const struct kg_group *g;

    kg_buf_adds(b, ".SH GROUPS OF COMMANDS\n");
    for (size_t i = 0; (g = kg_group_at(i)); i++) {
        KG_AUTO_FREE char *page = kg_xprintf("keepgres-%s(1)", g->name);

        if (strchr(g->name, ' '))
            continue;
        kg_buf_adds(b, ".TP\n");
        add_request(b, "B", page);
        add_line(b, g->summary);
    }
}

static void add_main_page(struct kg_buf *b)
{
    const struct kg_topic *t;

    add_head(b, "keepgres", "a Backup center for PostgreSQL in a terminal");
    kg_buf_adds(b, ".SH SYNOPSIS\n.B keepgres\n.RI [ \"GROUP COMMAND\" ]\n.RI [ options ]\n.SH DESCRIPTION\n"
                   "Backs up databases of PostgreSQL servers into encrypted Backup vaults and restores them, with the words, "
                   "resources\nand command lines of Azure Backup.\n"
                   "Without arguments, on a terminal, it opens the portal.\n"
                   "The word dataprotection in front of a group is accepted and has no meaning.\n"
                   "The first command that needs the service starts it in the background.\n");
    add_group_list(b);
    kg_buf_adds(b, ".SH COMMANDS WITHOUT A GROUP\n");
    add_commands(b, NULL);
    kg_buf_adds(b, ".SH OPTIONS OF EVERY COMMAND\n");
    add_option_list(b, kg_global_opts);
    kg_buf_adds(b, ".SH ARGUMENTS\nJSON arguments are the JSON itself, @file, or a file\\(aqs name; \\- is standard input.\n"
                   "\\-\\-ids takes resource ids in place of names.\n");
    for (size_t i = 0; (t = kg_topic_at(i)); i++)
        add_topic(b, t);
}

static void add_group_page(struct kg_buf *b, const char *page, const struct kg_group *g)
{
    add_head(b, page, g->summary);
    kg_buf_adds(b, ".SH SYNOPSIS\n");
    kg_buf_adds(b, ".B keepgres ");
    add_line(b, g->name);
    kg_buf_adds(b, ".I COMMAND\n.RI [ options ]\n.SH COMMANDS\n");
    add_commands(b, g->name);
    kg_buf_adds(b, ".SH SEE ALSO\n.BR keepgres (1)\nfor options of every command, forms of results, queries, environment "
                   "and exit codes.\n");
}

bool kg_man_name(size_t i, char **ret)
{
    const struct kg_group *g;
    size_t at = 1;

    if (i == 0) {
        *ret = kg_xstrdup("keepgres");
        return true;
    }
    for (size_t n = 0; (g = kg_group_at(n)); n++)
        if (!strchr(g->name, ' ') && at++ == i) {
            *ret = kg_xprintf("keepgres-%s", g->name);
            return true;
        }
    return false;
}

bool kg_man_page(const char *name, struct kg_buf *b)
{
    const struct kg_group *g;

    if (strcmp(name, "keepgres") == 0) {
        add_main_page(b);
        return true;
    }
    if (strncmp(name, "keepgres-", 9) != 0)
        return false;
    for (size_t n = 0; (g = kg_group_at(n)); n++)
        if (strcmp(g->name, name + 9) == 0 && !strchr(g->name, ' ')) {
            add_group_page(b, name, g);
            return true;
        }
    return false;
}
