#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sys/fd.h"

/* ---- the result ---- */

/* az adds the resource group's name to every resource it prints, so scripts expect it. */
static void add_group(struct kg_json *item)
{
    const char *id = kg_json_type(item) == KG_JSON_OBJECT ? kg_json_str(item, "id") : NULL;
    const char *at = id ? strcasestr(id, "/resourceGroups/") : NULL;

    if (at && kg_json_get(item, "type") && !kg_json_get(item, "resourceGroup")) {
        KG_AUTO_FREE char *group = kg_xstrndup(at + 16, strcspn(at + 16, "/"));

        kg_json_set_str(item, "resourceGroup", group);
    }
}

/* Numbers are looked up by path, so that the items stay writable. */
static void add_groups(struct kg_json *j)
{
    size_t n = kg_json_type(j) == KG_JSON_ARRAY ? kg_json_count(j) : 0;

    add_group(j);
    for (size_t i = 0; i < n; i++) {
        char at[24];

        snprintf(at, sizeof at, "%zu", i);
        add_group(kg_json_get_mutable(j, at));
    }
}

void kg_cli_emit(struct kg_cli *cli, struct kg_json *result)
{
    add_groups(result);
    if (!cli->result) {
        cli->result = result;
        return;
    }
    if (kg_json_type(cli->result) != KG_JSON_ARRAY) {
        struct kg_json *array = kg_json_array();

        kg_json_push(array, KG_TAKE(cli->result));
        cli->result = array;
    }
    kg_json_push(cli->result, result);
}

int kg_cli_write(const char *text, size_t n, struct kg_err *err)
{
    int eno = kg_write_all(STDOUT_FILENO, text, n);

    if (eno && eno != EPIPE) /* whoever reads has seen enough: no failure of ours */
        return kg_err_sys(err, eno, "write the output");
    return 0;
}

void kg_cli_add_line(const struct kg_cli *cli, const char *text, struct kg_buf *b)
{
    if (cli->out_tty)
        kg_text_add_printable(b, text);
    else
        kg_buf_adds(b, text);
    kg_buf_adds(b, "\n");
}

/* ---- messages ---- */

static void __attribute__((format(printf, 3, 0)))
put_line(const struct kg_cli *cli, const char *before, const char *fmt, va_list ap)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(65536);
    char text[4096];

    vsnprintf(text, sizeof text, fmt, ap);
    kg_buf_adds(&b, before);
    if (cli->err_tty)
        kg_text_add_printable(&b, text);
    else
        kg_buf_adds(&b, text);
    kg_buf_adds(&b, "\n");
    (void)kg_write_all(STDERR_FILENO, b.p, b.len);
}

void kg_cli_note(const struct kg_cli *cli, const char *fmt, ...)
{
    va_list ap;

    if (cli->g.quiet)
        return;
    va_start(ap, fmt);
    put_line(cli, "", fmt, ap);
    va_end(ap);
}

void kg_cli_warn(const struct kg_cli *cli, const char *fmt, ...)
{
    va_list ap;

    if (cli->g.quiet)
        return;
    va_start(ap, fmt);
    put_line(cli, "warning: ", fmt, ap);
    va_end(ap);
}

static void KG_PRINTF(3, 4) put(const struct kg_cli *cli, const char *before, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_line(cli, before, fmt, ap);
    va_end(ap);
}

/* What a program said last, line by line and indented, so that it reads as a quotation. */
static void print_detail(const struct kg_cli *cli, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        if (n)
            put(cli, "  | ", "%.*s", (int)(n < 4000 ? n : 4000), text);
        text += n + (text[n] == '\n');
    }
}

/* Where the longer story of an error stands in an ARM error object. */
static const char *const detail_paths[] = {
    "additionalInfo.0.info.innerError.additionalInfo.DetailedNonLocalisedMessage",
    "innerError.additionalInfo.DetailedNonLocalisedMessage",
};

void kg_cli_explain(struct kg_cli *cli, const struct kg_json *error)
{
    kg_json_free(cli->explanation);
    cli->explanation = kg_json_copy(error);
}

void kg_cli_print_error(const struct kg_cli *cli, const struct kg_err *err)
{
    size_t first = strcspn(err->msg, "\n");

    put(cli, "error: ", "%.*s", (int)first, err->msg);
    print_detail(cli, err->msg + first);
    for (size_t i = 0; i < KG_ARRAY_LEN(detail_paths); i++) {
        const char *text = kg_json_str(cli->explanation, detail_paths[i]);

        if (text) {
            print_detail(cli, text);
            break;
        }
    }
    if (err->action[0])
        put(cli, "fix: ", "%s", err->action);
    if (cli->g.verbose || cli->g.debug)
        put(cli, "", "code: %s (%d, %s), from %s:%d", kg_code_name(err->code), (int)err->code, kg_code_arm(err->code),
            err->file, err->line);
}
