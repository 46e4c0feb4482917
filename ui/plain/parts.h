/* plain/parts.h - what the files of --plain share: plain.c (turns, words, menu, search), say.c (what is written), page.c (lists,
 * pages, texts, the Overview), ask.c (forms). */
#ifndef UI_PLAIN_PARTS_H
#define UI_PLAIN_PARTS_H

#include "model/detail.h"
#include "model/form.h"
#include "plain/plain.h"

/* ---- say.c ---- */

/* A line; broken where text has a newline. Every other control character is shown escaped. */
void ui_plain_say(struct ui_plain *p, const char *fmt, ...) KG_PRINTF(2, 3);
/* A question: the line stays open. */
void ui_plain_ask(struct ui_plain *p, const char *fmt, ...) KG_PRINTF(2, 3);
void ui_plain_err(struct ui_plain *p, const struct kg_err *err);
/* A secret, as it is, in a line of its own; no copy is made. */
void ui_plain_say_secret(struct ui_plain *p, const char *secret);
/* What numbers stand for, from 1 on. */
void ui_plain_forget_ids(struct ui_plain *p);
size_t ui_plain_add_id(struct ui_plain *p, const char *id);      /* its number */
const char *ui_plain_id(const struct ui_plain *p, const char *word);         /* of the number in word; NULL: it is none */

/* ---- words ---- */

/* The next blank-separated word of *line, which moves behind it; "" at the end. out: n bytes. */
const char *ui_plain_word(const char **line, char *out, size_t n);
bool ui_plain_is(const char *word, const char *name);            /* ignoring case */
bool ui_plain_yes(const char *word);
/* As if it had been pasted into the field that has the keyboard: no character of it is a key. */
void ui_plain_paste(struct ui_model *m, const char *text, size_t n);

/* ---- plain.c ---- */

struct ui_plain_layer *ui_plain_top(struct ui_plain *p);
/* A command of the page by its key, its name, its label or the beginning of one of these, and the number of the row that it
 * applies to. True: there was one; it was run, or why not was said. */
bool ui_plain_command(struct ui_plain *p, const char *line);
/* A word that works on every page, and with a colon in every question. */
bool ui_plain_anywhere(struct ui_plain *p, const char *line);
void ui_plain_say_commands(struct ui_plain *p, bool with_help);
void ui_plain_settle(struct ui_plain *p);                        /* after a model was told something: what closes is closed */

/* ---- page.c ---- */

bool ui_plain_page_turn(struct ui_plain *p, struct ui_plain_layer *at, struct ui_model *m);  /* true: a question is open */
void ui_plain_page_line(struct ui_plain *p, struct ui_plain_layer *at, struct ui_model *m, const char *line);
bool ui_plain_watch_turn(struct ui_plain *p, struct ui_model *m);            /* false: it is over */
/* Puts the cursor on the row with this id. */
bool ui_plain_go_to(struct ui_list *l, const char *id);
struct ui_list *ui_plain_list(struct ui_model *m);               /* the list that is shown; NULL: none */

/* ---- ask.c ---- */

bool ui_plain_form_turn(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f);
void ui_plain_form_line(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *line, size_t n);

#endif
