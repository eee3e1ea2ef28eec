"""Reading an HTML page back."""

from html.parser import HTMLParser

VOID = {"meta", "br", "input"}


class Reader(HTMLParser):
    """Checks that elements close in order; collects their names, attributes and text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Marks(Reader):
    """Collects a page of names: the text of each section, and the names as (text, label, title)."""

    def __init__(self, content: str) -> None:
        self.sections: list[str] = []
        self.marks: list[tuple[str, str | None, str | None]] = []
        super().__init__(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "section":
            self.sections.append("")
        if tag == "mark":
            given_ = dict(attrs)
            self.marks.append(("", given_["data-label"], given_["title"]))

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        if "p" in self.open and "section" in self.open:
            self.sections[-1] += data
        if "mark" in self.open:
            text, *rest = self.marks.pop()
            self.marks.append((text + data, *rest))
