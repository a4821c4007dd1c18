/*
 * recv as libmicrohttpd calls it. A program's own function goes before the C library's, for shared libraries, too.
 *
 * libmicrohttpd reads into the connection's memory, which must be small (http.c), and shows each piece to on_request, which
 * would copy it: of a megabyte that was a fifth of a millisecond, and 40 system calls another tenth. Here the kernel puts a
 * body of known length behind what is there of it, in long strides, and libmicrohttpd is told of as many bytes as it had
 * room for, without getting them: it does not look at a body whose length is known, it passes it on, and
 * request_append knows which bytes it has already.
 *
 * libmicrohttpd takes an answer of fewer bytes than it asked for as a sign that the socket is empty, and waits for the next
 * packet. So fewer are told only when the kernel had fewer, and the last piece of a body takes the usual way: behind it
 * the next request may be waiting. An end of the stream that comes to light meanwhile is the watchdog's to find, as it is
 * elsewhere.
 */
#include "server/receive.h"

#include "server/request.h"

#include "lib/base/checked.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

/* Of descriptors beyond it, bodies are copied. */
enum { MOST_DESCRIPTORS = 1 << 16 };

/* A stride, for which other connections of the thread wait: some 0.03 ms. With 64 KiB 8 % fewer large requests were answered,
 * with 1 MiB as many. */
enum { STRIDE_BYTES = 256 * 1024 };

static _Atomic(struct request *) request_of[MOST_DESCRIPTORS];

void receive_open(int fd, struct request *request) {
    if (fd >= 0 && fd < MOST_DESCRIPTORS)
        atomic_store_explicit(&request_of[fd], request, memory_order_relaxed);
}

void receive_close(int fd) {
    receive_open(fd, NULL);
}

/* Tells of up to `bytes` that lie in their place. */
static ssize_t tell(struct request *request, size_t bytes) {
    size_t told = min_size(bytes, request->ahead_bytes);
    request->ahead_bytes -= told;
    request->told_bytes += told;
    return (ssize_t)told;
}

static ssize_t receive(int fd, struct request *request, char *buffer, size_t bytes) {
    size_t ahead = request->ahead_bytes;
    if (ahead >= bytes)
        return tell(request, bytes);
    size_t room;
    char *end = request_room(request, &room);
    if (room / 2 > bytes) {
        size_t stride = min_size(room - bytes, STRIDE_BYTES);
        ssize_t got = recvfrom(fd, end, stride, 0, NULL, NULL);
        if (got <= 0 && ahead == 0)
            return got;
        request->ahead_bytes += got > 0 ? (size_t)got : 0;
        return tell(request, bytes);
    }
    ssize_t got = recvfrom(fd, buffer + ahead, bytes - ahead, 0, NULL, NULL);
    if (got <= 0 && ahead == 0)
        return got;
    request->undelivered = true;
    return tell(request, ahead) + (got > 0 ? got : 0);
}

ssize_t recv(int fd, void *buffer, size_t bytes, int flags) {
    struct request *request = NULL;
    if (fd >= 0 && fd < MOST_DESCRIPTORS && flags == 0)
        request = atomic_load_explicit(&request_of[fd], memory_order_relaxed);
    if (request == NULL)
        return recvfrom(fd, buffer, bytes, flags, NULL, NULL);
    return receive(fd, request, buffer, bytes);
}
