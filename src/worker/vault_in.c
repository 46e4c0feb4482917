#include "worker/vault_in.h"

#include <string.h>

#include "base/alloc.h"

void kg_vault_in_done(struct kg_vault_in *v)
{
    kg_vault_close(v->vault);
    kg_store_close(v->store);
    *v = (struct kg_vault_in){ 0 };
}

const char *kg_op_store(const struct kg_op *op) { return kg_json_str_or(op->job, "store", KG_VAULT_STORE); }
bool kg_op_has_archive(const struct kg_op *op) { return kg_json_str(op->job, "archiveId") != NULL; }

static bool is_archive(const char *store) { return strcmp(store, KG_ARCHIVE_STORE) == 0; }

static int open_directory(const struct kg_op *op, const char *store, bool create, struct kg_vault_in *v,
                          const struct kg_secret **ret_key, struct kg_err *err)
{
    const char *path;

    if (kg_json_need_str(op->job, is_archive(store) ? "archivePath" : "storePath", &path, err) < 0 ||
        kg_op_need_secret(op, "service-key", ret_key, err) < 0)
        return -(int)err->code;
    return kg_store_open_dir(path, create, &v->store, err);
}

static int check_archive(const struct kg_op *op, const struct kg_vault_in *v, struct kg_err *err)
{
    const char *id = kg_json_str(op->job, "archiveId");

    if (strcmp(kg_vault_tier(v->vault), KG_ARCHIVE_STORE) == 0 && (!id || strcmp(id, kg_vault_id(v->vault)) == 0))
        return 0;
    kg_err_set(err, KG_E_CORRUPT, "'%s' holds another vault than this one's archive", kg_json_str_or(op->job, "archivePath", "?"));
    kg_err_advise(err, "Bring the archive's own directory back to that place.");
    return -(int)err->code;
}

int kg_vault_in_open_store(const struct kg_op *op, const char *store, struct kg_vault_in *ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    const struct kg_secret *key;

    if (open_directory(op, store, false, &v, &key, err) < 0 || kg_vault_open(v.store, key, &v.vault, err) < 0 ||
        (is_archive(store) && check_archive(op, &v, err) < 0))
        return is_archive(store) ? kg_err_wrap(err, "the ArchiveStore") : -(int)err->code;
    *ret = v;
    v = (struct kg_vault_in){ 0 };
    return 0;
}

int kg_vault_in_open(const struct kg_op *op, struct kg_vault_in *ret, struct kg_err *err)
{
    return kg_vault_in_open_store(op, kg_op_store(op), ret, err);
}

int kg_vault_in_make_archive(const struct kg_op *op, const struct kg_vault *of, struct kg_vault_in *ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    struct kg_vault_spec spec = { .tier = KG_ARCHIVE_STORE, .like = of };
    const struct kg_secret *key;

    if (open_directory(op, KG_ARCHIVE_STORE, true, &v, &key, err) < 0 || kg_vault_create(v.store, &spec, key, &v.vault, err) < 0) {
        kg_err_wrap(err, "make the ArchiveStore in '%s'", kg_json_str_or(op->job, "archivePath", "?"));
        kg_err_advise(err, "Name an empty directory for it that the service can write to: storeSettings.archivePath.");
        return -(int)err->code;
    }
    *ret = v;
    v = (struct kg_vault_in){ 0 };
    return 0;
}

void kg_op_hold(const struct kg_op *op, struct kg_vault *vault, const char *what, struct kg_presence **ret)
{
    struct kg_err why = { 0 };

    if (kg_vault_hold(vault, what, ret, &why) == 0)
        return;
    kg_err_wrap(&why, "a collection is not kept from deleting meanwhile");
    kg_events_warn(op->ev, &why);
}
