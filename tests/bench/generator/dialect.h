// y-websocket's and Hocuspocus' messages: what is needed to take part, and no Yjs.
#pragma once
#include <stdint.h>

#include "buffer.h"

typedef enum { DIALECT_YWEBSOCKET, DIALECT_HOCUSPOCUS } Dialect;

typedef enum {
    MESSAGE_OTHER,
    MESSAGE_STEP1,
    MESSAGE_STEP2,
    MESSAGE_UPDATE,
    MESSAGE_AWARENESS,
    MESSAGE_AUTHENTICATED,
    MESSAGE_DENIED,
    MESSAGE_ACKNOWLEDGED,
} MessageKind;

typedef struct {
    MessageKind kind;
    const uint8_t *body;
    size_t length;
} Message;

// Where to is a Hocuspocus document's name; y-websocket has it in the URL.
typedef struct {
    Dialect dialect;
    const char *name;
} Address;

Message dialect_read(Dialect dialect, const uint8_t *bytes, size_t length);
void dialect_authenticate(Buffer *out, Address to, const char *token);
void dialect_step1(Buffer *out, Address to);
void dialect_empty_step2(Buffer *out, Address to);
void dialect_update(Buffer *out, Address to, const uint8_t *update, size_t length);
// One client's state: a name, a colour and `mark`, of about the size that editors send.
void dialect_awareness(Buffer *out, Address to, uint32_t client, uint32_t clock, const char *mark);
// The number in a "saved" message: how many of our sync messages are committed.
uint64_t dialect_acknowledged(const Message *message);
