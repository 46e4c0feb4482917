/* model/kinds.h - the variables that kinds.def lists. */
#ifndef UI_MODEL_KINDS_H
#define UI_MODEL_KINDS_H

#include "model/model.h"

#define UI_KIND(name) extern const struct ui_kind name;
#include "model/kinds.def"
#undef UI_KIND

#endif
