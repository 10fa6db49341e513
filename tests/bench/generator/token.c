#include "token.h"

#include <string.h>

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static int value_of(uint8_t character) {
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'A' && character <= 'Z') return character - 'A' + 10;
    if (character >= 'a' && character <= 'z') return character - 'a' + 36;
    return -1;
}

static void write_number(char *text, int length, uint32_t number) {
    for (; length--; number /= 62) text[length] = digits[number % 62];
}

static bool read_number(const uint8_t *text, int length, uint32_t *number) {
    *number = 0;
    for (int i = 0; i < length; i++) {
        int value = value_of(text[i]);
        if (value < 0) return false;
        *number = *number * 62 + value;
    }
    return true;
}

void token_write(char *text, char sign, Token token) {
    text[0] = sign;
    write_number(text + 1, 2, token.writer);
    write_number(text + 3, 4, token.number);
    text[TOKEN_LENGTH] = 0;
}

bool token_find(const uint8_t **at, const uint8_t *end, char sign, Token *token) {
    while (end - *at >= TOKEN_LENGTH) {
        const uint8_t *found = memchr(*at, sign, end - *at - TOKEN_LENGTH + 1);
        if (!found) break;
        *at = found + 1;
        if (read_number(found + 1, 2, &token->writer) && read_number(found + 3, 4, &token->number)) {
            *at = found + TOKEN_LENGTH;
            return true;
        }
    }
    *at = end;
    return false;
}
