#include "rpc/server/http_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define ENTRY(name) {"MHD_" #name, offsetof(struct http_library, name)},

static const struct {
    const char *name;
    size_t offset; /* of the pointer in struct http_library */
} entries[] = {HTTP_LIBRARY_FUNCTIONS(ENTRY)};

static bool find_functions(struct http_library *library)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        void *function = dlsym(library->handle, entries[i].name);
        if (function == NULL)
            return false;
        memcpy((char *)library + entries[i].offset, &function, sizeof function);
    }
    return true;
}

bool http_library_load(struct http_library *library, const char *name, char detail[RPC_DETAIL_SIZE])
{
    struct http_library loaded = {.handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)};

    if (loaded.handle != NULL && find_functions(&loaded)) {
        *library = loaded;
        return true;
    }
    snprintf(detail, RPC_DETAIL_SIZE, "HTTP needs libmicrohttpd, which cannot be loaded: %s",
             dlerror());
    http_library_unload(&loaded);
    return false;
}

void http_library_unload(struct http_library *library)
{
    if (library->handle != NULL)
        dlclose(library->handle);
    *library = (struct http_library){0};
}
