#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/conninfo.h"

static int parse_n(const char *text, size_t n, struct kg_conninfo *ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *s = kg_secret_new_copy(text, n);

    return kg_conninfo_parse(s, ret, err);
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static bool password_is(const struct kg_conninfo *c, const char *want)
{
    bool is;

    if (!c->password || !want)
        return !c->password && !want;
    is = kg_secret_size(c->password) == strlen(want) && memcmp(kg_secret_open(c->password), want, strlen(want)) == 0;
    if (kg_secret_size(c->password) == strlen(want))
        kg_secret_shut(c->password);
    return is;
}

static const struct { const char *text, *host, *port, *database, *user, *password, *sslmode, *root; } good[] = {
    { "Server=h;Port=5433;Database=d;User Id=u;Password=p;Ssl Mode=Require", "h", "5433", "d", "u", "p", "require", NULL },
    /* synonyms, case, blanks */
    { "HOST=h;USERNAME=u;pwd=p;db=d", "h", NULL, "d", "u", "p", NULL, NULL },
    { "Data Source=h;UID=u;Initial Catalog=d", "h", NULL, "d", "u", NULL, NULL, NULL },
    { "DataSource = h ; User = u", "h", NULL, NULL, "u", NULL, NULL, NULL },
    { "Addr=h;User Name=u", "h", NULL, NULL, "u", NULL, NULL, NULL },
    { "Address=h;UserId=u;SSLMODE=verifyfull;Root Certificate=/ca.pem", "h", NULL, NULL, "u", NULL, "verify-full", "/ca.pem" },
    { ";;  Host = h ;; ;User=u; ", "h", NULL, NULL, "u", NULL, NULL, NULL },
    { "\n\tHost=h;\r\n User=u;\n", "h", NULL, NULL, "u", NULL, NULL, NULL },
    /* values in quotes */
    { "User=u;Password='a;b'", NULL, NULL, NULL, "u", "a;b", NULL, NULL },
    { "User=u;Password=\"a'b\"\"c\"", NULL, NULL, NULL, "u", "a'b\"c", NULL, NULL },
    { "User=u;Password='it''s ' ; Host=h", "h", NULL, NULL, "u", "it's ", NULL, NULL },
    { "User=u;Password='  both ends  '", NULL, NULL, NULL, "u", "  both ends  ", NULL, NULL },
    { "User=u;Password=''", NULL, NULL, NULL, "u", NULL, NULL, NULL },
    { "User=u;Password=a'b\"c d", NULL, NULL, NULL, "u", "a'b\"c d", NULL, NULL },
    { "User=u;Password=  a = b  ", NULL, NULL, NULL, "u", "a = b", NULL, NULL },
    { "User=u;Password=p@ss:w/ord%41\\", NULL, NULL, NULL, "u", "p@ss:w/ord%41\\", NULL, NULL },
    { "User=u;Password='=;='", NULL, NULL, NULL, "u", "=;=", NULL, NULL },
    { "User=\xc3\xa9l\xc3\xa8ve;Password=\xe5\xaf\x86\xe7\xa0\x81", NULL, NULL, NULL,
      "\xc3\xa9l\xc3\xa8ve", "\xe5\xaf\x86\xe7\xa0\x81", NULL, NULL },
    /* the last one wins, synonyms included; an empty one takes it back */
    { "Host=a;Server=b;User=u;Password=1;Pwd=2", "b", NULL, NULL, "u", "2", NULL, NULL },
    { "Host=a;User=u;Host=", NULL, NULL, NULL, "u", NULL, NULL, NULL },
    { "User=u;Password=x;Password=", NULL, NULL, NULL, "u", NULL, NULL, NULL },
    /* hosts */
    { "Host=h:6000;User=u", "h", "6000", NULL, "u", NULL, NULL, NULL },
    { "Host=[::1];User=u", "::1", NULL, NULL, "u", NULL, NULL, NULL },
    { "Host=fe80::1;User=u", "fe80::1", NULL, NULL, "u", NULL, NULL, NULL },
    { "Host=/var/run/post gresql;User=u", "/var/run/post gresql", NULL, NULL, "u", NULL, NULL, NULL },
    /* SSL modes, with and without a hyphen; keys that only tune Npgsql */
    { "User=u;SSL Mode=Verify-CA", NULL, NULL, NULL, "u", NULL, "verify-ca", NULL },
    { "User=u;SslMode=VerifyFull;Trust Server Certificate=true", NULL, NULL, NULL, "u", NULL, "verify-full", NULL },
    { "User=u;Timeout=15;Pooling=true;Command Timeout=0;Application Name='x;y';Maximum Pool Size=5;Keepalive=1", NULL, NULL, NULL, "u",
      NULL, NULL, NULL },
    { "User=u;SslMode=5", NULL, NULL, NULL, "u", NULL, "verify-full", NULL },
    { "User=u;Options=-c statement_timeout=0;Channel Binding=Prefer;GSS Encryption Mode=Disable;Load Balance Timeout=3", NULL, NULL, NULL,
      "u", NULL, NULL, NULL },
    /* blanks of .NET beyond ASCII: no-break space, next line, em space, ideographic space */
    { "\xc2\xa0Host\xc2\xa0=\xe2\x80\x83h\xc2\x85;\xe3\x80\x80User=u\xe3\x80\x80", "h", NULL, NULL, "u", NULL, NULL, NULL },
    { "User=u;Password=\xc2\xa0x\xc2\xa0y\xe2\x81\x9f", NULL, NULL, NULL, "u", "x\xc2\xa0y", NULL, NULL },
    { "User=u;Password='\xc2\xa0x '", NULL, NULL, NULL, "u", "\xc2\xa0x ", NULL, NULL },
    { "User=u;Password=\xe2\x80\x8bx", NULL, NULL, NULL, "u", "\xe2\x80\x8bx", NULL, NULL }, /* no white space to .NET */
    /* the first '=' divides; a value may begin with one, and control characters may stand in quotes */
    { "User=u;Password= =x==y", NULL, NULL, NULL, "u", "=x==y", NULL, NULL },
    { "User=u;Password='a\tb\nc'", NULL, NULL, NULL, "u", "a\tb\nc", NULL, NULL },
    { "User=u;Password='''';Db=\"\"\"\"", NULL, NULL, "\"", "u", "'", NULL, NULL },
    { "User=u;Password=\"''\"", NULL, NULL, NULL, "u", "''", NULL, NULL },
    { "User=u;Password=", NULL, NULL, NULL, "u", NULL, NULL, NULL },
    { "User=u;Password=;Host=h", "h", NULL, NULL, "u", NULL, NULL, NULL },
    /* a port behind the host is the stronger one, until the host is named again */
    { "Host=h:6000;Port=1;User=u", "h", "6000", NULL, "u", NULL, NULL, NULL },
    { "Port=1;Host=h:6000;Server=g;User=u", "g", "1", NULL, "u", NULL, NULL, NULL },
    { "Host=[fe80::1]:6000;User=u", "fe80::1", "6000", NULL, "u", NULL, NULL, NULL },
    /* libpq's keyword strings */
    { "host=h port=5433 dbname=d user=u password=p sslmode=verify-ca", "h", "5433", "d", "u", "p", "verify-ca", NULL },
    { "host = h user = 'it\\'s me' password='a;b c'", "h", NULL, NULL, "it's me", "a;b c", NULL, NULL },
    { "host=h user=u password=a;b", "h", NULL, NULL, "u", "a;b", NULL, NULL },
    { "host=::1\nuser=u\tpassword=x\\ y\n", "::1", NULL, NULL, "u", "x y", NULL, NULL },
    { "host=/tmp user=u application_name=x connect_timeout=3", "/tmp", NULL, NULL, "u", NULL, NULL, NULL },
    /* and what only looks like one */
    { "host=h; user=u", "h", NULL, NULL, "u", NULL, NULL, NULL },
    { "host=h ; user=u ; password=a b=c", "h", NULL, NULL, "u", "a b=c", NULL, NULL },
    { "user=a b", NULL, NULL, NULL, "a b", NULL, NULL, NULL },
    { "password=a user=b;user=u", NULL, NULL, NULL, "u", "a user=b", NULL, NULL },
    /* URIs */
    { "postgresql://u@h/d?application_name=x&options=-cx%3Dy&channel_binding=prefer", "h", NULL, "d", "u", NULL, NULL, NULL },
    { "postgresql://u:p%40ss@h:5433/d?sslmode=verify-full&sslrootcert=/ca.pem", "h", "5433", "d", "u", "p@ss", "verify-full", "/ca.pem" },
    { "postgres://u@h/d", "h", NULL, "d", "u", NULL, NULL, NULL },
    { "  postgresql://u:p@[::1]:1/d \n", "::1", "1", "d", "u", "p", NULL, NULL },
    { "postgresql://%2Fvar%2Frun/d?user=u&password=p", "/var/run", NULL, "d", "u", "p", NULL, NULL },
    { "postgresql://u@/d?host=/tmp&port=7", "/tmp", "7", "d", "u", NULL, NULL, NULL },
};

static void test_connection_strings_are_read_by_the_rules_of_ado_net_and_libpq(void **state)
{
    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
        struct kg_err err = { 0 };

        if (parse_n(good[i].text, strlen(good[i].text), &c, &err) < 0)
            fail_msg("case %zu '%s': %s", i, good[i].text, err.msg);
        if (!same(c.host, good[i].host) || !same(c.port, good[i].port) || !same(c.database, good[i].database) ||
            !same(c.user, good[i].user) || !same(c.sslmode, good[i].sslmode) || !same(c.sslrootcert, good[i].root) ||
            !password_is(&c, good[i].password))
            fail_msg("case %zu '%s': host %s port %s database %s user %s sslmode %s root %s", i, good[i].text, c.host, c.port,
                     c.database, c.user, c.sslmode, c.sslrootcert);
    }
}

