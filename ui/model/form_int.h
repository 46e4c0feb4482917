/* model/form_int.h - what the files of the family of forms share: form.c (steps, focus, keys), form_fields.c (values, what is
 * wrong with them), form_pick.c (lists of choices), form_submit.c. */
#ifndef UI_MODEL_FORM_INT_H
#define UI_MODEL_FORM_INT_H

#include "model/form.h"

enum { UI_TAG_SUBMIT = 100 };                /* below: the input whose choices were asked for */

int ui_form_index(const struct ui_form *f, const char *field);   /* -1: there is none */
const struct ui_step *ui_form_step(const struct ui_form *f, size_t step);    /* NULL: the review */
size_t ui_form_first_wrong(const struct ui_form *f, size_t step);            /* n_inputs: none */
bool ui_form_step_good(const struct ui_form *f, size_t step);
bool ui_form_is_text(enum ui_field_type t);

/* Gives the input a value and tells whom it concerns. */
void ui_form_put(struct ui_form *f, size_t i, const char *value, const char *label, bool by_hand);
void ui_form_typed_in(struct ui_form *f, size_t i);              /* after its text was edited */
void ui_form_settle(struct ui_form *f);                          /* values that follow from others, choices to be asked for */

void ui_form_ask_choices(struct ui_form *f);                     /* of the step that is shown */
void ui_form_take_choices(struct ui_form *f, size_t i, const struct kg_answer *a);
void ui_form_static_choices(struct ui_input *in);
void ui_form_drop_options(struct ui_input *in);
const struct ui_option *ui_form_find_option(const struct ui_input *in, const char *value);
void ui_form_pick_open(struct ui_form *f, const struct ui_event *first);
void ui_form_pick_close(struct ui_form *f);
bool ui_form_pick_type(struct ui_form *f, const struct ui_event *ev);
bool ui_form_pick_act(struct ui_form *f, enum ui_action a);

static inline bool ui_form_writes(const struct ui_form *f) { return f->kind->submit || f->kind->start; }
void ui_form_take_answer(struct ui_form *f, const struct kg_answer *a);      /* to a call of the submission */
void ui_form_close(struct ui_form *f);                           /* with what was made */
void ui_form_propose_file(struct ui_form *f);                    /* that the secret that is told may be saved to */

#endif
