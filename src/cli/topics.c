#include "cli/help.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/defaults.h"

static void query(struct kg_buf *b)
{
    kg_buf_adds(b,
        "--query takes an expression of JMESPath, the language that az has for this (https://jmespath.org), and applies it to "
        "the result before --output gives it its form. Quote the whole for the shell. Inside it, text that is compared stands "
        "in single quotes, and a key that is more than letters, digits and _ in double quotes.\n\n"
        "The names of all Backup vaults, one a line:\n\n"
        "    keepgres backup-vault list --query '[].name' -o tsv\n\n"
        "One value for a script:\n\n"
        "    id=$(keepgres server show pg1 --query id -o tsv)\n\n"
        "A table of one's own, of jobs that failed:\n\n"
        "    keepgres job list -v vault1 -o table \\\n"
        "       --query \"[?properties.status=='Failed'].{Job:name, Since:properties.startTime}\"\n\n"
        "How many there are, and the newest:\n\n"
        "    keepgres job list -v vault1 --query 'length(@)'\n"
        "    keepgres job list -v vault1 --query 'sort_by(@, &properties.startTime)[-1]'\n\n"
        "Times are text that sorts, so < and > compare them:\n\n"
        "    keepgres job list -v vault1 -o table \\\n"
        "       --query \"[?properties.startTime > '2026-01-01'].name\"\n\n"
        "Numbers and true, false and null stand in backticks:\n\n"
        "    keepgres server list -o table --query '[?properties.port==`5432`].name'\n\n"
        "The whole language is there:\n\n"
        "    [0] [-1] [0:3]       an item, the last one, the first three\n"
        "    [*] [] *             all items; with lists inside opened; all members\n"
        "    [?a=='x' && !b]      items for which it holds: == != < <= > >= && || !\n"
        "    [a, b] {A:a, B:b}    several values of each, as a list or with names\n"
        "    a | b                b of the whole result of a\n"
        "    abs avg ceil contains ends_with floor join keys length map max max_by\n"
        "    merge min min_by not_null reverse sort sort_by starts_with sum to_array\n"
        "    to_number to_string type values\n\n"
        "A query that finds nothing prints nothing.\n");
}

static void output(struct kg_buf *b)
{
    kg_buf_adds(b,
        "Results go to standard output in the form of --output; notes, warnings, progress and errors go to standard error.\n\n"
        "json: the default. Whole resources, as the API has them.\n\n"
        "jsonc: the same with colours on a terminal.\n\n"
        "yaml, yamlc: the same as YAML.\n\n"
        "table: for people. Of known resources the columns that matter, of others every plain value. Times and sizes are "
        "shortened, and empty columns left out. With --query, the columns are the query's. On a terminal no line is wider than "
        "it: ids are shown as names where these tell them apart, long texts are cut with an ellipsis, and columns that still do "
        "not fit, the last ones first, are left out; --wide shows everything.\n\n"
        "tsv: for scripts. A line for each item, its values divided by tabs; a single value is just that value. Nothing is "
        "shortened. Inside a line of several values, tabs and line breaks are written \\t and \\n, a list is its length and an "
        "object is empty. null is empty.\n\n"
        "none: nothing; the exit code tells.\n");
}

static void environment(struct kg_buf *b)
{
    const struct kg_env_row *r;

    kg_buf_adds(b, "Options win over variables.\n");
    for (size_t i = 0; (r = kg_env_at(i)); i++)
        kg_buf_addf(b, "\n%s: %s.\n", r->name, r->help);
}

/* Exit codes are those of sysexits.h, which say what kind of failure it was. */
static const struct { int code; const char *what; } exits[] = {
    { 0, "done" },
    { 64, "the line makes no sense: an option, a value, a query" },
    { 65, "what is there does not allow it: a damaged or unknown format, a limit, a conflict" },
    { 66, "something that the line names is not there" },
    { 69, "something needed cannot be reached: the service, a server, a program" },
    { 70, "a fault of keepgres or of a program that it runs" },
    { 71, "out of memory" },
    { 73, "it cannot be created: it is there already" },
    { 74, "reading or writing failed: a disk that is full or broken" },
    { 75, "not now: busy, locked, cancelled, timed out; trying again may help" },
    { 76, "a server answered something that nobody expected" },
    { 77, "not allowed: a role, a password, a key" },
};

static void exit_codes(struct kg_buf *b)
{
    kg_buf_adds(b, "A failure prints 'error: …', often 'fix: …', and exits with a code that says what kind it was; --verbose "
                   "adds the error's own name.\n");
    for (size_t i = 0; i < KG_ARRAY_LEN(exits); i++)
        kg_buf_addf(b, "\n%d: %s.\n", exits[i].code, exits[i].what);
}

static const struct kg_topic topics[] = {
    { "query", "Picking from results with --query", query },
    { "output", "Forms of results", output },
    { "environment", "Variables that stand in for options", environment },
    { "exit-codes", "What the exit code says", exit_codes },
};

const struct kg_topic *kg_topic_at(size_t i) { return i < KG_ARRAY_LEN(topics) ? &topics[i] : NULL; }

const struct kg_topic *kg_topic_find(const char *name)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(topics); i++)
        if (strcmp(topics[i].name, name) == 0)
            return &topics[i];
    return NULL;
}
