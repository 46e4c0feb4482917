/* Completion for bash and zsh: a function of the shell that is the same for every version, and three functions with what
 * the tables say: the words that follow a command's words, a command's options, an option's values. They answer in the
 * array "reply"; for zsh each answer has its explanation behind a colon. */
#include "cli/help.h"

#include <string.h>

#include "base/alloc.h"

enum shell { BASH, ZSH };

static void add_quoted(struct kg_buf *b, const char *s)
{
    kg_buf_adds(b, "'");
    for (; *s; s++)
        if (*s == '\'')
            kg_buf_adds(b, "'\\''");
        else
            kg_buf_add(b, s, 1);
    kg_buf_adds(b, "'");
}

static void add_answer(struct kg_buf *b, enum shell sh, const char *prefix, const char *word, const char *help)
{
    KG_AUTO_FREE char *text = sh == ZSH ? kg_xprintf("%s%s:%s", prefix, word, help) : kg_xprintf("%s%s", prefix, word);

    kg_buf_adds(b, " ");
    add_quoted(b, text);
}

/* ---- words ---- */

/* The groups and commands right below group; NULL: at the top. */
static void add_words_below(struct kg_buf *b, enum shell sh, const char *group)
{
    size_t skip = group ? strlen(group) + 1 : 0;
    const struct kg_group *g;
    const struct kg_cmd *c;

    kg_buf_adds(b, "    (");
    add_quoted(b, group ? group : "");
    kg_buf_adds(b, ") reply=(");
    for (size_t i = 0; (g = kg_group_at(i)); i++)
        if (kg_help_is_child(g->name, group))
            add_answer(b, sh, "", g->name + skip, g->summary);
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN) && kg_help_is_child(c->name, group))
            add_answer(b, sh, "", c->name + skip, c->summary);
    kg_buf_adds(b, " ) ;;\n");
}

static void add_words(struct kg_buf *b, enum shell sh)
{
    const struct kg_group *g;
    const struct kg_topic *t;

    kg_buf_adds(b, "_keepgres_words()\n{\n    case $1 in\n");
    add_words_below(b, sh, NULL);
    for (size_t i = 0; (g = kg_group_at(i)); i++)
        add_words_below(b, sh, g->name);
    kg_buf_adds(b, "    esac\n}\n_keepgres_topics()\n{\n    reply=(");
    for (size_t i = 0; (t = kg_topic_at(i)); i++)
        add_answer(b, sh, "", t->name, t->summary);
    kg_buf_adds(b, " )\n}\n");
}

/* ---- options ---- */

static void add_option_names(struct kg_buf *b, enum shell sh, const struct kg_opt *rows)
{
    for (int required = 1; required >= 0; required--)
        for (const struct kg_opt *o = rows; o && o->name; o++)
            if (!o->hidden && o->required == (bool)required)
                add_answer(b, sh, "--", o->name, o->help);
}

static void add_options(struct kg_buf *b, enum shell sh)
{
    const struct kg_cmd *c;

    kg_buf_adds(b, "_keepgres_options()\n{\n    case $1 in\n");
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN)) {
            kg_buf_adds(b, "    (");
            add_quoted(b, c->name);
            kg_buf_adds(b, ") reply=(");
            add_option_names(b, sh, c->opts);
            kg_buf_adds(b, " ) ;;\n");
        }
    kg_buf_adds(b, "    (*) return 1 ;;\n    esac\n    reply+=(");
    add_option_names(b, sh, kg_global_opts);
    kg_buf_adds(b, " )\n}\n");
}

/* ---- values ---- */

static const char *kind_of(const struct kg_opt *o)
{
    if (o->type == KG_OPT_FLAG)
        return "flag";
    if (o->type == KG_OPT_CHOICE)
        return "choice";
    if (o->type == KG_OPT_JSON || (o->arg && (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "PATH") == 0)))
        return "file";
    return o->arg && strcmp(o->arg, "DIR") == 0 ? "folder" : NULL;
}

/* A pattern of case: every name of the option behind the command's. */
static void add_pattern(struct kg_buf *b, const char *cmd, const struct kg_opt *o)
{
    KG_AUTO_FREE char *names = kg_xprintf("%s%s%s", o->name, o->aliases ? " " : "", o->aliases ? o->aliases : "");

    kg_buf_adds(b, "    (");
    for (const char *n = names; *n; n += strcspn(n, " "), n += strspn(n, " "))
        kg_buf_addf(b, "%s'%s --%.*s'", n == names ? "" : "|", cmd, (int)strcspn(n, " "), n);
    if (o->letter)
        kg_buf_addf(b, "|'%s -%c'", cmd, o->letter);
    kg_buf_adds(b, ") ");
}

static void add_values_of(struct kg_buf *b, const char *cmd, const struct kg_opt *rows)
{
    for (const struct kg_opt *o = rows; o && o->name; o++) {
        const char *kind = kind_of(o);

        if (!kind)
            continue;
        add_pattern(b, cmd, o);
        kg_buf_addf(b, "kind='%s'", kind);
        if (o->type == KG_OPT_CHOICE) {
            kg_buf_adds(b, " reply=(");
            for (const char *const *c = o->choices; *c; c++) {
                kg_buf_adds(b, " ");
                add_quoted(b, *c);
            }
            kg_buf_adds(b, " )");
        }
        kg_buf_adds(b, " ;;\n");
    }
}

static void add_values(struct kg_buf *b)
{
    const struct kg_cmd *c;

    kg_buf_adds(b, "_keepgres_values()\n{\n    kind='other' reply=()\n    case \"$1 $2\" in\n");
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN))
            add_values_of(b, c->name, c->opts);
    kg_buf_adds(b, "    (*) case \" $2\" in\n");
    add_values_of(b, "", kg_global_opts);
    kg_buf_adds(b, "    esac ;;\n    esac\n}\n");
}

