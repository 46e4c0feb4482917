/* cli/help.h - what help pages, manual pages, docs/cli.md and completion scripts are made with; they are all made from the
 * tables of commands and options. */
#ifndef KG_CLI_HELP_H
#define KG_CLI_HELP_H

#include "cli/cmd.h"

enum { KG_HELP_WIDTH = 80 };

/* "--vault-name -v VAULT" and what it is, what it may be, what else it is called. The caller frees. */
char *kg_help_option_left(const struct kg_opt *o);
char *kg_help_option_right(const struct kg_opt *o);
/* "keepgres server add NAME --host HOST [options]" */
void kg_help_usage(const struct kg_cmd *cmd, struct kg_buf *b);
/* Is name inside the group, as a direct child ("backup-instance create" in "backup-instance")? group NULL: at the top. */
bool kg_help_is_child(const char *name, const char *group);
/* text from column on, further lines from column, too, none wider than KG_HELP_WIDTH if its words allow it. */
void kg_help_wrap(struct kg_buf *b, const char *text, size_t column);
/* An example as it can be pasted: long ones go on behind a backslash. */
void kg_help_example(struct kg_buf *b, const char *example, size_t indent);

/* ---- topics.c: what is no command's business alone ---- */

struct kg_topic {
    const char *name, *summary;
    /* Paragraphs, an empty line between them; a line that begins with four blanks is an example and stays as it is. */
    void (*text)(struct kg_buf *b);
};
const struct kg_topic *kg_topic_at(size_t i);     /* NULL past the end */
const struct kg_topic *kg_topic_find(const char *name);
void kg_help_topic(const struct kg_topic *t, struct kg_buf *b);

/* ---- man.c ---- */

/* The i-th manual page's name, "keepgres" and then "keepgres-GROUP"; false past the end. The caller frees *ret. */
bool kg_man_name(size_t i, char **ret);
/* The page for man(1), in man(7)'s macros; false: there is no such page. */
bool kg_man_page(const char *name, struct kg_buf *b);

/* ---- completion.c ---- */

void kg_completion_bash(struct kg_buf *b);
void kg_completion_zsh(struct kg_buf *b);

#endif