/* told: what the message has to have in it. */
static const struct { const char *text, *told; } refused[] = {
    { "", "empty" },
    { " ; ;; ", "no user" },
    { "Host=h;Password=x", "no user" },
    { "Host=h;User=u;Uid=", "no user" },
    { "postgresql://h/d", "no user" },
    { "h", "no '='" },
    { "Host=h;user", "no '='" },
    { "=x", "no key" },
    { "Host=h; =x", "no key" },
    { "Host=h;Colour=red", "'Colour'" },
    { "Hots=h;User Id=u", "'Hots'" },
    { "colour=red", "no key that is known" },          /* may be a password as a whole */
    { "jdbc:postgresql://h/d?user=u", "of another kind" },
    { "Host=h;a/b=c", "no key that is known" },
    { "Host=h;ab==c=red", "'ab'" },
    { "User=u;Password==;Host=h", "'Password'" },
    { "Host=a,b;User=u", "several hosts" },
    { "Host=a:1,b:2;User=u", "several hosts" },
    { "Host=a b;User=u", "'Host'" },
    { "Port=0", "'Port'" },
    { "Port=65536", "'Port'" },
    { "Port=x", "'Port'" },
    { "Host=h:x", "'Host'" },
    { "Ssl Mode=Sometimes", "'Ssl Mode'" },
    { "Trust Server Certificate=perhaps", "'Trust Server Certificate'" },
    { "Password='abc", "closing quote" },
    { "Password='abc'd", "behind the closing quote" },
    { "Password=abc'", "ends in a quote" },
    { "Password=abc\"", "ends in a quote" },
    { "Password=a\x01" "b", "control character" },
    { "Pass\x01word=ab", "control character" },
    { "Options=-c role=x;User=u", "'Options'" },
    { "Channel Binding=Require;User=u", "'Channel Binding'" },
    { "Passfile=/x;User=u", "would be lost" },
    { "Require Auth=none;User=u", "'Require Auth'" },
    { "Host=:5432;User=u", "'Host'" },
    { "Host=[::1;User=u", "'Host'" },
    { "Host=[::1]x;User=u", "'Host'" },
    { "Host=[::1]:0;User=u", "'Host'" },
    { "Host=a/b;User=u", "'Host'" },
    { "SslMode=6;User=u", "'SslMode'" },
    { "User=u;Password=a\xc2\x81" "b", "control character" },
    { "Us\xc2\x81" "er=u", "control character" },
    { "User=u;Password='x'\xc2\xa0y", "behind the closing quote" },
    { "User=u;Password=a'\xc2\xa0", "ends in a quote" },
    { "host=h port=x user=u", "'port'" },
    { "host=a,b user=u", "several hosts" },
    { "host=h,h port=1,2 user=u", "several hosts" },
    { "host=h port=1,2 user=u", "several ports" },
    { "host=h colour=red user=u", "'host'" },         /* one pair to .NET, whose value cannot be a host */
    { "host=h user=u colour=red", "'colour'" },
    { "host=h user=u hostaddr=1.2.3.4", "'hostaddr'" },
    { "host=h user=u service=x", "'service'" },
    { "host=h user=u options='-c role=x'", "'options'" },
    { "host=h port=1", "no user" },
    { "host=h user=u password='x", "well-formed" },
    { "Ssl Certificate=/x", "'Ssl Certificate'" },
    { "User='a\nb'", "line break" },
    { "postgresql://h1,h2/d", "several hosts" },
    { "postgresql://u@h:1,h:2/d", "several hosts" },
    { "postgresql://u@h/d?options=-c%20role%3Dy", "'options'" },
    { "postgresql://u@h/d?channel_binding=require", "'channel_binding'" },
    { "postgresql://u@h/d?sslkey=/x", "'sslkey'" },
    { "postgresql://u@h/d?hostaddr=1.2.3.4", "'hostaddr'" },
    { "postgresql://u@h/d?colour=red", "'colour'" },
    { "postgresql://u@h/d?sslmode=maybe", "'sslmode'" },
    { "postgresql://u@h:99999/d", "'port'" },
    { "postgresql://u:%zz@h/d", "well-formed" },
    { "postgresql://u:%00@h/d", "well-formed" },
};

