// The one way out when there is no going on: a line on stderr, exit code 2.
#pragma once

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
