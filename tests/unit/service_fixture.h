/* A service of its own on a private socket, and HTTP to it. The program that includes this is started again as the service
 * (role_main) and, by the service, as its worker. */
#ifndef KG_TESTS_SERVICE_FIXTURE_H
#define KG_TESTS_SERVICE_FIXTURE_H

#include <curl/curl.h>
#include <limits.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "crypto/secret.h"
#include "engine/engine.h"
#include "sys/proc.h"
#include "unit/fake_worker.h"

#define SUB "/subscriptions/00000000-0000-0000-0000-000000000001"
#define RG SUB "/resourceGroups/default"
#define VAULT RG "/providers/Microsoft.DataProtection/backupVaults/v1"
#define POLICY VAULT "/backupPolicies/p1"
#define SERVER RG "/providers/Microsoft.DBforPostgreSQL/flexibleServers/s1"
#define KEYVAULT RG "/providers/Microsoft.KeyVault/vaults/kv1"
#define ACCOUNT RG "/providers/Microsoft.Storage/storageAccounts/files1"
#define SERVICE "/providers/Microsoft.KeepGres/service"

struct fixture {
    char dir[64], *socket, *state, *data, *config, *log;
    pid_t pid;
    const char *fault;
    const char *clock;                   /* file of KG_CLOCK, see base/time.h; NULL: the machine's clock */
};

struct reply {
    long status;
    struct kg_json *json;
    struct kg_buf text;
    char *operation, *location, *cache;
};

/* ---- the service ---- */

/* It may end before it answers. */
static void spawn_service(struct fixture *f)
{
    KG_AUTO_FREE char *e1 = kg_xprintf("KEEPGRES_DATA_DIR=%s", f->data);
    KG_AUTO_FREE char *e2 = kg_xprintf("KG_FAULT=%s", f->fault ? f->fault : "");
    KG_AUTO_FREE char *e3 = kg_xprintf("HOME=%s", f->dir);
    KG_AUTO_FREE char *e4 = kg_xprintf("KG_CLOCK=%s", f->clock ? f->clock : "");
    const char *env[] = { e1, e3, "KEEPGRES_WORKER=/proc/self/exe", "KEEPGRES_DUMPABLE=1", NULL, NULL, NULL };
    size_t more = 4;
    const char *argv[] = { "/proc/self/exe", "serve", f->socket, f->state, f->config, f->log, NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = 2, .fd_err = 2 };
    struct kg_err err = { 0 };

    if (f->fault)
        env[more++] = e2;
    if (f->clock)
        env[more++] = e4;
    if (kg_proc_spawn(&spec, &f->pid, &err) < 0)
        fail_msg("%s", err.msg);
}

static void start_service(struct fixture *f)
{
    spawn_service(f);
    for (int i = 0; i < 500; i++) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

        snprintf(a.sun_path, sizeof a.sun_path, "%s", f->socket);
        r = connect(fd, (struct sockaddr *)&a, sizeof a);
        close(fd);
        if (r == 0)
            return;
        usleep(10000);
    }
    fail_msg("the service does not start; see %s", f->log);
}

static inline int stop_service(struct fixture *f, int signo)
{
    struct kg_err err = { 0 };
    int status = -1;

    kill(f->pid, signo);
    if (kg_proc_wait(f->pid, 20 * KG_SECOND, &status, &err) < 0)
        fail_msg("the service does not end: %s", err.msg);
    f->pid = 0;
    return status;
}

static inline void restart_service(struct fixture *f, int signo)
{
    stop_service(f, signo);
    start_service(f);
}