static void test_what_cannot_be_right_is_refused_naming_the_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(refused); i++) {
        struct kg_conninfo c = { .port = (char *)1 };
        struct kg_err err = { 0 };

        if (parse_n(refused[i].text, strlen(refused[i].text), &c, &err) != -KG_E_SECRET_FORMAT)
            fail_msg("case %zu '%s' was accepted", i, refused[i].text);
        if (!strstr(err.msg, refused[i].told))
            fail_msg("case %zu '%s': '%s' does not say %s", i, refused[i].text, err.msg, refused[i].told);
        assert_ptr_equal(c.port, 1); /* on failure ret is as it was */
        assert_true(err.action[0]);
    }
}

static void test_a_nul_byte_is_refused(void **state)
{
    static const char with_nul[] = "Host=h;Password=a\0b;User=u";
    struct kg_conninfo c = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(parse_n(with_nul, sizeof with_nul - 1, &c, &err), -KG_E_SECRET_FORMAT);
}

/* Each has the word hunter2 in a password, and is broken somewhere: it must not be in the message. */
static const char *const leaky[] = {
    "Host=h;Password=a;hunter2=b", "Host=h;Password=a;hunter2", "Host=h;Password=a;hunter2;User=u", "Password='hunter2",
    "Password=hunter2'",
    "Password='hunter2'x", "Password=hunter2\x01", "Password=a; hunter2 = b", "Host=hunter2,hunter2", "Port=hunter2",
    "Ssl Mode=hunter2", "Host=hunter2 x", "Password=x=y;hunter2==z=1", "postgresql://u:hunter2@h/d?x=y", "postgresql://u:hunter2",
    "postgresql://u:a/b?hunter2=x@h/d", "postgresql://u:hunter2@h:99999999/d", "postgresql://u:%zzhunter2@h/d",
    "postgresql://u:p@h1,hunter2/d",
    "postgresql://u@h/d?sslmode=hunter2", "postgresql://u@h/d?options=hunter2", "postgresql://u:p?hunter2&x@h/d", "User='hunter2\n'",
    "Password=a;b\x01hunter2=c", "Trust Server Certificate=hunter2", "Password==hunter2;Host=h", "Password==hunter2",
    "host=h user=u password=a hunter2=b", "host=h user=u password=a hunter2", "host=h user=u password='hunter2",
    "user=u password=hunter2;x port=hunter2", "postgresql://u@h/d?password=a&hunter2=x", "host=hunter2 x user=u",
    "host=h:hunter2;User=u", "Host=[hunter2;User=u", "host=h user=u sslmode=hunter2", "Options=role hunter2;User=u",
    "hunter2=x", "hunter2==x=", "x;hunter2=y", "jdbc:postgresql://u:hunter2@h/d?user=u", "jdbc:postgresql://u:hunter2@h/d?a=b;User=u",
    "postgresql+psycopg2://u:hunter2@h/d?sslmode=require", " mysql://u:hunter2@h/d?x=y;Host=h",
    "PASSWORD=a user=b hunter2=c;d", "host=h user=u \\hunter2", "user=u password=a;hunter2=b port=1 hunter2=x",
};

