#include "rpc/client/client_bar.h"

#include <string.h>

void client_bar_draw(struct client_bar *bar, const json_t *notification)
{
    const char *method = json_string_value(json_object_get(notification, "method"));
    const json_t *params = json_object_get(notification, "params");
    json_int_t done = json_integer_value(json_object_get(params, "done"));
    json_int_t of = json_integer_value(json_object_get(params, "of"));
    json_int_t bytes = json_integer_value(json_object_get(params, "bytes"));
    char cells[CLIENT_BAR_WIDTH + 1];
    bool is_progress = method != NULL && strcmp(method, "progress") == 0;
    if (!is_progress || done < 0 || done >= of) {
        return;
    }
    size_t filled = (size_t)((double)done / (double)of * CLIENT_BAR_WIDTH);
    memset(cells, ' ', CLIENT_BAR_WIDTH);
    memset(cells, '#', filled);
    cells[CLIENT_BAR_WIDTH] = '\0';
    fprintf(bar->out, "\r[%s] %3d %% %5lld KiB", cells, (int)((double)done / (double)of * 100),
            (long long)(bytes / 1024));
    fflush(bar->out);
    bar->is_drawn = true;
}

void client_bar_erase(struct client_bar *bar)
{
    if (bar->is_drawn) {
        fputs("\r\033[K", bar->out);
        fflush(bar->out);
    }
    bar->is_drawn = false;
}
