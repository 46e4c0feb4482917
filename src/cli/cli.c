#include "cli/cli.h"

#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cmds.h"
#include "cli/defaults.h"
#include "cli/forms.h"
#include "keepgres/version.h"
#include "model/id.h"

#define DEFAULT_SUBSCRIPTION "00000000-0000-0000-0000-000000000001"

static const char *const forms[] = { "json", "jsonc", "yaml", "yamlc", "table", "tsv", "none", NULL };

#define G struct kg_globals
const struct kg_opt kg_global_opts[] = {
    KG_OPT(G, CHOICE, "output", output, "FORM",
           "form of the result", .letter = 'o', .choices = forms),
    KG_OPT(G, STRING, "query", query, "JMESPATH", "what to print of the result; see 'keepgres help query'"),
    KG_OPT(G, STRING, "subscription", subscription, "NAME", "name or id of the subscription"),
    KG_OPT(G, STRING, "socket", socket, "PATH", "where the service listens"),
    KG_OPT(G, FLAG, "only-show-errors", quiet, NULL, "no notes, warnings and progress"),
    KG_OPT(G, FLAG, "wide", wide, NULL, "tables as wide as they are, with whole ids, also on a terminal"),
    KG_OPT(G, FLAG, "verbose", verbose, NULL, "codes and places of errors"),
    KG_OPT(G, FLAG, "debug", debug, NULL, "every request that is sent"),
    KG_OPT(G, FLAG, "help", help, NULL, "this text", .letter = 'h'),
    { 0 },
};
#undef G

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

bool kg_cli_interrupted(void *ctx)
{
    (void)ctx;
    return interrupted;
}

/* SA_RESETHAND: the second Ctrl-C ends the program whatever it is at. */
static void watch_interrupts(void)
{
    struct sigaction sa = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

    interrupted = 0;
    sigaction(SIGINT, &sa, NULL);
}

/* ---- where a command works ---- */

static bool is_guid(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == 8 || n == 13 || n == 18 || n == 23 ? s[n] != '-' : strspn(s + n, "0123456789abcdefABCDEF") == 0)
            return false;
    return n == 36;
}

/* --subscription takes a name, too; only then is the service asked. */
static int find_subscription(struct kg_cli *cli, struct kg_err *err)
{
    const char *asked = cli->g.subscription ? cli->g.subscription : kg_env_default(KG_ENV_SUBSCRIPTION);
    KG_AUTO_JSON struct kg_json *all = NULL;
    struct kg_client *c = NULL;

    free(cli->subscription);
    cli->subscription = kg_xstrdup(asked && is_guid(asked) ? asked : DEFAULT_SUBSCRIPTION);
    if (!asked || is_guid(asked))
        return 0;
    if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, "/subscriptions", 0, &all, NULL, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *s = kg_json_first(all); s; s = kg_json_next(s)) {
        const char *id = kg_json_str(s, "subscriptionId");

        if (id && strcasecmp(kg_json_str_or(s, "displayName", ""), asked) == 0) {
            free(cli->subscription);
            cli->subscription = kg_xstrdup(id);
            return 0;
        }
    }
    kg_err_set(err, KG_E_NOT_FOUND, "there is no subscription '%s'", asked);
    kg_err_advise(err, "Run 'keepgres account list' to see which there are.");
    return -(int)err->code;
}

/* Puts what an id says into the command's struct kg_at. Strings borrowed from id. */
static int use_id(struct kg_cli *cli, const struct kg_cmd *cmd, const char *text, struct kg_id *id, struct kg_at *at,
                  struct kg_err *err)
{
    if (kg_id_parse(text, id, err) < 0)
        return -(int)err->code;
    if (!id->group || !id->count || strcasecmp(id->parts[id->count - 1].type, cmd->ids_of) != 0)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not the id of one of the %s", text, cmd->ids_of);
    at->id = text;
    at->group = id->group;
    at->name = at->vault = id->parts[id->count - 1].name;
    for (unsigned i = 0; i < id->count; i++)
        if (strcasecmp(id->parts[i].type, "backupVaults") == 0)
            at->vault = id->parts[i].name;
    free(cli->subscription);
    cli->subscription = kg_xstrdup(id->subscription);
    return 0;
}

