// What makes an edit recognisable: `~`, two characters for the writer, four for its number.
// A cursor's mark is the same with `^`. In base 62, so that it is found in any encoding of text.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_LENGTH 7

typedef struct {
    uint32_t writer, number;
} Token;

void token_write(char *text, char sign, Token token);  // TOKEN_LENGTH characters and a zero
// The next token between `*at` and `end`; moves `*at` behind it.
bool token_find(const uint8_t **at, const uint8_t *end, char sign, Token *token);
