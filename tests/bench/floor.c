#include "tests/bench/floor.h"

#include <jansson.h>
#include <lmdb.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bench/report.h"

#define MAP_BYTES     ((size_t)1 << 30)
#define COMMIT_PUTS   128
#define RECORD_BYTES  1024
#define HOLDERS       8
#define COMMIT_ROUNDS 100
#define VERIFY_STEP   32 /* verifications between two looks at the clock */

double floor_verify(size_t message_size, unsigned duration_ms)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES], message[2048] = {0};
    if (sodium_init() < 0 || message_size > sizeof(message))
        report_fail("libsodium cannot be used");
    crypto_sign_keypair(public_key, secret_key);
    crypto_sign_detached(signature, NULL, message, message_size, secret_key);
    uint64_t start_ns = report_now_ns(), now_ns = start_ns, count = 0;
    while (now_ns - start_ns < duration_ms * (uint64_t)1000000) {
        for (int i = 0; i < VERIFY_STEP; i++) {
            if (crypto_sign_verify_detached(signature, message, message_size, public_key) != 0)
                report_fail("a good signature was refused");
        }
        count += VERIFY_STEP;
        now_ns = report_now_ns();
    }
    return (double)count * 1e9 / (double)(now_ns - start_ns);
}

static void commit_some(MDB_env *env, MDB_dbi *dbi, int count)
{
    uint8_t target[20], record[RECORD_BYTES] = {1};
    MDB_txn *txn;
    int failed = mdb_txn_begin(env, NULL, 0, &txn);
    if (failed == 0 && *dbi == 0)
        failed = mdb_dbi_open(txn, NULL, 0, dbi);
    for (int i = 0; failed == 0 && i < count; i++) {
        randombytes_buf(target, sizeof(target));
        MDB_val key = {sizeof(target), target}, value = {sizeof(record), record};
        failed = mdb_put(txn, *dbi, &key, &value, 0);
    }
    if (failed != 0 || mdb_txn_commit(txn) != 0)
        report_fail("LMDB cannot be written");
}

static MDB_env *open_env(const char *directory)
{
    MDB_env *env;
    mkdir(directory, 0700);
    if (mdb_env_create(&env) != 0 || mdb_env_set_mapsize(env, MAP_BYTES) != 0 ||
        mdb_env_open(env, directory, MDB_NOTLS, 0600) != 0)
        report_fail("%s: LMDB cannot be opened", directory);
    return env;
}

double floor_lmdb(const char *directory, unsigned duration_ms)
{
    MDB_env *env = open_env(directory);
    MDB_dbi dbi = 0;
    uint64_t start_ns = report_now_ns(), now_ns = start_ns, count = 0;
    while (now_ns - start_ns < duration_ms * (uint64_t)1000000) {
        commit_some(env, &dbi, COMMIT_PUTS);
        count += COMMIT_PUTS;
        now_ns = report_now_ns();
    }
    mdb_env_close(env);
    return (double)count * 1e9 / (double)(now_ns - start_ns);
}

struct holder {
    pthread_t thread;
    pthread_barrier_t *turn;
    MDB_env *env;
    MDB_dbi dbi;
};

static void *hold(void *context)
{
    struct holder *holder = context;
    for (int i = 0; i < COMMIT_ROUNDS; i++) {
        pthread_barrier_wait(holder->turn);
        commit_some(holder->env, &holder->dbi, 1);
        pthread_barrier_wait(holder->turn);
    }
    return NULL;
}

static void open_holders(struct holder *holders, const char *directory, pthread_barrier_t *turn)
{
    char path[256];
    for (size_t i = 0; i <= HOLDERS; i++) {
        snprintf(path, sizeof(path), "%s/holder%zu", directory, i);
        holders[i] = (struct holder){.turn = turn, .env = open_env(path)};
        commit_some(holders[i].env, &holders[i].dbi, 1);
        if (i < HOLDERS && pthread_create(&holders[i].thread, NULL, hold, &holders[i]) != 0)
            report_fail("no thread");
    }
}

double floor_commits_ms(const char *directory)
{
    struct holder holders[HOLDERS + 1]; /* the last one keeps */
    pthread_barrier_t turn;
    double ms[COMMIT_ROUNDS];
    pthread_barrier_init(&turn, NULL, HOLDERS + 1);
    open_holders(holders, directory, &turn);
    for (int i = 0; i < COMMIT_ROUNDS; i++) {
        uint64_t start_ns = report_now_ns();
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        commit_some(holders[HOLDERS].env, &holders[HOLDERS].dbi, 1);
        ms[i] = (double)(report_now_ns() - start_ns) / 1e6;
    }
    for (size_t i = 0; i <= HOLDERS; i++) {
        if (i < HOLDERS)
            pthread_join(holders[i].thread, NULL);
        mdb_env_close(holders[i].env);
    }
    pthread_barrier_destroy(&turn);
    return report_median(ms, COMMIT_ROUNDS);
}

static char *make_request(void)
{
    json_t *value = json_object();
    for (int i = 0; i < 16; i++) {
        char name[16], text[16];
        snprintf(name, sizeof(name), "field%02d", i);
        snprintf(text, sizeof(text), "value %04d", i);
        json_object_set_new(value, name, i % 4 == 0 ? json_integer(i * 1001) : json_string(text));
    }
    json_t *request =
        json_pack("{s:s, s:i, s:s, s:[s,s,s,o,s,i]}", "jsonrpc", "2.0", "id", 1, "method", "dhtput",
                  "params", "alice", "profile", "s", value, "alice", 1);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

double floor_json(unsigned duration_ms)
{
    char *request = make_request();
    size_t size = strlen(request);
    uint64_t start_ns = report_now_ns(), now_ns = start_ns, count = 0;
    while (now_ns - start_ns < duration_ms * (uint64_t)1000000) {
        for (int i = 0; i < VERIFY_STEP; i++) {
            json_t *parsed = json_loadb(request, size, JSON_REJECT_DUPLICATES, NULL);
            char *printed = json_dumps(parsed, JSON_COMPACT);
            if (printed == NULL)
                report_fail("jansson refused a good request");
            free(printed);
            json_decref(parsed);
        }
        count += VERIFY_STEP;
        now_ns = report_now_ns();
    }
    free(request);
    return (double)count * 1e9 / (double)(now_ns - start_ns);
}
