#include "cli/help.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "keepgres/version.h"

enum { HELP_INDENT = 4, HELP_COLUMN = 34 };

bool kg_help_is_child(const char *name, const char *group)
{
    size_t n = group ? strlen(group) : 0;

    if (!group)
        return !strchr(name, ' ');
    return strncmp(name, group, n) == 0 && name[n] == ' ' && !strchr(name + n + 1, ' ');
}

/* ---- lines ---- */

/* The screen's columns of n bytes of UTF-8 without wide characters, which help texts do not have. */
static size_t columns(const char *s, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    return count;
}

void kg_help_wrap(struct kg_buf *b, const char *text, size_t column)
{
    size_t at = column;

    while (*text) {
        size_t blanks = strspn(text, " \n"), n = strcspn(text + blanks, " \n"), width = columns(text + blanks, n);

        if (!n)
            break;
        if (at > column && at + 1 + width > KG_HELP_WIDTH) {
            kg_buf_addf(b, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            kg_buf_adds(b, " ");
            at++;
        }
        kg_buf_add(b, text + blanks, n);
        at += width;
        text += blanks + n;
    }
    kg_buf_adds(b, "\n");
}

/* The next piece of an example: up to the blank in front of the next option, outside of quotes. */
static size_t piece(const char *s)
{
    char quote = '\0';
    size_t i;

    for (i = 0; s[i]; i++) {
        if (quote)
            quote = s[i] == quote ? '\0' : quote;
        else if (s[i] == '"' || s[i] == '\'')
            quote = s[i];
        else if (i && s[i] == ' ' && s[i + 1] == '-')
            break;
    }
    return i;
}

void kg_help_example(struct kg_buf *b, const char *example, size_t indent)
{
    KG_AUTO_FREE char *line = kg_xprintf("keepgres %s", example);
    size_t at = indent;

    kg_buf_addf(b, "%*s", (int)indent, "");
    for (const char *s = line; *s;) {
        size_t n = piece(s), width = columns(s, n);
        bool more = s[n] != '\0';

        if (s > line && at + width + (more ? 2 : 0) > KG_HELP_WIDTH) {
            kg_buf_addf(b, " \\\n%*s", (int)indent + 3, "");
            at = indent + 3;
        }
        kg_buf_add(b, s, n);
        at += width;
        s += n;
    }
    kg_buf_adds(b, "\n");
}

/* left, and right from a column on: on the next line when left is too wide. */
static void add_line(struct kg_buf *b, const char *left, size_t column, const char *right)
{
    size_t width = columns(left, strlen(left)) + HELP_INDENT;

    kg_buf_addf(b, "%*s%s", HELP_INDENT, "", left);
    if (width >= column)
        kg_buf_addf(b, "\n%*s", (int)column, "");
    else
        kg_buf_addf(b, "%*s", (int)(column - width), "");
    kg_help_wrap(b, right, column);
}

static void fit(size_t *column, const char *name)
{
    size_t needed = HELP_INDENT + strlen(name) + 2;

    if (needed > *column && needed <= HELP_COLUMN)
        *column = needed;
}

/* Where summaries begin on a page: right behind the longest name, so that most of them fit into the line. */
static size_t summary_column(const char *group)
{
    size_t column = HELP_INDENT + 12, skip = group ? strlen(group) + 1 : 0;
    const struct kg_group *g;
    const struct kg_cmd *c;

    for (size_t i = 0; (g = kg_group_at(i)); i++)
        if (kg_help_is_child(g->name, group))
            fit(&column, g->name + skip);
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN) && kg_help_is_child(c->name, group))
            fit(&column, c->name + skip);
    return column;
}

static void add_commands(const char *group, struct kg_buf *b)
{
    const struct kg_cmd *c;

    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (kg_help_is_child(c->name, group) && !(c->flags & KG_CMD_HIDDEN))
            add_line(b, group ? c->name + strlen(group) + 1 : c->name, summary_column(group), c->summary);
}

/* ---- pages ---- */

