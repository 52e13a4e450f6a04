"""Build the documentation as web pages: python docs/build.py FOLDER

The API reference comes from the docstrings, by pdoc, and the other pages from docs/*.md. What
pdoc warns of is an error here, and so is a link that leads nowhere.
"""

import importlib
import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pdoc.doc
import pdoc.render
from pdoc.render_helpers import to_html

from nutgraf.errors import DataError, NutgrafError
from nutgraf.files import atomic_folder

MODULES = ("nutgraf", "nutgraf.corpus", "nutgraf.sklearn", "nutgraf.spacy")
"""What is public: everything else in the package may change without notice."""

LINK = re.compile(r'(?<=<a href=")[^"]*')
"""Where a link leads to, in HTML that Markdown was turned into."""

SOURCE = Path(__file__).resolve().parent


def main(arguments: Sequence[str]) -> int:
    """Run the script and return its exit status."""
    if len(arguments) != 1:
        print("usage: python docs/build.py FOLDER", file=sys.stderr)
        return 2
    try:
        build(Path(arguments[0]).resolve())
    except (NutgrafError, UserWarning) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"documentation written to {Path(arguments[0]) / 'index.html'}")
    return 0


def build(folder: Path) -> None:
    """Write all pages to a folder, which appears whole or not at all.

    Raises:
        DataError: for links that lead nowhere.
        UserWarning: for what pdoc warns of.
    """
    for name in MODULES:
        importlib.import_module(name)  # what other packages warn of when imported is not ours
    sources = page_sources()
    pdoc.render.configure(docformat="google", template_directory=SOURCE / "template")
    pdoc.render.env.globals["pages"] = {file.stem: title_of(file) for file in sources}
    pdoc.render.env.globals["modules"] = MODULES
    with warnings.catch_warnings(), atomic_folder(folder) as new:
        warnings.simplefilter("error", UserWarning)
        write_reference(new)
        pages = [new / f"{file.stem}.html" for file in sources]
        for file, page in zip(sources, pages, strict=True):
            page.write_text(render_page(file, new), encoding="utf-8")
        if problems := dead_links(pages):
            raise DataError("\n".join(problems))


def page_sources() -> list[Path]:
    """The Markdown pages, the index first."""
    return sorted(SOURCE.glob("*.md"), key=lambda file: (file.stem != "index", file.stem))


def title_of(file: Path) -> str:
    """The first heading of a Markdown page."""
    first = file.read_text(encoding="utf-8").split("\n", 1)[0]
    if not first.startswith("# "):
        raise DataError(f"{file}:1: expected a heading")
    return first[2:]


def write_reference(folder: Path) -> None:
    """Write a page for each public module, and the index that the search box uses."""
    modules = {name: pdoc.doc.Module.from_name(name) for name in MODULES}
    for name, module in modules.items():
        file = folder / f"{name.replace('.', '/')}.html"
        file.parent.mkdir(exist_ok=True)
        file.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")


def render_page(file: Path, folder: Path) -> str:
    """A Markdown page as HTML; its links lead to pages beside it and files in the checkout."""
    body = to_html(file.read_text(encoding="utf-8"))
    return pdoc.render.env.get_template("page.html.jinja2").render(
        title=title_of(file),
        contents=getattr(body, "toc_html", ""),
        body=LINK.sub(lambda match: link(match.group(), folder), body),
    )


def link(target: str, folder: Path) -> str:
    """Where a link of a Markdown page leads to from a page in `folder`."""
    parts = urlsplit(target)
    if parts.scheme or not parts.path:
        return target
    file = Path(os.path.normpath(SOURCE / parts.path))
    if file.parent == SOURCE and file.suffix == ".md":
        return parts._replace(path=f"{file.stem}.html").geturl()
    return parts._replace(path=os.path.relpath(file, folder)).geturl()


def dead_links(pages: Sequence[Path]) -> list[str]:
    """One line for each link of some HTML pages to a file or a heading that is not there."""
    problems = []
    for page in pages:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            parts = urlsplit(target)
            goal = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
            if parts.scheme:
                continue
            if not goal.exists() or (parts.fragment and parts.fragment not in anchors(goal)):
                problems.append(f"{page.name}: dead link {target}")
    return problems


def anchors(page: Path) -> list[str]:
    """The names in a page, HTML or Markdown, that a link can lead to."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r' id="([^"]*)"', to_html(text) if page.suffix == ".md" else text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