/* Waits for a service that a fault point kills. */
static inline void expect_killed(struct fixture *f)
{
    struct kg_err err = { 0 };
    int status = 0;

    assert_int_equal(kg_proc_wait(f->pid, 20 * KG_SECOND, &status, &err), 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    f->pid = 0;
}

/* ---- HTTP ---- */

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
    struct reply *r = arg;

    kg_buf_add(&r->text, p, one * n);
    return one * n;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
    static const struct { const char *name; size_t at; } kept[] = {
        { "Azure-AsyncOperation: ", offsetof(struct reply, operation) }, { "Location: ", offsetof(struct reply, location) },
        { "Cache-Control: ", offsetof(struct reply, cache) },
    };

    n *= one;
    for (size_t i = 0; i < KG_ARRAY_LEN(kept); i++) {
        size_t k = strlen(kept[i].name);
        char **to = (char **)(void *)((char *)arg + kept[i].at);

        if (n > k && strncasecmp(p, kept[i].name, k) == 0) {
            free(*to);
            *to = kg_xstrndup(p + k, n - k - 2);
        }
    }
    return n;
}

static void reply_done(struct reply *r)
{
    kg_json_free(r->json);
    kg_buf_done(&r->text);
    free(r->operation);
    free(r->location);
    free(r->cache);
}
#define AUTO_REPLY KG_CLEANUP(reply_done)

/* path may be a whole URL of an earlier answer. */
static inline struct reply send_bytes(struct fixture *f, const char *method, const char *path, const char *body, size_t n)
{
    struct reply r = { .text = KG_BUF_INIT(16 << 20) };
    KG_AUTO_FREE char *url = strncmp(path, "http", 4) == 0 ? kg_xstrdup(path) : kg_xprintf("http://keepgres%s", path);
    struct curl_slist *h = curl_slist_append(NULL, "Expect:");
    CURL *c = curl_easy_init();
    struct kg_err err = { 0 };
    CURLcode rc;

    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, f->socket);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, h);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &r);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &r);
    if (body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
    } else if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r.status);
    if (rc != CURLE_OK)
        r.status = -(long)rc;
    curl_easy_cleanup(c);
    curl_slist_free_all(h);
    if (r.text.len && kg_json_parse(r.text.p, r.text.len, &r.json, &err) < 0)
        fail_msg("%s %s answers what is no JSON: %s", method, path, err.msg);
    return r;
}

static struct reply call(struct fixture *f, const char *method, const char *path, const char *body)
{
    return send_bytes(f, method, path, body, body ? strlen(body) : 0);
}

static void expect(struct fixture *f, const char *method, const char *path, const char *body, long status)
{
    AUTO_REPLY struct reply r = call(f, method, path, body);

    if (r.status != status)
        fail_msg("%s %s: HTTP %ld instead of %ld: %s", method, path, r.status, status, r.text.p);
}

static inline void expect_error(struct fixture *f, const char *method, const char *path, const char *body, enum kg_code code,
                         const char *part)
{
    AUTO_REPLY struct reply r = call(f, method, path, body);
    const char *message = kg_json_str_or(r.json, "error.message", "");

    if (r.status != kg_code_http(code) || strcmp(kg_json_str_or(r.json, "error.code", ""), kg_code_arm(code)) != 0 ||
        !strstr(message, part))
        fail_msg("%s %s: expected %s with '%s', got HTTP %ld: %s", method, path, kg_code_arm(code), part, r.status, r.text.p);
    if (!*kg_json_str_or(r.json, "error.additionalInfo.0.info.recommendedAction.0", ""))
        fail_msg("%s %s: no recommended action: %s", method, path, r.text.p);
}

/* The state of an operation when it has ended. */
static inline struct reply wait_operation(struct fixture *f, const char *url)
{
    for (int i = 0; i < 2000; i++) {
        struct reply r = call(f, "GET", url, NULL);

        if (r.status != 200 || strcmp(kg_json_str_or(r.json, "status", ""), "Inprogress") != 0)
            return r;
        reply_done(&r);
        usleep(5000);
    }
    fail_msg("operation %s does not end", url);
    return (struct reply){ 0 };
}

static inline void expect_operation(struct fixture *f, const char *method, const char *path, const char *body, const char *status)
{
    AUTO_REPLY struct reply r = call(f, method, path, body);

    if (!r.operation)
        fail_msg("%s %s: HTTP %ld, no operation: %s", method, path, r.status, r.text.p);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    if (strcmp(kg_json_str_or(end.json, "status", ""), status) != 0)
        fail_msg("%s %s: operation ended as %s", method, path, end.text.p);
}

