#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/jmespath.h"
#include "sys/fd.h"

static struct kg_json *json(const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    if (kg_json_parse(text, strlen(text), &j, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

/* The result as compact JSON, or "error: …"; the caller frees. */
static char *search(const struct kg_json *doc, const char *expression)
{
    KG_AUTO_JMESPATH struct kg_jmespath *q = NULL;
    KG_AUTO_JSON struct kg_json *result = NULL;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(16 << 20);
    struct kg_err err = { 0 };

    if (kg_jmespath_compile(expression, &q, &err) < 0 || kg_jmespath_search(q, doc, &result, &err) < 0) {
        assert_true(err.code == KG_E_USAGE || err.code == KG_E_LIMIT);
        assert_null(result);
        return kg_xprintf("error: %s", err.msg);
    }
    kg_json_print(result, false, &b);
    return kg_buf_take(&b);
}

struct row { const char *expression, *expected; };

/* A row that begins with "error: " wants those words somewhere in the message. */
static void assert_row(const struct kg_json *doc, const struct row *row)
{
    KG_AUTO_FREE char *got = search(doc, row->expression);
    const char *words = strncmp(row->expected, "error: ", 7) == 0 ? row->expected + 7 : NULL;

    if (words ? strncmp(got, "error: ", 7) != 0 || !strstr(got, words) : strcmp(got, row->expected) != 0)
        fail_msg("%s\n  gives %s\n  not   %s", row->expression, got, row->expected);
}

static void assert_rows(const char *doc, const struct row *rows)
{
    KG_AUTO_JSON struct kg_json *j = json(doc);

    for (; rows->expression; rows++)
        assert_row(j, rows);
}

static void test_names_lead_into_objects_and_nowhere_else(void **state)
{
    (void)state;
    assert_rows("{\"a\":{\"b\":{\"c\":1}},\"with space\":{\"q\\\"x\":2},\"A\":3,\"\xC3\xA9\":4,\"list\":[1],"
                "\"n\":null,\"a.b\":5}",
                (const struct row[]){
        { "a", "{\"b\":{\"c\":1}}" }, { "a.b.c", "1" }, { "a . b\n.c", "1" }, { "a.x.c", "null" }, { "x", "null" },
        { "list.a", "null" }, { "n.a", "null" }, { "A", "3" }, { "\"with space\".\"q\\\"x\"", "2" },
        { "\"\\u00e9\"", "4" }, { "\"\xC3\xA9\"", "4" }, { "\"a.b\"", "5" }, { "@.a.b", "{\"c\":1}" },
        { "@",
          "{\"a\":{\"b\":{\"c\":1}},\"with space\":{\"q\\\"x\":2},\"A\":3,\"\xC3\xA9\":4,\"list\":[1],"
                "" "\"n\":null,\"a.b\":5}" },
        { "a.1", "error: behind the dot at character 3" }, { "a.", "error: at the end" },
        { ".a", "error: expected a name" }, { "a b", "error: expected an operator at character 3" },
        { "a-b", "error: double quotes" }, { "\"a", "error: closing" }, { "\"\\x\"", "error: no JSON string" },
        { "", "error: at the end" }, { "a..b", "error: behind the dot" },
        { "a#b", "error: something that no query has at character 2" }, { 0 } });
}

static void test_indexes_count_from_both_ends(void **state)
{
    (void)state;
    assert_rows("{\"l\":[1,2,[3,4]],\"o\":{\"0\":1}}", (const struct row[]){
        { "l[0]", "1" }, { "l[-1]", "[3,4]" }, { "l[-1][1]", "4" }, { "l[3]", "null" }, { "l[-4]", "null" },
        { "o[0]", "null" }, { "l | [1]", "2" }, { "l[2] | [0]", "3" }, { "[0]", "null" },
        { "l[99999999999999999999]", "error: too large" }, { "l[0", "error: ':' or ']'" },
        { "l[a]", "error: expected" }, { "l[-]", "error: " }, { "l.[0]", "error: " }, { 0 } });
}

static void test_slices_are_python_s(void **state)
{
    (void)state;
    assert_rows("[0,1,2,3,4,5]", (const struct row[]){
        { "[1:3]", "[1,2]" }, { "[:2]", "[0,1]" }, { "[4:]", "[4,5]" }, { "[:]", "[0,1,2,3,4,5]" },
        { "[::2]", "[0,2,4]" }, { "[::-1]", "[5,4,3,2,1,0]" }, { "[-2:]", "[4,5]" }, { "[5:1:-2]", "[5,3]" },
        { "[10:20]", "[]" }, { "[-10:2]", "[0,1]" }, { "[-10:10:-1]", "[]" }, { "[10:-10:-1]", "[5,4,3,2,1,0]" },
        { "[0:6:9223372036854775807]", "[0]" }, { "[5::-9223372036854775807]", "[5]" }, { "[::0]", "error: step" },
        { "[1:2:3:4]", "error: ']'" }, { "a[1:2]", "null" }, { 0 } });
    assert_rows("[{\"a\":1},{\"b\":2},{\"a\":3}]", (const struct row[]){
        { "[0:3].a", "[1,3]" }, { "[:1].a | [0]", "1" }, { 0 } });
}

static void test_projections_go_on_to_the_right_and_drop_null(void **state)
{
    (void)state;
    assert_rows("{\"l\":[{\"a\":1,\"t\":[1,2]},{\"b\":2},{\"a\":3,\"t\":[3,[4]]}],\"o\":{\"x\":{\"a\":1},"
                "\"y\":{\"b\":1},\"z\":{\"a\":2}}}",
                (const struct row[]){
        { "l[*].a", "[1,3]" }, { "l[*].t[0]", "[1,3]" }, { "l[*].t | [0]", "[1,2]" }, { "l[].t[]", "[1,2,3,[4]]" },
        { "l[].t[][]", "[1,2,3,4]" }, { "l[*].t[*]", "[[1,2],[3,[4]]]" }, { "o.*.a", "[1,2]" },
        { "*.*.a", "[[1,2]]" }, { "o[*]", "null" }, { "l.*", "null" }, { "x[*].y", "null" }, { "x[]", "null" },
        { "l[0][]", "null" }, { "(l[*].t)[0]", "[1,2]" }, { "l[*].a[]", "[1,3]" }, { "l[*].b.c", "[]" },
        { "o.* | [0].a", "1" }, { "l[*", "error: expected" }, { "l[*]a", "error: expected an operator" },
        { "l*", "error: expected" }, { "l[*][0]", "[]" }, { "l[*].t | [*][?@>`1`]", "[[2],[3]]" },
        { "l[*]{a:a}", "error: a dot, a bracket or a pipe" }, { 0 } });
}

static void test_filters_compare_and_combine(void **state)
{
    (void)state;
    assert_rows("[{\"n\":\"a\",\"v\":1,\"s\":\"Completed\",\"t\":\"2026-01-02T00:00:00Z\"},{\"n\":\"b\",\"v\":5,"
                "\"s\":\"Failed\",\"x\":{}},"
                "{\"n\":\"c\",\"v\":9,\"s\":\"Failed\",\"t\":\"2026-03-02T00:00:00Z\",\"x\":[0]}]",
                (const struct row[]){
        { "[?v>`1`].n", "[\"b\",\"c\"]" }, { "[?v >= `5` && v < `9`].n", "[\"b\"]" },
        { "[?s=='Failed' || v==`1`].n", "[\"a\",\"b\",\"c\"]" }, { "[?s!='Failed'].n", "[\"a\"]" },
        { "[?!x].n", "[\"a\",\"b\"]" }, { "[?x].n", "[\"c\"]" }, { "[?t].n | [0]", "\"a\"" },
        { "[?t > '2026-02'].n", "[\"c\"]" }, { "[?v > 'a']", "[]" }, { "[?s==`Failed`].n", "[\"b\",\"c\"]" },
        { "[?v<=`1`||!(v<`9`)].n", "[\"a\",\"c\"]" }, { "[?x==`{}`].n", "[\"b\"]" }, { "[?x==`[0]`].n", "[\"c\"]" },
        { "[?contains(n,'b')] | [0].v", "5" }, { "[?v==`5`].[n,v]", "[[\"b\",5]]" },
        { "[?v==`5`][]", "[{\"n\":\"b\",\"v\":5,\"s\":\"Failed\",\"x\":{}}]" }, { "[?v == v] | length(@)", "3" },
        { "[?n==null].n", "[]" }, { "[?s='Failed']", "error: '==' is what compares" }, { "[?", "error: at the end" },
        { "[?v==`1`", "error: ']'" }, { "[?]", "error: expected a name" }, { "[?v==]", "error: expected" }, { 0 } });
    assert_rows("{\"o\":{\"a\":1}}", (const struct row[]){
        { "o[?a]", "null" }, { 0 } });
}

static void test_equal_means_the_same_value_of_the_same_type(void **state)
{
    (void)state;
    assert_rows("{\"one\":1,\"t\":true,\"s\":\"1\",\"o\":{\"a\":[1,{\"b\":null}],\"c\":2},\"p\":{\"c\":2,"
                "\"a\":[1,{\"b\":null}]}}", (const struct row[]){
        { "one==t", "false" }, { "one==s", "false" }, { "one==`1.0`", "true" }, { "o==p", "true" },
        { "o!=p", "false" }, { "o.a==`[1]`", "false" }, { "x==y", "true" }, { "x==t", "false" },
        { "t==`false`", "false" }, { "o==`{}`", "false" }, { "t < t", "null" }, { 0 } });
}

static void test_and_or_not_give_values_as_the_language_says(void **state)
{
    (void)state;
    assert_rows("{\"t\":true,\"f\":false,\"z\":0,\"e\":\"\",\"l\":[],\"o\":{},\"s\":\"x\"}", (const struct row[]){
        { "f || s", "\"x\"" }, { "z || s", "0" }, { "e || l || o || x || s", "\"x\"" }, { "t && s", "\"x\"" },
        { "e && s", "\"\"" }, { "!e", "true" }, { "!z", "false" }, { "!!s", "true" }, { "t && f || s", "\"x\"" },
        { "s || t && f", "\"x\"" }, { "!t || s == 'x'", "true" }, { "(t || f) && f", "false" },
        { "t &&", "error: at the end" }, { "!", "error: at the end" }, { 0 } });
}

static void test_lists_and_objects_are_made(void **state)
{
    (void)state;
    assert_rows("{\"a\":1,\"b\":{\"c\":[{\"d\":1},{\"d\":2}]}}", (const struct row[]){
        { "[a,b.c[0].d]", "[1,1]" }, { "{x:a,\"y z\":b.c[].d}", "{\"x\":1,\"y z\":[1,2]}" },
        { "b.{c:c[1].d,\"a.b\":c}.\"a.b\"[0].d", "1" }, { "x.[a]", "null" }, { "x.{a:a}", "null" },
        { "b.c[].{v:d,n:x}", "[{\"v\":1,\"n\":null},{\"v\":2,\"n\":null}]" }, { "{a:a,a:b.c[0].d}", "{\"a\":1}" },
        { "{A:a,a:a}", "{\"A\":1,\"a\":1}" }, { "[[a],[[a]]][]", "[1,[1]]" }, { "[a,]", "error: expected" },
        { "[a", "error: ',' or ']'" }, { "{}", "error: name for a column" }, { "{a}", "error: ':'" },
        { "{a:b", "error: ',' or '}'" }, { "{1:a}", "error: name for a column" }, { 0 } });
}

static void test_literals_are_json_or_raw_text(void **state)
{
    (void)state;
    assert_rows("{}", (const struct row[]){
        { "`1`", "1" }, { "`-1.5e2`", "-150" }, { "`\"a\\`b\"`", "\"a`b\"" }, { "`{\"a\":[1]}`.a[0]", "1" },
        { "'a\\'b'", "\"a'b\"" }, { "'a\\nb'", "\"a\\\\nb\"" }, { "''", "\"\"" }, { "` true `", "true" },
        { "`Running`", "\"Running\"" }, { "'\xE6\x97\xA5'", "\"\xE6\x97\xA5\"" }, { "`a", "error: closing backtick" },
        { "'a", "error: closing quote" }, { "`\"`", "error: not JSON" }, { "`\"\\u0000\"`", "error: not JSON" },
        { "1", "error: expected" }, { 0 } });
}

static void test_functions_of_numbers_and_strings(void **state)
{
    (void)state;
    assert_rows("{\"n\":[3,-1.5,2],\"s\":\"h\xC3\xA9llo\",\"l\":[\"b\",\"a\"],\"e\":[],\"m\":[1,\"a\"],"
                "\"big\":9007199254740991}", (const struct row[]){
        { "abs(n[1])", "1.5" }, { "ceil(n[1])", "-1" }, { "floor(n[1])", "-2" }, { "sum(n)", "3.5" },
        { "sum(e)", "0" }, { "avg(n[?@>`0`])", "2.5" }, { "avg(e)", "null" }, { "length(s)", "5" },
        { "reverse(s)", "\"oll\xC3\xA9h\"" }, { "starts_with(s,'h')", "true" }, { "ends_with(s,'lo')", "true" },
        { "ends_with('lo',s)", "false" }, { "contains(s,'ll')", "true" }, { "contains(l,'a')", "true" },
        { "contains(l,`1`)", "false" }, { "contains(s,`1`)", "false" }, { "join('-',l)", "\"b-a\"" },
        { "join('-',e)", "\"\"" }, { "to_number('12')", "12" }, { "to_number('-1.5e1')", "-15" },
        { "to_number('0x10')", "null" }, { "to_number(big)", "9007199254740991" }, { "to_number('')", "null" },
        { "to_number('1 ')", "null" }, { "to_number('1e999')", "null" }, { "to_number(l)", "null" },
        { "to_string(l)", "\"[\\\"b\\\",\\\"a\\\"]\"" }, { "to_string(s)", "\"h\xC3\xA9llo\"" },
        { "to_string(big)", "\"9007199254740991\"" }, { "big", "9007199254740991" }, { "type(s)", "\"string\"" },
        { "type(x)", "\"null\"" }, { "type(`false`)", "\"boolean\"" }, { "type(l)", "\"array\"" },
        { "type(@)", "\"object\"" }, { "type(big)", "\"number\"" },
        { "abs(s)", "error: abs() wants a number as argument 1, not a string, at character 1" },
        { "sum(m)", "error: array of numbers" },
        { "join('-',m)", "error: join() wants an array of strings as argument 2, not an array of other things" },
        { "join(n,l)", "error: argument 1" }, { "length(big)", "error: string or an array or an object" },
        { "starts_with(s,big)", "error: argument 2" }, { "abs()", "error: takes 1 argument, not 0" },
        { "join('a')", "error: takes 2 arguments, not 1" }, { "abs(big,big)", "error: not 2" },
        { "nope(@)", "error: no function 'nope', at character 1" }, { "\"abs\"(big)", "error: only a plain name" },
        { "abs(big", "error: ',' or ')'" }, { "(abs)(big)", "error: only a plain name" }, { 0 } });
}

static void test_functions_of_arrays_and_objects(void **state)
{
    (void)state;
    assert_rows("{\"l\":[\"b\",\"a\",\"c\"],\"n\":[3,1,2],\"p\":[{\"k\":2,\"v\":\"x\"},{\"k\":1,\"v\":\"y\"},"
                "{\"k\":2,\"v\":\"z\"},{\"k\":1,\"v\":\"w\"}],"
                "\"o\":{\"b\":1,\"a\":2},\"e\":[],\"q\":[{\"k\":1},{\"k\":\"s\"}],\"r\":[{\"k\":1},{}]}",
                (const struct row[]){
        { "sort(l)", "[\"a\",\"b\",\"c\"]" }, { "sort(n)", "[1,2,3]" }, { "sort(e)", "[]" },
        { "reverse(n)", "[2,1,3]" }, { "max(n)", "3" }, { "min(l)", "\"a\"" }, { "max(e)", "null" },
        { "sort_by(p,&k)[].v", "[\"y\",\"w\",\"x\",\"z\"]" }, { "max_by(p,&k).v", "\"x\"" },
        { "min_by(p,&k).v", "\"y\"" }, { "max_by(e,&k)", "null" }, { "map(&v,p)", "[\"x\",\"y\",\"z\",\"w\"]" },
        { "map(&q,p)", "[null,null,null,null]" }, { "keys(o)", "[\"b\",\"a\"]" }, { "values(o)", "[1,2]" },
        { "length(o)", "2" }, { "length(p)", "4" }, { "merge(o,`{\"a\":9,\"A\":1}`)", "{\"b\":1,\"a\":9,\"A\":1}" },
        { "not_null(x,y,n)", "[3,1,2]" }, { "not_null(x)", "null" }, { "to_array(l[0])", "[\"b\"]" },
        { "to_array(l)", "[\"b\",\"a\",\"c\"]" }, { "to_array(x)", "[null]" },
        { "p[?k==max(`[1,2]`)].v", "[\"x\",\"z\"]" }, { "sort_by(p,&v)[0].v", "\"w\"" },
        { "reverse(sort_by(p,&k))[0].v", "\"z\"" }, { "p | sort_by(@,&k) | [-1].v", "\"z\"" },
        { "o.keys(@)", "[\"b\",\"a\"]" }, { "sum(map(&k,p))", "6" }, { "sort(q)", "error: sort() wants" },
        { "sort_by(q,&k)", "error: all of one type" }, { "sort_by(r,&k)", "error: all of one type" },
        { "sort_by(p,k)", "error: argument 2" }, { "max_by(q,&k)", "error: max_by() wants" },
        { "keys(l)", "error: object" }, { "map(p,&v)", "error: argument 1" }, { "merge(o,l)", "error: argument 2" },
        { "not_null()", "error: at least 1 argument" }, { "sort(&k)", "error: not an expression" }, { 0 } });
}

static void test_the_queries_that_people_type(void **state)
{
    (void)state;
    assert_rows("[{\"name\":\"j1\",\"properties\":{\"status\":\"Completed\","
                "\"startTime\":\"2026-11-21T04:05:06Z\",\"errorDetails\":null}},"
                "{\"name\":\"j2\",\"properties\":{\"status\":\"Failed\",\"startTime\":\"2026-11-22T04:05:06Z\","
                "\"errorDetails\":[{\"code\":\"UserErrorX\"}]}}]",
                (const struct row[]){
        { "[].name", "[\"j1\",\"j2\"]" }, { "[0].name", "\"j1\"" }, { "[-1].properties.status", "\"Failed\"" },
        { "[?properties.status=='Failed'].{Job:name,Error:properties.errorDetails[0].code}",
          "[{\"Job\":\"j2\",\"Error\":\"UserErrorX\"}]" },
        { "length([?properties.status=='Completed'])", "1" },
        { "sort_by(@, &properties.startTime)[-1].name", "\"j2\"" },
        { "[?starts_with(properties.startTime, '2026-11-21')] | [0].name", "\"j1\"" },
        { "[*].[name, properties.status]", "[[\"j1\",\"Completed\"],[\"j2\",\"Failed\"]]" }, { 0 } });
}

static void test_numbers_beyond_doubles_come_through_unharmed(void **state)
{
    KG_AUTO_JSON struct kg_json *doc = kg_json_object();
    KG_AUTO_FREE char *got = NULL;

    (void)state;
    kg_json_set_u64(doc, "bytes", UINT64_MAX);
    got = search(doc, "{b:bytes}");
    assert_string_equal(got, "{\"b\":18446744073709551615}");
}

/* ---- hostile ones ---- */

static void test_a_query_that_is_no_text_is_refused(void **state)
{
    KG_AUTO_FREE char *got = search(NULL, "a\xff");

    (void)state;
    assert_string_equal(got, "error: the query is not valid UTF-8 text");
}

static char *repeated(const char *head, const char *piece, size_t n, const char *tail)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    kg_buf_adds(&b, head);
    while (n--)
        kg_buf_adds(&b, piece);
    kg_buf_adds(&b, tail);
    return kg_buf_take(&b);
}

static void assert_repeated(const char *doc, const char *head, const char *piece, size_t n, const char *tail,
                            const char *says)
{
    KG_AUTO_FREE char *expression = repeated(head, piece, n, tail);
    KG_AUTO_JSON struct kg_json *j = json(doc);
    KG_AUTO_FREE char *got = search(j, expression);

    if (!strstr(got, says))
        fail_msg("%zu times '%s': %.200s", n, piece, got);
}

static void test_too_deep_and_too_long_is_refused_and_what_is_just_below_is_not(void **state)
{
    (void)state;
    assert_repeated("{\"a\":1}", "", "(", 150, "a", "expected an operator or ')'");
    assert_repeated("{\"a\":1}", "", "(", 5000, "a", "too large");
    assert_repeated("{\"a\":1}", "a", ".a", 150, "", "null");
    assert_repeated("{\"a\":1}", "a", ".a", 5000, "", "too large");
    assert_repeated("{\"a\":1}", "", "!", 5000, "a", "too large");
    assert_repeated("{\"a\":1}", "", "[?", 5000, "a", "too large");
    assert_repeated("{\"a\":1}", "", "to_array(", 5000, "a", "too large");
    assert_repeated("{\"a\":1}", "a", "[]", 7000, "", "too large");
    assert_repeated("{\"a\":1}", "@", "|[@]", 150, "", "[[[[");
    assert_repeated("{\"a\":1}", "", "a||", 9000, "a", "too large");
}

static void test_a_result_that_doubles_with_every_pipe_ends_in_an_error(void **state)
{
    (void)state;
    assert_repeated("{\"a\":1}", "@", "|[@,@]", 40, "", "too large a result");
    assert_repeated("{\"a\":1}", "to_string(@", "|[@,@]", 40, ")", "too large a result");
    assert_repeated("[1,2,3,4,5,6,7,8,9,10]", "@", "|[@,@,@,@,@,@,@,@,@,@][]", 20, "|[?@]|length(@)", "too m");
    assert_repeated("[1]", "(@", "|[@,@]", 60, ")==(@|[@,@|[@,@]])", "false");
}

/* ---- the public suite ---- */

/* The words of our message for an error of the suite's. */
static const char *message_of(const char *error)
{
    static const char *const words[][2] = { { "unknown-function", "no function" }, { "invalid-arity", "takes" },
                                            { "invalid-type", "wants" }, { "invalid-value", "step" } };

    for (size_t i = 0; i < KG_ARRAY_LEN(words); i++)
        if (strcmp(error, words[i][0]) == 0)
            return words[i][1];
    return "";
}

static size_t run_suite(const char *file, size_t *wrong)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(8 << 20);
    KG_AUTO_JSON struct kg_json *suites = NULL;
    struct kg_err err = { 0 };
    size_t n = 0;

    if (kg_read_file(AT_FDCWD, file, &text, &err) < 0)
        fail_msg("%s", err.msg);
    suites = json(text.p);
    for (const struct kg_json *s = kg_json_first(suites); s; s = kg_json_next(s))
        for (const struct kg_json *c = kg_json_first(kg_json_get(s, "cases")); c; c = kg_json_next(c), n++) {
            KG_AUTO_BUF struct kg_buf expected = KG_BUF_INIT(1 << 20);
            const char *error = kg_json_str(c, "error");
            KG_AUTO_FREE char *got = search(kg_json_get(s, "given"), kg_json_str(c, "expression"));

            if (kg_json_str(c, "bench"))
                continue;
            if (error)
                kg_buf_addf(&expected, "error: %s", message_of(error));
            else
                kg_json_print(kg_json_get(c, "result"), false, &expected);
            if (error ? strncmp(got, "error: ", 7) != 0 || !strstr(got, expected.p + 7) : strcmp(got, expected.p) != 0)
                print_error("%s: %s\n  gives %s\n  not   %s\n", file, kg_json_str(c, "expression"), got, expected.p),
                    ++*wrong;
        }
    return n;
}

/* https://github.com/jmespath/jmespath.test has no licence, so it is not here: KG_JMESPATH_SUITE=…/tests runs it. */
static void test_the_public_suite_where_somebody_has_it(void **state)
{
    const char *folder = getenv("KG_JMESPATH_SUITE");
    DIR *d = folder ? opendir(folder) : NULL;
    size_t n = 0, wrong = 0;

    (void)state;
    if (!d)
        skip();
    for (struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, ".json")) {
            KG_AUTO_FREE char *file = kg_xprintf("%s/%s", folder, e->d_name);

            n += run_suite(file, &wrong);
        }
    closedir(d);
    print_message("%zu cases of the public suite\n", n);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_lead_into_objects_and_nowhere_else),
        cmocka_unit_test(test_indexes_count_from_both_ends),
        cmocka_unit_test(test_slices_are_python_s),
        cmocka_unit_test(test_projections_go_on_to_the_right_and_drop_null),
        cmocka_unit_test(test_filters_compare_and_combine),
        cmocka_unit_test(test_equal_means_the_same_value_of_the_same_type),
        cmocka_unit_test(test_and_or_not_give_values_as_the_language_says),
        cmocka_unit_test(test_lists_and_objects_are_made),
        cmocka_unit_test(test_literals_are_json_or_raw_text),
        cmocka_unit_test(test_functions_of_numbers_and_strings),
        cmocka_unit_test(test_functions_of_arrays_and_objects),
        cmocka_unit_test(test_the_queries_that_people_type),
        cmocka_unit_test(test_numbers_beyond_doubles_come_through_unharmed),
        cmocka_unit_test(test_a_query_that_is_no_text_is_refused),
        cmocka_unit_test(test_too_deep_and_too_long_is_refused_and_what_is_just_below_is_not),
        cmocka_unit_test(test_a_result_that_doubles_with_every_pipe_ends_in_an_error),
        cmocka_unit_test(test_the_public_suite_where_somebody_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