void kg_help_top(struct kg_buf *b)
{
    const struct kg_group *g;
    const struct kg_topic *t;

    kg_buf_adds(b, "keepgres " KG_VERSION " - a Backup center for PostgreSQL in a terminal\n\n"
                   "Usage\n    keepgres                            opens the portal on a terminal\n"
                   "    keepgres GROUP COMMAND [options]\n"
                   "    Lines written for az work with 'keepgres' in place of 'az': the word\n"
                   "    'dataprotection' may stand in front of the group.\n\nGroups\n");
    for (size_t i = 0; (g = kg_group_at(i)); i++)
        if (kg_help_is_child(g->name, NULL))
            add_line(b, g->name, summary_column(NULL), g->summary);
    kg_buf_adds(b, "\nCommands\n");
    add_commands(NULL, b);
    kg_buf_adds(b, "\nTopics\n");
    for (size_t i = 0; (t = kg_topic_at(i)); i++)
        add_line(b, t->name, summary_column(NULL), t->summary);
    kg_buf_adds(b, "\nRun 'keepgres GROUP --help', 'keepgres GROUP COMMAND --help' or\n"
                   "'keepgres help TOPIC' for more.\n");
}

static void add_title(struct kg_buf *b, const char *name, const char *summary)
{
    KG_AUTO_FREE char *title = kg_xprintf("keepgres %s - %s", name, summary);

    kg_help_wrap(b, title, 0);
}

void kg_help_group(const struct kg_group *g, struct kg_buf *b)
{
    const struct kg_group *sub;
    bool headed = false;

    add_title(b, g->name, g->summary);
    kg_buf_adds(b, "\n");
    for (size_t i = 0; (sub = kg_group_at(i)); i++)
        if (kg_help_is_child(sub->name, g->name)) {
            kg_buf_adds(b, headed ? "" : "Groups\n");
            headed = true;
            add_line(b, sub->name + strlen(g->name) + 1, summary_column(g->name), sub->summary);
        }
    kg_buf_adds(b, headed ? "\nCommands\n" : "Commands\n");
    add_commands(g->name, b);
}

char *kg_help_option_left(const struct kg_opt *o)
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

char *kg_help_option_right(const struct kg_opt *o)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(2000);

    kg_buf_adds(&b, o->help);
    if (o->type == KG_OPT_CHOICE && o->arg) {
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

static void add_options(const struct kg_opt *rows, struct kg_buf *b)
{
    for (int required = 1; required >= 0; required--)
        for (const struct kg_opt *o = rows; o && o->name; o++)
            if (!o->hidden && o->required == (bool)required) {
                KG_AUTO_FREE char *left = kg_help_option_left(o), *right = kg_help_option_right(o);

                add_line(b, left, HELP_COLUMN, right);
            }
}

static bool has_visible(const struct kg_opt *rows)
{
    for (const struct kg_opt *o = rows; o && o->name; o++)
        if (!o->hidden)
            return true;
    return false;
}

void kg_help_usage(const struct kg_cmd *cmd, struct kg_buf *b)
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
    KG_AUTO_BUF struct kg_buf usage = KG_BUF_INIT(4000);

    add_title(b, cmd->name, cmd->summary);
    if (cmd->about) {
        kg_buf_adds(b, "\n");
        kg_help_wrap(b, cmd->about, 0);
    }
    kg_help_usage(cmd, &usage);
    kg_buf_addf(b, "\nUsage\n%*s", HELP_INDENT, "");
    kg_help_wrap(b, usage.p, HELP_INDENT);
    if (has_visible(cmd->opts)) {
        kg_buf_adds(b, "\nOptions\n");
        add_options(cmd->opts, b);
    }
    kg_buf_adds(b, "\nOptions of every command\n");
    add_options(kg_global_opts, b);
    if (cmd->examples && cmd->examples[0]) {
        kg_buf_adds(b, "\nExamples\n");
        for (const char *const *e = cmd->examples; *e; e++)
            kg_help_example(b, *e, HELP_INDENT);
    }
}

void kg_help_topic(const struct kg_topic *t, struct kg_buf *b)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);

    kg_buf_addf(b, "%s - %s\n\n", t->name, t->summary);
    t->text(&text);
    for (const char *s = text.p; *s;) {
        size_t n = strcspn(s, "\n");
        KG_AUTO_FREE char *line = kg_xstrndup(s, n);

        if (strncmp(line, "    ", 4) == 0 || !n)
            kg_buf_addf(b, "%s\n", line);
        else
            kg_help_wrap(b, line, 0);
        s += n + (s[n] == '\n');
    }
}
