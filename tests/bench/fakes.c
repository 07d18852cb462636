#include "tests/bench/fakes.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"

#define GREET_MS    200 /* between two rounds of greetings */
#define GREET_TIMES 10  /* by then the table has taken whom it takes */
#define RNG_NUMBER  11

struct fakes {
    struct sockaddr_in daemon;
    struct pollfd sockets[FAKES_COUNT];
    struct id ids[FAKES_COUNT];
};

static void open_fake(struct fakes *fakes, size_t index)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000100u + (uint32_t)index)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
        report_fail("no socket for a fake node");
    fakes->sockets[index] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void send_message(struct fakes *fakes, size_t index, struct krpc *message)
{
    uint8_t packet[KRPC_PACKET_MAX];
    struct wire_writer w;
    wire_writer_init(&w, packet, sizeof(packet));
    message->has_id = true;
    message->id = fakes->ids[index];
    krpc_write(&w, message);
    sendto(fakes->sockets[index].fd, packet, w.used, 0, (struct sockaddr *)&fakes->daemon,
           sizeof(fakes->daemon));
}

static void greet(struct fakes *fakes)
{
    for (size_t i = 0; i < FAKES_COUNT; i++) {
        struct krpc ping = {.type = KRPC_QUERY, .method = KRPC_PING, .t = bytes_of_string("ping")};
        send_message(fakes, i, &ping);
    }
}

static void answer(struct fakes *fakes, size_t index)
{
    uint8_t packet[KRPC_PACKET_MAX];
    ssize_t size;
    while ((size = recv(fakes->sockets[index].fd, packet, sizeof(packet), 0)) > 0) {
        struct krpc query;
        if (krpc_parse(bytes_of(packet, (size_t)size), &query) != ERR_OK ||
            query.type != KRPC_QUERY)
            continue;
        struct krpc reply = {.type = KRPC_RESPONSE, .t = query.t, .nodes = bytes_of_string("")};
        send_message(fakes, index, &reply);
    }
}

static void serve(struct fakes *fakes)
{
    uint64_t greeted_ns = 0;
    for (unsigned greeted = 0;;) {
        if (greeted < GREET_TIMES && report_now_ns() - greeted_ns > GREET_MS * 1000000u) {
            greeted++;
            greeted_ns = report_now_ns();
            greet(fakes);
        }
        if (poll(fakes->sockets, FAKES_COUNT, greeted < GREET_TIMES ? GREET_MS : -1) <= 0)
            continue;
        for (size_t i = 0; i < FAKES_COUNT; i++) {
            if (fakes->sockets[i].revents != 0)
                answer(fakes, i);
        }
    }
}

pid_t fakes_start(const struct id *daemon_id, uint16_t daemon_port, int core)
{
    static struct fakes fakes;
    struct rng rng;
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    process_pin_self(core);
    rng_init_number(&rng, RNG_NUMBER);
    fakes.daemon = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons(daemon_port)};
    for (size_t i = 0; i < FAKES_COUNT; i++) {
        open_fake(&fakes, i);
        id_random_at(&fakes.ids[i], daemon_id, (unsigned)(i / FAKES_EACH), &rng);
    }
    serve(&fakes);
    _exit(0);
}

void fakes_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
