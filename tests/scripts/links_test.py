"""Relative links in the Markdown files lead somewhere: to a file or folder, and to a heading where they name one."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def markdown_files():
    """All but those of build folders, hidden ones and modules of npm."""
    for path in sorted(ROOT.rglob("*.md")):
        parts = path.relative_to(ROOT).parts
        if not parts[0].startswith((".", "build")) and "node_modules" not in parts:
            yield path


def prose(path):
    """The text without code blocks: a # there is a comment, not a heading."""
    return CODE.sub("", path.read_text(encoding="utf-8"))


def anchor(heading):
    """As GitHub makes it: lower case, blanks to hyphens, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(path):
    """What is wrong with the links of one file."""
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        if not other.exists():
            yield f"{path.relative_to(ROOT)}: {target}: no such file"
        elif fragment and fragment not in map(anchor, HEADING.findall(prose(other))):
            yield f"{path.relative_to(ROOT)}: {target}: no such heading"


class Links(unittest.TestCase):
    def test_relative_links_exist(self):
        files = list(markdown_files())
        self.assertIn(ROOT / "README.md", files)
        self.assertEqual([text for path in files for text in broken(path)], [])

    def test_anchors(self):
        self.assertEqual(anchor("Start-up, stop and memory"), "start-up-stop-and-memory")
        self.assertEqual(anchor("`[node]`"), "node")


if __name__ == "__main__":
    unittest.main()
