"""A labelled article for people to read: in a terminal, as a web page and in a notebook."""

from nutgraf.render.fragment import to_fragment
from nutgraf.render.page import to_html
from nutgraf.render.terminal import printable, to_terminal

__all__ = ["printable", "to_fragment", "to_html", "to_terminal"]
