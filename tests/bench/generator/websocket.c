#include "websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void websocket_request(Buffer *out, const char *host, int port, const char *target) {
    char request[2048];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: bm90IGEgc2VjcmV0IGtleQ==\r\n\r\n",
                          target, host, port);
    buffer_append(out, request, length);
}

size_t websocket_answer(const uint8_t *bytes, size_t length, int *status) {
    const uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end || length < 12) return 0;
    *status = atoi((const char *)bytes + 9);
    return end + 4 - bytes;
}

bool websocket_read_head(const uint8_t *bytes, size_t length, Frame *frame) {
    if (length < 2) return false;
    size_t header = 2, payload = bytes[1] & 0x7f;
    if (payload == 126) {
        if (length < 4) return false;
        payload = (size_t)bytes[2] << 8 | bytes[3];
        header = 4;
    } else if (payload == 127) {
        if (length < 10) return false;
        payload = 0;
        for (int i = 2; i < 10; i++) payload = payload << 8 | bytes[i];
        header = 10;
    }
    if (length < header) return false;
    *frame = (Frame){bytes[0] & 0x0f, bytes[0] & 0x80, bytes + header, payload, header + payload};
    return true;
}

void websocket_write_frame(Buffer *out, int opcode, const void *payload, size_t length) {
    // Masked, as clients must, with a key of zeros: nothing to compute.
    uint8_t header[14] = {0x80 | opcode};
    size_t size = 2;
    if (length < 126) {
        header[1] = 0x80 | length;
    } else if (length < 65536) {
        header[1] = 0x80 | 126;
        header[2] = length >> 8;
        header[3] = length;
        size = 4;
    } else {
        header[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++) header[2 + i] = length >> (56 - 8 * i);
        size = 10;
    }
    buffer_append(out, header, size + 4);
    buffer_append(out, payload, length);
}