static void test_no_message_repeats_a_part_of_a_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(leaky); i++) {
        KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
        struct kg_err err = { 0 };

        if (parse_n(leaky[i], strlen(leaky[i]), &c, &err) == 0)
            continue;
        if (strstr(err.msg, "hunter2") || strstr(err.action, "hunter2"))
            fail_msg("case %zu '%s': '%s'", i, leaky[i], err.msg);
    }
}

static void test_a_very_long_value_is_refused(void **state)
{
    KG_AUTO_FREE char *text = kg_xalloc(100000);
    struct kg_conninfo c = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    memset(text, 'x', 99999);
    memcpy(text, "Host=", 5);
    assert_int_equal(parse_n(text, 99999, &c, &err), -KG_E_SECRET_FORMAT);
}

static void test_a_secret_is_used_for_the_server_that_it_names(void **state)
{
    static const struct { const char *text, *host; unsigned port; const char *sslmode, *ends, *refused; } rows[] = {
        { "User Id=u", "db.example.com", 5433, "require", "db.example.com:5433 require", NULL },
        { "Server=DB.example.com.;User Id=u;Ssl Mode=VerifyFull", "db.example.com", 5432, "prefer",
          "db.example.com:5432 verify-full", NULL },
        { "Server=h;Port=5432;User Id=u;Ssl Mode=Disable", "h", 5432, "verify-ca", "h:5432 verify-ca", NULL },
        { "Server=h;User Id=u", "h", 0, NULL, "h:- -", NULL },
        { "Server=/run/pg/;User Id=u", "/run/pg", 5432, "disable", "/run/pg:5432 disable", NULL },
        { "Server=h;User Id=u", "evil.example.com", 5432, "disable", NULL, "'h'" },
        { "Server=h;Port=5433;User Id=u", "h", 5432, "prefer", NULL, "port 5433" },
        { "Port=5433;User Id=u", "h", 5432, "prefer", NULL, "port 5433" },
        { "postgresql://u@h:6/d", "h.evil.com", 6, "prefer", NULL, "'h.evil.com'" },
        { "Server=/run/pg;User Id=u", "/run/PG", 5432, "prefer", NULL, "'/run/PG'" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
        struct kg_err err = { 0 };

        assert_int_equal(parse_n(rows[i].text, strlen(rows[i].text), &c, &err), 0);
        if (kg_conninfo_aim(&c, rows[i].host, rows[i].port, rows[i].sslmode, &err) < 0) {
            if (!rows[i].refused || err.code != KG_E_SECRET_SERVER || !strstr(err.msg, rows[i].refused) || !*err.action)
                fail_msg("%s: %s", rows[i].text, err.msg);
            continue;
        }
        KG_AUTO_FREE char *is = kg_xprintf("%s:%s %s", c.host, c.port ? c.port : "-", c.sslmode ? c.sslmode : "-");
        if (!rows[i].ends || strcmp(is, rows[i].ends) != 0)
            fail_msg("%s: %s", rows[i].text, is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_secret_is_used_for_the_server_that_it_names),
        cmocka_unit_test(test_connection_strings_are_read_by_the_rules_of_ado_net_and_libpq),
        cmocka_unit_test(test_what_cannot_be_right_is_refused_naming_the_key),
        cmocka_unit_test(test_a_nul_byte_is_refused),
        cmocka_unit_test(test_no_message_repeats_a_part_of_a_password),
        cmocka_unit_test(test_a_very_long_value_is_refused),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
