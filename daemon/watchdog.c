#include "daemon/watchdog.h"

#include <errno.h>
#include <stdlib.h>

/* Digits alone; strtoull would take signs and blanks too. */
static bool parse(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *out = number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

bool watchdog_init(struct watchdog *w, const char *usec, const char *pid, pid_t self,
                   uint64_t now_ms)
{
    uint64_t interval_us = 0, owner = (uint64_t)self;
    *w = (struct watchdog){.proved_ms = now_ms};
    if (usec == NULL)
        return true;
    if (!parse(usec, &interval_us) || (pid != NULL && !parse(pid, &owner)))
        return false;
    if (owner == (uint64_t)self)
        w->interval_ms = interval_us / 1000;
    return true;
}

uint64_t watchdog_period_ms(const struct watchdog *w)
{
    return w->interval_ms > 1 ? w->interval_ms / 2 : w->interval_ms;
}

bool watchdog_look(struct watchdog *w, uint64_t now_ms, bool is_idle, uint64_t proof)
{
    if (is_idle || proof != w->proof)
        w->proved_ms = now_ms;
    w->proof = proof;
    return now_ms - w->proved_ms <= w->interval_ms;
}