static inline char *start_job(struct fixture *f, const char *path, const char *body)
{
    AUTO_REPLY struct reply r = call(f, "POST", path, body);

    if (r.status != 202)
        fail_msg("POST %s: HTTP %ld: %s", path, r.status, r.text.p);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    AUTO_REPLY struct reply result = call(f, "GET", r.location, NULL);
    assert_int_equal(result.status, 200);
    assert_string_equal(kg_json_str_or(result.json, "objectType", ""), "OperationJobExtendedInfo");
    assert_string_equal(kg_json_str_or(result.json, "jobId", ""), kg_json_str_or(end.json, "properties.jobId", "?"));
    return kg_xstrdup(kg_json_str(result.json, "jobId"));
}

static inline struct reply wait_job(struct fixture *f, const char *job)
{
    for (int i = 0; i < 4000; i++) {
        struct reply r = call(f, "GET", job, NULL);

        if (r.status != 200 || kg_json_str(r.json, "properties.endTime"))
            return r;
        reply_done(&r);
        usleep(5000);
    }
    fail_msg("job %s does not end", job);
    return (struct reply){ 0 };
}

static inline struct reply run_job(struct fixture *f, const char *path, const char *body, const char *status)
{
    KG_AUTO_FREE char *job = start_job(f, path, body);
    struct reply r = wait_job(f, job);

    if (strcmp(kg_json_str_or(r.json, "properties.status", ""), status) != 0)
        fail_msg("%s: job did not end as %s: %s", path, status, r.text.p);
    return r;
}

static inline size_t count_of(struct fixture *f, const char *path)
{
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);

    if (r.status != 200)
        fail_msg("GET %s: HTTP %ld: %s", path, r.status, r.text.p);
    return kg_json_count(kg_json_get(r.json, "value"));
}

/* ---- the world ---- */

static const char policy_body[] __attribute__((unused)) =
    "{\"properties\":{\"objectType\":\"BackupPolicy\",\"datasourceTypes\":[\"Microsoft.DBforPostgreSQL/flexibleServers\"],"
    "\"policyRules\":[{\"objectType\":\"AzureBackupRule\",\"name\":\"BackupWeekly\","
    "\"backupParameters\":{\"objectType\":\"AzureBackupParams\",\"backupType\":\"Full\"},"
    "\"dataStore\":{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"VaultStore\"},"
    "\"trigger\":{\"objectType\":\"ScheduleBasedTriggerContext\",\"schedule\":{\"timeZone\":\"UTC\","
    "\"repeatingTimeIntervals\":[\"R/2021-08-15T06:30:00+00:00/P1W\"]},"
    "\"taggingCriteria\":[{\"isDefault\":true,\"taggingPriority\":99,\"tagInfo\":{\"tagName\":\"Default\"}}]}},"
    "{\"objectType\":\"AzureRetentionRule\",\"name\":\"Default\",\"isDefault\":true,\"lifecycles\":[{"
    "\"deleteAfter\":{\"objectType\":\"AbsoluteDeleteOption\",\"duration\":\"P3M\"},"
    "\"sourceDataStore\":{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"VaultStore\"}}]}]}}";

static inline char *instance_body(const char *database)
{
    return kg_xprintf("{\"properties\":{\"objectType\":\"BackupInstance\",\"dataSourceInfo\":{\"objectType\":\"Datasource\","
                      "\"resourceID\":\"" SERVER "/databases/%s\"},\"policyInfo\":{\"policyId\":\"" POLICY "\"},"
                      "\"datasourceAuthCredentials\":{\"objectType\":\"SecretStoreBasedAuthCredentials\","
                      "\"secretStoreResource\":{\"secretStoreType\":\"AzureKeyVault\","
                      "\"uri\":\"https://kv1.vault.local/secrets/login\"}}}}", database);
}

static inline char *instance_path(const char *database, const char *more)
{
    return kg_xprintf(VAULT "/backupInstances/bi-%s%s", database, more);
}

