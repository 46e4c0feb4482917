#include <stddef.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/help.h"
#include "keepgres/version.h"

struct help_opts {
    struct kg_at at;
    struct kg_words words;
    const char *what;
};
static const char *const shells[] = { "bash", "zsh", NULL };

static int version(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct kg_json *j = kg_json_object();

    (void)opts, (void)err;
    kg_json_set_str(j, "keepgres", KG_VERSION);
    kg_json_set_str(j, "apiVersion", KG_API_VERSION);
    kg_cli_emit(cli, j);
    return 0;
}

static const struct kg_opt help_opts[] = {
    KG_OPT(struct help_opts, LIST, "words", words, "COMMAND", "what to explain", .hidden = true),
    { 0 },
};

static int help(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct help_opts *o = opts;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    const struct kg_group *group;
    const struct kg_cmd *cmd;
    const char *const *v = o->words.v;
    int n = (int)o->words.n, words;

    (void)cli;
    if (n && strcmp(v[0], "dataprotection") == 0) {
        v++;
        n--;
    }
    cmd = kg_cmd_find(n, v, &words);
    group = kg_group_find(n, v, &words);
    if (cmd)
        kg_help_cmd(cmd, &b);
    else if (group)
        kg_help_group(group, &b);
    else if (n == 1 && kg_topic_find(v[0]))
        kg_help_topic(kg_topic_find(v[0]), &b);
    else if (n == 0)
        kg_help_top(&b);
    else
        return kg_cmd_unknown(n, v, err);
    return kg_cli_write(b.p, b.len, err);
}

static const struct kg_opt completion_opts[] = {
    KG_OPT(struct help_opts, CHOICE, "shell", what, "SHELL", "the shell", .required = true, .choices = shells),
    { 0 },
};

static int completion(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct help_opts *o = opts;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);

    (void)cli;
    if (strcmp(o->what, "zsh") == 0)
        kg_completion_zsh(&b);
    else
        kg_completion_bash(&b);
    return kg_cli_write(b.p, b.len, err);
}

/* ---- documents, for `make docs` and `make install` ---- */

static const struct kg_opt man_opts[] = {
    KG_OPT(struct help_opts, STRING, "page", what, "PAGE", "which page; none: the names of all"),
    { 0 },
};

static int docs_man(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct help_opts *o = opts;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);
    char *name;

    (void)cli;
    for (size_t i = 0; !o->what && kg_man_name(i, &name); i++) {
        kg_buf_addf(&b, "%s\n", name);
        free(name);
    }
    if (o->what && !kg_man_page(o->what, &b))
        return kg_err_set(err, KG_E_USAGE, "there is no manual page '%s'", o->what);
    return kg_cli_write(b.p, b.len, err);
}

static int docs_cli(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);

    (void)cli, (void)opts;
    kg_docs_cli(&b);
    return kg_cli_write(b.p, b.len, err);
}

static int docs_errors(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    (void)cli, (void)opts;
    kg_docs_errors(&b);
    return kg_cli_write(b.p, b.len, err);
}

static int docs_api(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);

    (void)opts;
    cli->roles->api_docs(&b);
    return kg_cli_write(b.p, b.len, err);
}

static int docs_settings(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    (void)opts;
    cli->roles->settings_docs(&b);
    return kg_cli_write(b.p, b.len, err);
}

const struct kg_cmd kg_cmds_version[] = {
    { .name = "version", .summary = "Print the version", .run = version, .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){ "version", NULL } },
    { .name = "help", .summary = "Explain a group or a command", .run = help, .flags = KG_CMD_LOCAL, .opts = help_opts,
      .opts_size = sizeof(struct help_opts), .positional = "words",
      .examples = (const char *const[]){ "help backup-instance create", "help query", NULL } },
    { .name = "completion", .summary = "Print the script that completes command lines", .run = completion,
      .flags = KG_CMD_LOCAL, .opts = completion_opts, .opts_size = sizeof(struct help_opts), .positional = "shell",
      .about = "Put 'source <(keepgres completion bash)' into ~/.bashrc, or the same with zsh into ~/.zshrc. Not needed "
               "after 'make install', which puts the scripts where the shells look for them.",
      .examples = (const char *const[]){ "completion bash", NULL } },
    { .name = "internal docs-man", .summary = "manual pages", .run = docs_man, .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN,
      .opts = man_opts, .opts_size = sizeof(struct help_opts), .positional = "page" },
    { .name = "internal docs-cli", .summary = "docs/cli.md", .run = docs_cli, .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN },
    { .name = "internal docs-errors", .summary = "docs/errors.md", .run = docs_errors,
      .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN },
    { .name = "internal docs-api", .summary = "docs/api.md", .run = docs_api, .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN },
    { .name = "internal docs-settings", .summary = "docs/settings.md", .run = docs_settings,
      .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN },
    { 0 },
};