/* ---- the functions of the shells ---- */

/* What stands in front of the cursor: $1 is its place, then the words up to it. Sets command (the words that name a
 * command or a group), bare (how many words follow them that are no options) and prev (the option in front, or ""). */
static const char common[] =
    "_keepgres_look()\n"
    "{\n"
    "    local w rest=''\n"
    "    command='' bare=0 prev=''\n"
    "    shift\n"
    "    [ \"${1-}\" != dataprotection ] || shift\n"
    "    for w; do\n"
    "        case $w in\n"
    "        (-*) rest=1 prev=$w ;;\n"
    "        (=) ;;\n"
    "        (*) prev=''\n"
    "            if [ -z \"$rest\" ] && _keepgres_known \"${command:+$command }$w\"; then command=\"${command:+$command }$w\"\n"
    "            elif [ -z \"$rest\" ]; then bare=$((bare + 1))\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "}\n";

static void add_known(struct kg_buf *b)
{
    const struct kg_group *g;
    const struct kg_cmd *c;

    kg_buf_adds(b, "_keepgres_known()\n{\n    case $1 in\n    (");
    for (size_t i = 0; (g = kg_group_at(i)); i++)
        kg_buf_addf(b, "%s'%s'", i ? "|" : "", g->name);
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN))
            kg_buf_addf(b, "|'%s'", c->name);
    kg_buf_adds(b, ") return 0 ;;\n    esac\n    return 1\n}\n");
    kg_buf_adds(b, common);
}

static const char bash_function[] =
    "_keepgres()\n"
    "{\n"
    "    local command bare prev kind reply=() cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    [ \"$cur\" != = ] || cur=''\n"
    "    COMPREPLY=()\n"
    "    _keepgres_look \"${COMP_WORDS[@]:0:COMP_CWORD}\"\n"
    "    if [ \"$command\" = help ]; then\n"
    "        local words=(\"${COMP_WORDS[@]:0:COMP_CWORD}\")\n"
    "        _keepgres_topics\n"
    "        local topics=(\"${reply[@]}\")\n"
    "        _keepgres_look \"${words[@]/#help/dataprotection}\"\n"
    "        reply=()\n"
    "        _keepgres_words \"$command\"\n"
    "        [ -n \"$command\" ] || reply+=(\"${topics[@]}\")\n"
    "    elif [ -n \"$prev\" ] && _keepgres_values \"$command\" \"$prev\" && [ \"$kind\" != flag ]; then\n"
    "        case $kind in\n"
    "        (file) compopt -o filenames 2>/dev/null || :; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "        (folder) compopt -o filenames 2>/dev/null || :; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "        esac\n"
    "    elif ! _keepgres_options \"$command\"; then\n"
    "        _keepgres_words \"$command\"\n"
    "    elif [ \"$command\" = completion ] && [[ $cur != -* ]]; then\n"
    "        reply=(bash zsh)\n"
    "    fi\n"
    "    [ ${#reply[@]} -eq 0 ] || mapfile -t COMPREPLY < <(compgen -W \"${reply[*]}\" -- \"$cur\")\n"
    "}\n"
    "complete -F _keepgres keepgres\n";

static const char zsh_function[] =
    "_keepgres()\n"
    "{\n"
    "    local command bare prev kind\n"
    "    local -a reply topics before\n"
    "    before=(\"${(@)words[1,CURRENT-1]}\")\n"
    "    _keepgres_look \"${before[@]}\"\n"
    "    if [ \"$command\" = help ]; then\n"
    "        _keepgres_topics\n"
    "        topics=(\"${reply[@]}\")\n"
    "        _keepgres_look \"${before[@]/#%help/dataprotection}\"\n"
    "        reply=()\n"
    "        _keepgres_words \"$command\"\n"
    "        [ -n \"$command\" ] || reply+=(\"${topics[@]}\")\n"
    "        _describe -t commands 'command or topic' reply\n"
    "    elif [ -n \"$prev\" ] && _keepgres_values \"$command\" \"$prev\" && [ \"$kind\" != flag ]; then\n"
    "        case $kind in\n"
    "        (file) _files ;;\n"
    "        (folder) _files -/ ;;\n"
    "        (choice) compadd -- \"${reply[@]}\" ;;\n"
    "        (*) _message \"${prev#--}\" ;;\n"
    "        esac\n"
    "    elif ! _keepgres_options \"$command\"; then\n"
    "        _keepgres_words \"$command\"\n"
    "        _describe -t commands command reply\n"
    "    elif [ \"$command\" = completion ] && [[ ${words[CURRENT]} != -* ]]; then\n"
    "        compadd bash zsh\n"
    "    else\n"
    "        _describe -o -t options option reply\n"
    "    fi\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _keepgres ]; then _keepgres \"$@\"; else compdef _keepgres keepgres; fi\n";

static void add_script(struct kg_buf *b, enum shell sh)
{
    add_words(b, sh);
    add_options(b, sh);
    add_values(b);
    add_known(b);
}

void kg_completion_bash(struct kg_buf *b)
{
    kg_buf_adds(b, "# Completion of keepgres for bash: source <(keepgres completion bash)\n# shellcheck shell=bash disable=SC2034\n");
    add_script(b, BASH);
    kg_buf_adds(b, bash_function);
}

void kg_completion_zsh(struct kg_buf *b)
{
    kg_buf_adds(b, "#compdef keepgres\n# Completion of keepgres for zsh: source <(keepgres completion zsh)\n");
    add_script(b, ZSH);
    kg_buf_adds(b, zsh_function);
}
