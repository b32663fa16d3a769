"""Calls that are not answered: codes of three levels (the platform's, any provider's, one department's own)."""

from __future__ import annotations

from rongqiao.contracts.documents import document


class CallError(Exception):
    """A call that is not answered; ``code`` stands in ``catalog/interface_codes.yaml``."""

    def __init__(self, code: str, detail: str, **headers: str) -> None:
        super().__init__(code)
        self.code, self.detail, self.headers = code, detail, headers

    @property
    def status(self) -> int:
        """HTTP status."""
        return int(document("interface_codes")[self.code]["status"])

    def body(self, source: str) -> dict[str, str]:
        """Body of the answer: code, title, detail and whose error it is."""
        entry = document("interface_codes")[self.code]
        level = entry["level"]
        return {
            "code": f"{level}.{self.code}",
            "title": entry["title"],
            "detail": self.detail,
            "source": source if level != "platform" else "platform",
        }


def codes_of_maintenance(provider: str) -> dict[str, str]:
    """Codes, with titles, by which a department may announce maintenance: the general one and its own."""
    return {
        code: entry["title"]
        for code, entry in document("interface_codes").items()
        if code == "maintenance" or entry["level"] == provider
    }
