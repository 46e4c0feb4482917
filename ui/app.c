#include "app.h"

int ui_main(const struct ui_opts *o, struct kg_err *err)
{
    (void)o;
    kg_err_set(err, KG_E_UNSUPPORTED, "the portal is not in this build");
    kg_err_advise(err, "Use the commands instead; 'keepgres help' lists them.");
    return -(int)err->code;
}
