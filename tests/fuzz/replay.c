/* The main() of a fuzz target outside libFuzzer: gives the target each file of the folders and
 * files named on the command line. A finding aborts; an empty or missing corpus fails. With VERBOSE
 * set in the environment each input is named before it runs, which shows the one that aborts. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
    unsigned passed;
    unsigned failed;
};

/* The input has a block of its exact size, so that a sanitizer sees the first byte read too far. */
static bool run_input(FILE *file, size_t size)
{
    uint8_t *data = malloc(size);
    bool is_read = (data != NULL || size == 0) && fread(data, 1, size, file) == size;
    if (is_read)
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return is_read;
}

static void replay_file(const char *path, size_t size, struct tally *tally)
{
    FILE *file = fopen(path, "rb");
    if (getenv("VERBOSE") != NULL)
        fprintf(stderr, "%s\n", path);
    if (file != NULL && run_input(file, size)) {
        tally->passed++;
    } else {
        perror(path);
        tally->failed++;
    }
    if (file != NULL)
        fclose(file);
}

static void replay(const char *path, struct tally *tally);

static void replay_folder(const char *path, struct tally *tally)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inner[PATH_SIZE_MAX];
        int length = snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && length < PATH_SIZE_MAX)
            replay(inner, tally);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void replay(const char *path, struct tally *tally)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        perror(path);
        tally->failed++;
    } else if (S_ISDIR(status.st_mode)) {
        replay_folder(path, tally);
    } else {
        replay_file(path, (size_t)status.st_size, tally);
    }
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash != NULL ? slash + 1 : argv[0];
    struct tally total = {0};
    for (int i = 1; i < argc; i++) {
        struct tally tally = {0};
        replay(argv[i], &tally);
        if (tally.passed + tally.failed == 0) {
            fprintf(stderr, "%s: no inputs\n", argv[i]);
            tally.failed++;
        }
        total.passed += tally.passed;
        total.failed += tally.failed;
    }
    printf("%s: %u passed, %u failed\n", name, total.passed, total.failed);
    return total.passed > 0 && total.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
