// What is to be done, as the harness says it on stdin: a word and its value on each line.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dialect.h"

#define MAX_ENTRANCES 4

typedef struct {
    int port;
    char *target;  // of the HTTP request
} Entrance;

typedef struct {
    char *name;
    int entrances;
    Entrance entrance[MAX_ENTRANCES];  // members take turns
} Document;

typedef struct {
    Dialect dialect;
    char *updates;     // file of edits for each writer
    char *fill;        // file of one update that each document gets before anybody joins
    uint32_t members;  // of each document
    uint32_t writers;  // of each document, the first of its members
    double rate;       // edits a second, of all writers together
    double awareness;  // states a second, of each member
    double warmup, seconds;
    double patience;  // seconds within which all must be synced
    double drain;     // seconds that the last edits may take
    uint32_t at_once;  // connections that are being opened at the same time
    bool is_silent;    // says and answers no sync: for servers that relay it to everybody
    uint32_t documents;
    Document *document;
} Plan;

Plan plan_read(void);
