// The client's side of RFC 6455, without a socket: bytes in, frames out.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum { FRAME_CONTINUES = 0, FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9,
       FRAME_PONG = 10 };

typedef struct {
    int opcode;
    bool is_final;
    const uint8_t *payload;
    size_t length;
    size_t size;  // of the whole frame, header included
} Frame;

void websocket_request(Buffer *out, const char *host, int port, const char *target);
// The length of a complete answer to the handshake, 0 if there is more to come. Sets its status.
size_t websocket_answer(const uint8_t *bytes, size_t length, int *status);
// Whether a frame begins there, of which the payload may not have come yet.
bool websocket_read_head(const uint8_t *bytes, size_t length, Frame *frame);
void websocket_write_frame(Buffer *out, int opcode, const void *payload, size_t length);
