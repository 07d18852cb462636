#include "rpc/metrics/metrics.h"

#include <assert.h>

#define NS_PER_MS UINT64_C(1000000)

void metrics_call(struct metrics *m, size_t method, uint64_t took_ns)
{
    assert(method < METRICS_METHODS_MAX);
    histogram_add(&m->calls[method], &histogram_calls, took_ns);
}

void metrics_error(struct metrics *m, enum err err)
{
    assert((unsigned)err < ERR_COUNT);
    m->errors[err]++;
}

void metrics_refused(struct metrics *m, enum metrics_limit limit)
{
    m->refused[limit]++;
}

void metrics_http(struct metrics *m, unsigned status)
{
    size_t i = 0;

    while (m->http[i].status != 0 && m->http[i].status != status)
        if (++i == METRICS_HTTP_STATUSES)
            return;
    m->http[i].status = status;
    m->http[i].count++;
}

static bool lookup_of(enum event_kind kind, enum metrics_lookup *out)
{
    switch (kind) {
    case EVENT_GET:
        *out = METRICS_GET;
        return true;
    case EVENT_GATHER:
        *out = METRICS_GATHER;
        return true;
    case EVENT_PUT:
        *out = METRICS_PUT;
        return true;
    case EVENT_LOOKUP:
        *out = METRICS_LOOKUP;
        return true;
    case EVENT_PEERS:
        *out = METRICS_PEERS;
        return true;
    case EVENT_ANNOUNCE:
        *out = METRICS_ANNOUNCE;
        return true;
    case EVENT_QUERY:
        *out = METRICS_QUERY;
        return true;
    case EVENT_PING:
    case EVENT_DROPPED:
    case EVENT_LEFT:
    case EVENT_LISTEN:
    case EVENT_REPLY:
    case EVENT_REQUEST:
    case EVENT_COMMAND:
    case EVENT_WATCH:
    case EVENT_NEED_SIGNATURE:
        return false;
    }
    return false;
}

void metrics_event(struct metrics *m, const struct event *event)
{
    enum metrics_lookup lookup;

    if (event->err != ERR_CANCELLED && lookup_of(event->kind, &lookup))
        histogram_add(&m->lookups[lookup], &histogram_lookups, event->stats.ms * NS_PER_MS);
}
