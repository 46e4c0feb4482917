#include <stddef.h>

#include "cli/cli.h"
#include "cli/cmds.h"

struct portal_opts {
    struct kg_at at;
    struct kg_portal_args args;
};
#define T struct portal_opts

static const struct kg_opt opts[] = {
    KG_OPT(T, STRING, "page", args.page, "NAME", "the page to begin with; otherwise the Overview"),
    KG_OPT(T, STRING, "theme", args.theme, "NAME", "its colours; otherwise the theme that was chosen last"),
    KG_OPT(T, FLAG, "readonly", args.readonly, NULL, "only look: nothing can be changed"),
    KG_OPT(T, FLAG, "slow", args.slow, NULL, "at most one repaint a second by itself, for a slow line"),
    KG_OPT(T, FLAG, "plain", args.plain, NULL, "questions and lines instead of pages, for a screen reader or a plain terminal"),
    KG_OPT(T, FLAG, "ascii", args.ascii, NULL, "draw with ASCII alone"),
    KG_OPT(T, FLAG, "mouse", args.mouse, NULL, "take the mouse; text is then selected with Shift held"),
    { 0 },
};

static int portal(struct kg_cli *cli, void *options, struct kg_err *err)
{
    struct portal_opts *o = options;

    o->args.socket = cli->g.socket;
    return cli->roles->portal(&o->args, err);
}

const struct kg_cmd kg_cmds_portal[] = {
    { .name = "portal", .summary = "Open the portal, which 'keepgres' without arguments does too", .run = portal,
      .opts = opts, .opts_size = sizeof(T), .flags = KG_CMD_LOCAL,
      .about = "The portal shows and does on pages what the commands do: vaults, policies, instances, jobs, restores. It is a "
               "client of the service as they are, and what it has started goes on when it is closed. Its options work without its "
               "name, too: 'keepgres --plain'.",
      .examples = (const char *const[]){ "portal", "portal --readonly --theme mono", NULL } },
    { 0 },
};