static inline void add_instance(struct fixture *f, const char *database)
{
    KG_AUTO_FREE char *body = instance_body(database);
    KG_AUTO_FREE char *path = instance_path(database, "");

    expect_operation(f, "PUT", path, body, "Succeeded");
}

static inline struct reply back_up(struct fixture *f, const char *database, const char *status)
{
    KG_AUTO_FREE char *path = instance_path(database, "/backup");

    return run_job(f, path, "{\"backupRuleOptions\":{\"ruleName\":\"BackupWeekly\",\"triggerOption\":{}}}", status);
}

static inline void back_up_quietly(struct fixture *f, const char *database, const char *status)
{
    struct reply r = back_up(f, database, status);

    reply_done(&r);
}

/* The names of a vault's only point: in the service, and of its file. */
struct only_point { char *path, *file; };

static inline void only_point_done(struct only_point *p)
{
    free(p->path);
    free(p->file);
}

static inline struct only_point find_only_point(struct fixture *f, const char *database)
{
    KG_AUTO_FREE char *list = instance_path(database, "/recoveryPoints");
    AUTO_REPLY struct reply points = call(f, "GET", list, NULL);
    AUTO_REPLY struct reply vault = call(f, "GET", VAULT, NULL);
    const char *name = kg_json_str_or(points.json, "value.0.name", "?");

    return (struct only_point){ kg_xprintf("%s/%s", list, name),
                                kg_xprintf("%s/%s.point", kg_json_str_or(vault.json, "properties.storeSettings.path", "?"), name) };
}

static inline char *restore_body(const char *point, const char *database)
{
    return kg_xprintf("{\"object_type\":\"AzureBackupRecoveryPointBasedRestoreRequest\",\"recovery_point_id\":\"%s\","
                      "\"source_data_store_type\":\"VaultStore\",\"restore_target_info\":{\"object_type\":\"RestoreTargetInfo\","
                      "\"recovery_option\":\"FailIfExists\",\"restore_location\":\"local\",\"datasource_info\":{"
                      "\"resource_id\":\"" SERVER "/databases/%s\"}}}", point, database);
}

static inline size_t points_of(struct fixture *f, const char *database)
{
    KG_AUTO_FREE char *path = instance_path(database, "/recoveryPoints");

    return count_of(f, path);
}

/* The vault's identity may write to the containers of ACCOUNT. */
static inline void permit_files(struct fixture *f)
{
    expect(f, "POST", VAULT "/assignMissingRoles", "{\"operation\":\"Restore\",\"storageAccountId\":\"" ACCOUNT "\"}", 200);
}

/* A vault, a policy, a server, a secret: what every flow needs, but nobody may do anything with it yet. */
static inline void make_bare_world(struct fixture *f)
{
    KG_AUTO_FREE char *secret = kg_xprintf("{\"properties\":{\"value\":\"%s\"}}", FAKE_CONNECTION);

    expect(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.1\"}}", 201);
    expect(f, "PUT", KEYVAULT, "{}", 201);
    expect(f, "PUT", KEYVAULT "/secrets/login", secret, 201);
    expect_operation(f, "PUT", VAULT, "{\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\","
                     "\"type\":\"LocallyRedundant\"}],\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"Off\"}}}}", "Succeeded");
    expect(f, "PUT", POLICY, policy_body, 200);
}

/* The same, and the vault's identity may read server and secret. */
static inline void make_world(struct fixture *f)
{
    KG_AUTO_FREE char *any = instance_body("any");

    make_bare_world(f);
    expect(f, "POST", VAULT "/assignMissingRoles", any, 200);
}

