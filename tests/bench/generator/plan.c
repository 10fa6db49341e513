#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

static void add_document(Plan *plan, char *rest) {
    plan->document = realloc(plan->document, (plan->documents + 1) * sizeof(Document));
    Document *document = &plan->document[plan->documents++];
    *document = (Document){.name = strdup(strsep(&rest, " "))};
    while (rest && document->entrances < MAX_ENTRANCES) {
        Entrance *entrance = &document->entrance[document->entrances++];
        entrance->port = atoi(strsep(&rest, " "));
        if (!rest) fail("a document's port without its target");
        entrance->target = strdup(strsep(&rest, " "));
    }
    if (!document->entrances) fail("a document without an entrance");
}

static void take(Plan *plan, const char *word, char *value) {
    if (!strcmp(word, "dialect"))
        plan->dialect = strcmp(value, "hocuspocus") ? DIALECT_YWEBSOCKET : DIALECT_HOCUSPOCUS;
    else if (!strcmp(word, "updates")) plan->updates = strdup(value);
    else if (!strcmp(word, "fill")) plan->fill = strdup(value);
    else if (!strcmp(word, "members")) plan->members = atoi(value);
    else if (!strcmp(word, "writers")) plan->writers = atoi(value);
    else if (!strcmp(word, "rate")) plan->rate = atof(value);
    else if (!strcmp(word, "awareness")) plan->awareness = atof(value);
    else if (!strcmp(word, "warmup")) plan->warmup = atof(value);
    else if (!strcmp(word, "seconds")) plan->seconds = atof(value);
    else if (!strcmp(word, "patience")) plan->patience = atof(value);
    else if (!strcmp(word, "drain")) plan->drain = atof(value);
    else if (!strcmp(word, "at_once")) plan->at_once = atoi(value);
    else if (!strcmp(word, "silent")) plan->is_silent = atoi(value);
    else if (!strcmp(word, "document")) add_document(plan, value);
    else fail("what is %s?", word);
}

Plan plan_read(void) {
    Plan plan = {.members = 1, .patience = 60, .drain = 20, .at_once = 20};
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *rest = line;
        rest[strcspn(rest, "\n")] = 0;
        char *word = strsep(&rest, " ");
        if (*word) take(&plan, word, rest ? rest : "");
    }
    free(line);
    if (!plan.documents) fail("no document");
    if (plan.writers > plan.members) fail("more writers than members");
    if (plan.rate > 0 && (!plan.writers || !plan.updates)) fail("a rate without writers or updates");
    return plan;
}
