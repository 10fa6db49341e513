// The least that a server can do: sends each binary frame to everybody else, and nothing more.
//
// What the generator reaches with it is the generator's own ceiling. Everybody is in one room.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "fail.h"

#define MOST 65536

static const char switching[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
static Buffer in[MOST], out[MOST];
static int is_open[MOST], opened[MOST], count;  // is_open: its handshake is done
static uint8_t received[1 << 18];

static void flush(int fd) {
    while (out[fd].length) {
        ssize_t sent = send(fd, out[fd].bytes, out[fd].length, MSG_NOSIGNAL);
        if (sent < 0) return;
        buffer_consume(&out[fd], sent);
    }
}

static void relay(int from, const uint8_t *payload, size_t length) {
    uint8_t header[4] = {0x82, length, 0, 0};
    size_t size = 2;
    if (length > 125) {
        header[1] = 126;
        header[2] = length >> 8;
        header[3] = length;
        size = 4;
    }
    for (int i = 0; i < count; i++) {
        if (opened[i] == from) continue;
        buffer_append(&out[opened[i]], header, size);
        buffer_append(&out[opened[i]], payload, length);
    }
}

// Frames of our generator: masked with zeros, below 64 KB.
static size_t take_frame(int fd, const uint8_t *bytes, size_t length) {
    size_t header = 6, payload = length > 1 ? bytes[1] & 0x7f : 0;
    if (length > 3 && payload == 126) {
        payload = (size_t)bytes[2] << 8 | bytes[3];
        header = 8;
    }
    if (length < header + payload) return 0;
    if ((bytes[0] & 0x0f) == 2) relay(fd, bytes + header, payload);
    return header + payload;
}

static void leave(int fd) {
    for (int i = 0; i < count; i++)
        if (opened[i] == fd) opened[i--] = opened[--count];
    is_open[fd] = 0;
    buffer_free(&in[fd]);
    buffer_free(&out[fd]);
    close(fd);
}

static void hear(int fd) {
    ssize_t length = recv(fd, received, sizeof received, 0);
    if (length <= 0) {
        if (length == 0 || errno != EAGAIN) leave(fd);
        return;
    }
    buffer_append(&in[fd], received, length);
    if (!is_open[fd]) {
        if (!memmem(in[fd].bytes, in[fd].length, "\r\n\r\n", 4)) return;
        buffer_free(&in[fd]);
        is_open[fd] = 1;
        opened[count++] = fd;
        buffer_append(&out[fd], switching, sizeof switching - 1);
        return;
    }
    size_t at = 0, used;
    while ((used = take_frame(fd, in[fd].bytes + at, in[fd].length - at))) at += used;
    if (at) buffer_consume(&in[fd], at);
}

int main(int argc, char **argv) {
    if (argc != 2) fail("reflector PORT");
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons(atoi(argv[1])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 4096))
        fail("cannot listen: %s", strerror(errno));
    struct epoll_event event = {EPOLLIN, {.fd = listener}}, events[512];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, 512, 5);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                hear(events[i].data.fd);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0 || fd >= MOST) continue;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            event = (struct epoll_event){EPOLLIN, {.fd = fd}};
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        }
        // All that came in this turn goes out together.
        for (int i = 0; i < count; i++) flush(opened[i]);
    }
}