static int setup(void **state)
{
    static const char settings[] = "worker_silence_seconds = 5\ncancel_seconds = 1\nmax_jobs = 2\nlog_level = debug\n"
                                   "stop_seconds = 3\n";
    struct fixture *f = kg_xalloc(sizeof *f);
    struct kg_err err = { 0 };

    snprintf(f->dir, sizeof f->dir, "/tmp/kg-http-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->socket = kg_xprintf("%s/run/api.sock", f->dir);
    f->state = kg_xprintf("%s/state", f->dir);
    f->data = kg_xprintf("%s/data", f->dir);
    f->config = kg_xprintf("%s/keepgres.conf", f->dir);
    f->log = kg_xprintf("%s/log", f->dir);
    assert_int_equal(kg_write_file(f->config, settings, sizeof settings - 1, 0600, &err), 0);
    start_service(f);
    *state = f;
    return 0;
}

static void remove_tree(const char *dir)
{
    const char *argv[] = { "rm", "-rf", dir, NULL }, *env[] = { "PATH=/usr/bin:/bin", NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = -1, .fd_err = -1 };
    struct kg_err err = { 0 };
    int status;
    pid_t pid;

    if (kg_proc_spawn(&spec, &pid, &err) == 0)
        (void)!kg_proc_wait(pid, -1, &status, &err);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->pid)
        kg_proc_end(f->pid, 10 * KG_SECOND);
    remove_tree(f->dir);
    free(f->socket);
    free(f->state);
    free(f->data);
    free(f->config);
    free(f->log);
    free(f);
    return 0;
}

/* ---- somebody else ---- */

enum { STRANGER = 65534 };
/* Names for role assignments. */
#define ROLE_1 "11111111-2222-3333-4444-555555555555"
#define ROLE_2 "99999999-2222-3333-4444-555555555555"

static inline void open_to_all(struct fixture *f)
{
    static const char more[] = "socket_mode = 0666\nmax_jobs = 2\n";
    struct kg_err err = { 0 };

    assert_int_equal(kg_write_file(f->config, more, sizeof more - 1, 0600, &err), 0);
    restart_service(f, SIGTERM);
    assert_int_equal(chmod(f->dir, 0755), 0);
    *strrchr(f->socket, '/') = '\0';
    assert_int_equal(chmod(f->socket, 0755), 0);
    f->socket[strlen(f->socket)] = '/';
}

/* A call as another user: the service looks at who opens the connection. */
static inline struct reply call_as_stranger(struct fixture *f, const char *method, const char *path, const char *body)
{
    struct reply r;

    assert_int_equal(seteuid(STRANGER), 0);
    r = call(f, method, path, body);
    assert_int_equal(seteuid(0), 0);
    return r;
}

static inline long as_stranger(struct fixture *f, const char *method, const char *path, const char *body)
{
    AUTO_REPLY struct reply r = call_as_stranger(f, method, path, body);

    return r.status;
}

/* Makes an assignment of that name, one of ROLE_…, to the stranger. */
static inline void give_role(struct fixture *f, const char *scope, const char *name, const char *role)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/providers/Microsoft.Authorization/roleAssignments/%s", scope, name);
    KG_AUTO_FREE char *body = kg_xprintf("{\"properties\":{\"roleDefinitionId\":\"%s\",\"assignee\":\"%d\"}}", role, STRANGER);

    expect(f, "PUT", path, body, 201);
}

static inline void take_role(struct fixture *f, const char *scope, const char *name)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/providers/Microsoft.Authorization/roleAssignments/%s", scope, name);

    expect(f, "DELETE", path, NULL, 200);
}

/* ---- roles ---- */

static int serve_main(char **argv)
{
    struct kg_engine_opts o = { .socket = argv[2], .state_dir = argv[3], .config = argv[4], .log = argv[5] };
    struct kg_err err = { 0 };

    kg_fault_from_environment();
    if (kg_engine_main(&o, &err) == 0)
        return 0;
    fprintf(stderr, "serve: %s\n", err.msg);
    return kg_code_exit(err.code);
}

/* The roles that this program plays besides the test; -1: it is the test. */
static int role_main(int argc, char **argv)
{
    kg_crypto_start();
    kg_clock_from_environment();
    signal(SIGPIPE, SIG_IGN);
    if (argc == 6 && strcmp(argv[1], "serve") == 0)
        return serve_main(argv);
    if (argc == 2 && strcmp(argv[1], "worker") == 0)
        return fake_worker_main();
    return -1;
}

#endif
