"""The API, one file for each router. A package, so that files may be named like those beside it."""
