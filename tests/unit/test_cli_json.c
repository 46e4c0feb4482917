#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cmd.h"
#include "cli/datasource.h"
#include "cli/recovery_key.h"
#include "sys/fd.h"

static char *printed(const struct kg_json *j)
{
    struct kg_buf b = KG_BUF_INIT(65536);

    kg_json_print(j, false, &b);
    return kg_buf_take(&b);
}

static void test_shorthand_is_read_as_az_does(void **state)
{
    static const struct { const char *text, *json; } good[] = {
        { "[{type:'LocallyRedundant',datastore-type:'VaultStore'}]",
          "[{\"type\":\"LocallyRedundant\",\"datastore-type\":\"VaultStore\"}]" },
        { "{ a : b c , d : [ 1, 2.5, x ] , e : { } , f:null,g:true }",
          "{\"a\":\"b c\",\"d\":[1,2.5,\"x\"],\"e\":{},\"f\":null,\"g\":true}" },
        { "{a:'1',b:\"it's\",c:'don\\'t'}", "{\"a\":\"1\",\"b\":\"it's\",\"c\":\"don't\"}" },
        { "[]", "[]" },
        { "{\"real\": [\"JSON\"]}", "{\"real\":[\"JSON\"]}" },
        { "{url:https://a.blob.local/c}", "{\"url\":\"https://a.blob.local/c\"}" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;
        KG_AUTO_FREE char *text = NULL;
        struct kg_err err = { 0 };

        if (kg_value_shorthand(good[i].text, &j, &err) < 0)
            fail_msg("'%s': %s", good[i].text, err.msg);
        text = printed(j);
        assert_string_equal(text, good[i].json);
    }
}

static void test_broken_shorthand_is_refused(void **state)
{
    static const char *const bad[] = { "[", "{", "{a}", "{a:}", "{a:1", "[1,", "{a:'x}", "[1] x", "{:1}", "]", "",
                                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_json *j = NULL;
        struct kg_err err = { 0 };

        if (kg_value_shorthand(bad[i], &j, &err) >= 0)
            fail_msg("case %zu: '%s' was accepted", i, bad[i]);
        assert_null(j);
    }
}

static void test_json_comes_inline_from_a_file_and_with_an_at_sign(void **state)
{
    static const char with_bom[] = "\xEF\xBB\xBF{\"a\": \"x\"}\n";
    char dir[] = "/tmp/kg-cli-json-XXXXXX";
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(mkdtemp(dir));
    KG_AUTO_FREE char *file = kg_xprintf("%s/a.json", dir);
    KG_AUTO_FREE char *at = kg_xprintf("@%s", file);
    const char *const ways[] = { " {\"a\": \"x\"}", file, at };

    assert_int_equal(kg_write_file(file, with_bom, sizeof with_bom - 1, 0600, &err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(ways); i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;

        if (kg_value_json(ways[i], &j, &err) < 0)
            fail_msg("way %zu: %s", i, err.msg);
        assert_string_equal(kg_json_str(j, "a"), "x");
    }
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_a_pair_loses_its_quotes_and_only_those(void **state)
{
    static const struct { const char *pair, *key, *value; } good[] = {
        { "k=v", "k", "v" }, { "k=\"v w\"", "k", "v w" }, { "k='v'", "k", "v" }, { "k=", "k", "" },
        { "k=a=b", "k", "a=b" },
        { "k=\"", "k", "\"" }, { "k='a\"", "k", "'a\"" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        KG_AUTO_JSON struct kg_json *j = kg_json_object();
        struct kg_err err = { 0 };

        assert_int_equal(kg_value_pair(good[i].pair, j, &err), 0);
        assert_string_equal(kg_json_str(j, good[i].key), good[i].value);
    }
}

static void test_snake_case_becomes_camel_case_but_tags_stay(void **state)
{
    static const char text[] =
        "{\"backup_instance_name\":\"a_b\",\"properties\":{\"data_source_info\":{\"resource_id\":\"/x\",\"object_type\":\"D_s\"},"
        "\"policy_info\":{\"policy_id\":\"p\",\"policy_parameters\":null},\"list_of\":[{\"file_prefix\":1},\"keep_me\"],"
        "\"dataSourceSetInfo\":{}},\"tags\":{\"my_tag\":\"x\",\"deep_er\":{\"in_side\":1}},\"_odd\":1,\"end_\":2}";
    KG_AUTO_JSON struct kg_json *j = NULL, *camel = NULL;
    KG_AUTO_FREE char *out = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_json_parse(text, strlen(text), &j, &err), 0);
    camel = kg_json_camel(j);
    out = printed(camel);
    assert_string_equal(out,
        "{\"backupInstanceName\":\"a_b\",\"properties\":{\"dataSourceInfo\":{\"resourceID\":\"/x\",\"objectType\":\"D_s\"},"
        "\"policyInfo\":{\"policyId\":\"p\",\"policyParameters\":null},\"listOf\":[{\"filePrefix\":1},\"keep_me\"],"
        "\"dataSourceSetInfo\":{}},\"tags\":{\"my_tag\":\"x\",\"deep_er\":{\"in_side\":1}},\"_odd\":1,\"end_\":2}");
}

#define ID "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/"

static void test_a_datasource_must_be_of_the_type_that_is_said(void **state)
{
    struct kg_json *info = NULL, *set = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_datasource_info(kg_datasource_types[0], ID "flexibleServers/s/databases/d", "local", &info,
                                        &set, &err),
                     -KG_E_USAGE);
    assert_non_null(strstr(err.action, kg_datasource_types[1]));
    err = (struct kg_err){ 0 };
    assert_true(kg_datasource_info(kg_datasource_types[0], ID "servers/s", "local", &info, &set, &err) < 0);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_datasource_info(kg_datasource_types[0], ID "servers/s/databases/d", "local", &info, &set,
                                        &err), 0);
    assert_string_equal(kg_json_str(info, "resource_name"), "d");
    assert_string_equal(kg_json_str(set, "resource_id"), ID "servers/s");
    kg_json_free(info);
    kg_json_free(set);
}

static void test_secret_store_options_come_in_pairs(void **state)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_secret_store("AzureKeyVault", NULL, &j, &err), -KG_E_USAGE);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_secret_store(NULL, NULL, &j, &err), 0);
    assert_null(j);
}

