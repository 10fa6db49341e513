"""``manage.py serve`` in which some Markdown takes a minute to read, as anybody's might."""

import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")
sys.path.insert(0, os.getcwd())

from django.core.management import execute_from_command_line

from documents.formats import markdown
from documents.formats.blocks import Block

SLOW = "a word that takes its time"
_from_markdown = markdown.from_markdown


def from_markdown(text: str) -> list[Block]:
    if SLOW in text:
        time.sleep(60)
    return _from_markdown(text)


markdown.from_markdown = from_markdown

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "serve", *sys.argv[1:]])
