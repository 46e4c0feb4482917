/* keepgres - one program, several roles: the command line, the portal, the service (`serve`), its workers (`worker`). */
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "app.h"
#include "base/fault.h"
#include "cli/cli.h"
#include "crypto/secret.h"
#include "engine/engine.h"
#include "engine/settings.h"
#include "keepgres/client.h"
#include "worker/worker.h"

/* A service that a client started in the background must outlive the terminal: a session of its own. The client made it
 * the leader of a process group, and a leader cannot begin a session; so it first goes back to its parent's group.
 * Whoever types `serve --idle-exit` keeps the terminal, and Ctrl-C. */
static void leave_terminal(void)
{
    if (isatty(STDIN_FILENO))
        return;
    (void)setpgid(0, getpgid(getppid()));
    (void)setsid();
    (void)!chdir("/");
}

static int serve(const struct kg_serve_args *args, struct kg_err *err)
{
    struct kg_engine_opts o = { .config = args->config, .socket = args->socket, .state_dir = args->state_dir,
                                .log = args->log, .idle_exit = args->idle_exit };

    if (args->idle_exit)
        leave_terminal();
    return kg_engine_main(&o, err);
}

static int portal(const struct kg_portal_args *args, struct kg_err *err)
{
    struct ui_opts o = { .socket = args->socket, .theme = args->theme, .page = args->page, .readonly = args->readonly,
                         .slow = args->slow, .plain = args->plain, .ascii = args->ascii, .mouse = args->mouse };

    return ui_main(&o, err);
}

static const struct kg_roles roles = { .serve = serve, .portal = portal, .api_docs = kg_api_docs,
                                       .settings_docs = kg_settings_page };

/* Names and texts are shown in the user's language and alphabet, numbers never: a decimal comma would end up in JSON
 * and SQL. Service and workers have no locale at all. */
static void use_locale(void)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
}

int main(int argc, char **argv)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    const char *role = argc > 1 ? argv[1] : "";
    struct kg_err err = { 0 };
    int r;

    kg_crypto_start();
    kg_fault_from_environment();
    kg_clock_from_environment();
    sigaction(SIGPIPE, &ignore, NULL);
    if (strcmp(role, "worker") == 0)
        return kg_worker_main();
    if (kg_client_library_start(&err) < 0) {
        fprintf(stderr, "error: %s\n", err.msg);
        return kg_code_exit(err.code);
    }
    if (strcmp(role, "serve") != 0)
        use_locale();
    r = kg_cli_main(argc - 1, (const char *const *)argv + 1, &roles);
    kg_client_library_end();
    return r;
}