static void test_the_recovery_key_is_lifted_out_of_the_text_and_leaves_nothing(void **state)
{
    char text[] = "{\"id\":\"/x\", \"recoveryKey\" : \"ABCD-EFGH-1234\",\"name\":\"v\"}";
    struct kg_secret *key = kg_recovery_lift(text, strlen(text));
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(key);
    assert_int_equal(kg_secret_size(key), 14);
    assert_memory_equal(kg_secret_open(key), "ABCD-EFGH-1234", 14);
    kg_secret_shut(key);
    kg_secret_free(key);
    assert_null(strstr(text, "ABCD"));
    assert_null(strstr(text, "1234"));
    assert_int_equal(kg_json_parse(text, strlen(text), &j, &err), 0);
    assert_string_equal(kg_json_str(j, "recoveryKey"), "");
    assert_string_equal(kg_json_str(j, "name"), "v");
}

static void test_a_text_without_a_key_gives_none(void **state)
{
    static const char *const texts[] = { "{}", "{\"recoveryKey\":null}", "{\"recoveryKey\":\"\"}",
                                         "{\"recoveryKey\":\"AB",
                                         "{\"recoveryKey\"", "{\"recoveryKey\":\"A\\\"B\"}" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(texts); i++) {
        KG_AUTO_FREE char *text = kg_xstrdup(texts[i]);

        assert_null(kg_recovery_lift(text, strlen(text)));
        assert_string_equal(text, texts[i]);
    }
}

static void test_a_recovery_key_file_is_new_private_and_gone_when_there_was_no_key(void **state)
{
    char dir[] = "/tmp/kg-cli-key-XXXXXX";
    struct kg_recovery_out out = KG_RECOVERY_OUT_INIT;
    struct kg_secret *key = kg_secret_new_copy("K-1", 3);
    struct kg_err err = { 0 };
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(100);

    (void)state;
    assert_non_null(mkdtemp(dir));
    KG_AUTO_FREE char *file = kg_xprintf("%s/key", dir);

    assert_int_equal(kg_recovery_out_open(&out, file, &err), 0);
    kg_recovery_out_done(&out);
    assert_int_equal(access(file, F_OK), -1);
    out = (struct kg_recovery_out)KG_RECOVERY_OUT_INIT;
    assert_int_equal(kg_recovery_out_open(&out, file, &err), 0);
    assert_int_equal(kg_recovery_out_put(&out, key, &err), 0);
    kg_recovery_out_done(&out);
    assert_int_equal(kg_read_file(AT_FDCWD, file, &b, &err), 0);
    assert_string_equal(b.p, "K-1\n");
    out = (struct kg_recovery_out)KG_RECOVERY_OUT_INIT;
    assert_int_equal(kg_recovery_out_open(&out, file, &err), -KG_E_EXISTS);
    kg_recovery_out_done(&out);
    assert_int_equal(access(file, F_OK), 0);
    kg_secret_free(key);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shorthand_is_read_as_az_does),
        cmocka_unit_test(test_broken_shorthand_is_refused),
        cmocka_unit_test(test_json_comes_inline_from_a_file_and_with_an_at_sign),
        cmocka_unit_test(test_a_pair_loses_its_quotes_and_only_those),
        cmocka_unit_test(test_snake_case_becomes_camel_case_but_tags_stay),
        cmocka_unit_test(test_a_datasource_must_be_of_the_type_that_is_said),
        cmocka_unit_test(test_secret_store_options_come_in_pairs),
        cmocka_unit_test(test_the_recovery_key_is_lifted_out_of_the_text_and_leaves_nothing),
        cmocka_unit_test(test_a_text_without_a_key_gives_none),
        cmocka_unit_test(test_a_recovery_key_file_is_new_private_and_gone_when_there_was_no_key),
    };
    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
