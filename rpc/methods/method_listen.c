/* listen and unlisten: a key's changes, told to the client as they come. */
#include <inttypes.h>
#include <stdlib.h>

#include "rpc/dispatch.h"
#include "rpc/methods/method_files.h"
#include "rpc/methods/multi_name.h"
#include "rpc/methods/single.h"

static struct rpc_result fail_open(struct rpc_call *call, enum err err)
{
    if (err != ERR_BUSY)
        return rpc_fail(call, err, NULL);
    return rpc_fail(call, err,
                    "this daemon listens to as many keys as it can: %d, and to %d of them "
                    "for its read-only socket; end some of them",
                    NODE_LISTENS_MAX, FEEDS_READ_MAX);
}

static enum err open_view(const struct rpc_call *call, struct feed *feed, struct view **out)
{
    const struct view_key key = {.username = rpc_string(call, "username"),
                                 .resource = rpc_string(call, "resource"),
                                 .access = rpc_access_of(call)};
    return view_open(feed, &key, out);
}

static struct rpc_result fail_view(struct rpc_call *call, enum err err)
{
    if (err != ERR_BUSY)
        return rpc_fail(call, err, NULL);
    return rpc_fail(call, err, "this key is listened to under %u names; use one of them",
                    VIEWS_MAX);
}

static struct rpc_result follow(struct rpc_call *call, const struct feed_key *key)
{
    struct feed *feed;
    struct view *view;
    struct rpc_result result;
    enum err err = feed_open(&dispatch_of(call)->feeds, key, rpc_access_of(call), &feed);
    if (err != ERR_OK)
        return fail_open(call, err);
    err = open_view(call, feed, &view);
    struct follower *follower = calloc(1, sizeof *follower);
    if (err != ERR_OK || follower == NULL) {
        result = fail_view(call, err != ERR_OK ? err : ERR_NO_MEMORY);
    } else if (stream_open(call, &follower->stream, &follower_kind, &result)) {
        follower->since_unix_s = (uint64_t)rpc_int(call, "since");
        feed_join(feed, view, follower, rpc_bool(call, "replay"));
        return result;
    }
    free(follower);
    feed_release(feed, view);
    return result;
}

struct rpc_result method_listen(struct rpc_call *call)
{
    struct rpc_result refusal;
    struct multi_name multi;
    struct single single;
    if (multi_name_is_meant(call)) {
        if (!multi_name_of_call(call, &multi, &refusal))
            return refusal;
        return follow(call, &(struct feed_key){.kind = RECORD_MULTI, .target = multi.target});
    }
    if (!single_of_call(call, &single, &refusal))
        return refusal;
    return follow(call, &(struct feed_key){.kind = RECORD_SINGLE,
                                           .target = single.target,
                                           .k = single.key,
                                           .salt = single.salt});
}

struct rpc_result method_unlisten(struct rpc_call *call)
{
    int64_t sub = rpc_int(call, "sub");
    struct stream *stream = stream_find(call, &follower_kind, sub);
    if (stream == NULL)
        return rpc_fail(call, ERR_NO_SUCH_ID, "this connection has no listen %" PRId64, sub);
    stream_close(stream);
    return rpc_reply(call, json_true());
}