/* ---- running ---- */

static int confirm(const struct kg_cmd *cmd, const struct kg_at *at, struct kg_err *err)
{
    const char *what = at->name ? at->name : at->vault ? at->vault : at->group;
    KG_AUTO_FREE char *question = what ? kg_xprintf("%s '%s'", cmd->question, what) : kg_xstrdup(cmd->question);

    return kg_cli_confirm(question, err);
}

/* --yes is an option of the command's own; its row says where. */
static bool said_yes(const struct kg_cmd *cmd, const void *opts)
{
    for (const struct kg_opt *o = cmd->opts; o->name; o++)
        if (strcmp(o->name, "yes") == 0)
            return *(const bool *)((const char *)opts + o->offset);
    return false;
}

static int run_once(struct kg_cli *cli, const struct kg_cmd *cmd, void *opts, struct kg_err *err)
{
    if ((cmd->flags & KG_CMD_CONFIRM) && !said_yes(cmd, opts) && confirm(cmd, opts, err) < 0)
        return -(int)err->code;
    return cmd->run(cli, opts, err);
}

static int run_for_ids(struct kg_cli *cli, const struct kg_cmd *cmd, void *opts, struct kg_err *err)
{
    struct kg_at *at = opts;

    for (size_t i = 0; i < at->ids.n; i++) {
        KG_AUTO_ID struct kg_id id = { 0 };

        if (use_id(cli, cmd, at->ids.v[i], &id, at, err) < 0 || run_once(cli, cmd, opts, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* ---- the result ---- */

/* Before anything is done, so that a slip in a query or a variable costs nothing. */
static int prepare_output(struct kg_cli *cli, struct kg_err *err)
{
    if (!cli->g.output && kg_env_choice(KG_ENV_OUTPUT, &kg_global_opts[0], &cli->g.output, err) < 0)
        return -(int)err->code;
    if (!cli->g.query || kg_jmespath_compile(cli->g.query, &cli->query, err) == 0)
        return 0;
    kg_err_wrap(err, "--query");
    kg_err_advise(err, "Put the query in single quotes for the shell; 'keepgres help query' has examples.");
    return -(int)err->code;
}

static bool wants_colour(const struct kg_cli *cli)
{
    const char *term = getenv("TERM");

    return cli->out_tty && !kg_env_default("NO_COLOR") && !(term && strcmp(term, "dumb") == 0);
}

/* 0: there is no terminal, or its width does not matter. */
static size_t terminal_width(const struct kg_cli *cli)
{
    struct winsize size;

    return cli->out_tty && !cli->g.wide && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Also after a failure: what there is (a failed job, the first of several ids) is printed before the error. */
static int print_result(struct kg_cli *cli, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT((size_t)512 << 20);
    KG_AUTO_JSON struct kg_json *picked = NULL;
    struct kg_form form = { cli->g.output, cli->out_tty, wants_colour(cli), cli->query != NULL, terminal_width(cli) };

    if (!cli->result)
        return 0;
    if (cli->query && kg_jmespath_search(cli->query, cli->result, &picked, err) < 0)
        return kg_err_wrap(err, "--query");
    if (!kg_output(picked ? picked : cli->result, &form, &b)) {
        kg_cli_warn(cli, "nothing in the result can stand in a table%s",
                    cli->query ? "; pick plain values with --query, or use -o json" : "; use -o json");
        return 0;
    }
    if (kg_buf_ok(&b, err) < 0)
        return -(int)err->code;
    return kg_cli_write(b.p, b.len, err);
}

static int print_help(const struct kg_cmd *cmd, const struct kg_group *group, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    if (cmd)
        kg_help_cmd(cmd, &b);
    else if (group)
        kg_help_group(group, &b);
    else
        kg_help_top(&b);
    return kg_cli_write(b.p, b.len, err);
}

static bool wants_help(int argc, const char *const *argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run_command(struct kg_cli *cli, const struct kg_cmd *cmd, void *opts, int argc, const char *const *argv,
                       struct kg_err *err)
{
    struct kg_opt_set sets[] = { { cmd->opts, opts }, { kg_global_opts, &cli->g } };
    const struct kg_at *at = opts;
    int r;

    if (wants_help(argc, argv)) /* whatever else is wrong with the line */
        return print_help(cmd, NULL, err);
    if (kg_opts_parse(sets, 2, cmd->positional, argc, argv, err) < 0 || prepare_output(cli, err) < 0)
        return -(int)err->code;
    if (kg_opts_check(cmd, opts, cmd->ids_of && at->ids.n, err) < 0)
        return -(int)err->code;
    if (!(cmd->flags & KG_CMD_LOCAL) && find_subscription(cli, err) < 0)
        return -(int)err->code;
    watch_interrupts();
    r = cmd->ids_of && at->ids.n ? run_for_ids(cli, cmd, opts, err) : run_once(cli, cmd, opts, err);
    if (r < 0) {
        struct kg_err second = { 0 };

        (void)print_result(cli, &second);
        return r;
    }
    return print_result(cli, err);
}

static int print_version(struct kg_err *err)
{
    static const char line[] = "keepgres " KG_VERSION "\n";

    return kg_cli_write(line, sizeof line - 1, err);
}

static int dispatch(struct kg_cli *cli, int argc, const char *const *argv, struct kg_err *err)
{
    static const char *const bare[] = { "portal" };
    KG_AUTO_FREE const char **portal = NULL;
    const struct kg_cmd *cmd;
    const struct kg_group *group;
    int words, r;

    if (argc == 0 && cli->out_tty && isatty(STDIN_FILENO)) {
        argc = 1;
        argv = bare;
    }
    if (argc && kg_cmd_has_option(&kg_cmds_portal[0], argv[0])) {    /* 'keepgres --plain' */
        portal = kg_xalloc_array((size_t)argc + 1, sizeof *portal);
        portal[0] = bare[0];
        memcpy(portal + 1, argv, (size_t)argc * sizeof *argv);
        argv = portal;
        argc++;
    }
    if (argc && strcmp(argv[0], "dataprotection") == 0) {
        argc--;
        argv++;
    }
    if (argc && (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0))
        return print_version(err);
    cmd = kg_cmd_find(argc, argv, &words);
    if (!cmd) {
        group = kg_group_find(argc, argv, &words);
        if (group || argc == 0 || (words == 0 && wants_help(argc, argv) && argv[0][0] == '-'))
            return print_help(NULL, group, err);
        return kg_cmd_unknown(argc, argv, err);
    }
    KG_AUTO_FREE void *opts = kg_xalloc(cmd->opts_size > sizeof(struct kg_at) ? cmd->opts_size : sizeof(struct kg_at));
    r = run_command(cli, cmd, opts, argc - words, argv + words, err);
    kg_opts_free(cmd->opts, opts);
    return r;
}

int kg_cli_main(int argc, const char *const *argv, const struct kg_roles *roles)
{
    struct kg_cli cli = { .roles = roles, .out_tty = isatty(STDOUT_FILENO), .err_tty = isatty(STDERR_FILENO) };
    struct kg_err err = { 0 };
    int r;

    cli.subscription = kg_xstrdup(DEFAULT_SUBSCRIPTION);
    r = dispatch(&cli, argc, argv, &err);
    if (r < 0 && !cli.explanation && cli.client)
        kg_cli_explain(&cli, kg_client_error_detail(cli.client));
    if (r < 0)
        kg_cli_print_error(&cli, &err);
    kg_client_close(cli.client);
    kg_json_free(cli.result);
    kg_jmespath_free(cli.query);
    kg_json_free(cli.explanation);
    free(cli.subscription);
    return r < 0 ? kg_code_exit(err.code) : 0;
}
