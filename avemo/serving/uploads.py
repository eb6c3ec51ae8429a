"""Files out of a request's body, written to the spool as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message as Headers

from .asgi import Receive, Scope, header
from .refusal import Refusal, hung_up
from .spool import Spool, SpooledFile

__all__ = ["ReceivedForm", "Upload", "body_chunks", "read_body", "receive_files", "receive_form"]

#: of a part's headers, in bytes
_MAX_HEADERS = 8192
#: of the fields that are no files, together, in bytes
_MAX_FIELDS = 65_536
_NO_MEDIA = ("application/json", "application/x-www-form-urlencoded", "text/")


@dataclass(frozen=True)
class Upload:
    """A file that a client sent.

    Args:
        name: as the client calls it, else its number in the request
        file: its content
    """

    name: str
    file: SpooledFile


@dataclass(frozen=True)
class ReceivedForm:
    """What a client sent.

    Args:
        uploads: its files
        fields: the other fields that were asked for, by name
    """

    uploads: list[Upload]
    fields: dict[str, str]

    def flag(self, name: str, default: bool) -> bool:
        """Return whether a field says yes.

        Args:
            name: of the field
            default: where there is no such field

        Raises:
            Refusal: it says neither yes nor no
        """
        text = self.fields.get(name, "").strip().lower()
        if text in ("true", "1", "yes", "on"):
            return True
        if text in ("false", "0", "no", "off"):
            return False
        if text:
            message = f"the field {name} is {text[:20]!r}: true or false is expected"
            raise Refusal(422, "parameter", message)
        return default


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a request's body as it arrives.

    Raises:
        Refusal: the client hung up before its end
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise hung_up()
        more = message.get("more_body", False)
        if body := message.get("body", b""):
            yield body


async def read_body(receive: Receive) -> bytes:
    """Return a request's whole body, whose size was limited before.

    Raises:
        Refusal: the client hung up before its end
    """
    return b"".join([chunk async for chunk in body_chunks(receive)])


async def receive_files(
    scope: Scope, receive: Receive, spool: Spool, files: ExitStack, *, max_files: int
) -> list[Upload]:
    """Return the files of a request: of a form (multipart) those that it holds, else the body.

    Args:
        scope: of the request
        receive: its body
        spool: where the files go
        files: deletes them when it is closed
        max_files: in a form

    Raises:
        Refusal: there is no file, there are too many, or the form is damaged
    """
    return (await receive_form(scope, receive, spool, files, max_files=max_files)).uploads


async def receive_form(
    scope: Scope,
    receive: Receive,
    spool: Spool,
    files: ExitStack,
    *,
    max_files: int,
    fields: Collection[str] = (),
) -> ReceivedForm:
    """Return the files of a request, as `receive_files` does, and other fields of its form.

    Args:
        scope: of the request
        receive: its body
        spool: where the files go
        files: deletes them when it is closed
        max_files: in a form
        fields: names of those that are wanted; others are not kept

    Raises:
        Refusal: there is no file, there is too much, or the form is damaged
    """
    values: dict[str, str] = {}
    kind = (header(scope, "content-type") or "").lower()
    if kind.startswith("multipart/form-data"):
        boundary = _boundary(kind, header(scope, "content-type") or "")
        form = _Form(boundary, spool, files, max_files, fields)
        async for chunk in body_chunks(receive):
            form.feed(chunk)
        uploads, values = form.finish()
    elif kind.startswith(_NO_MEDIA):
        raise Refusal(
            415,
            "content-type",
            f"{kind.partition(';')[0]} is no media: send a file as the body, or as a form "
            "(multipart/form-data); JSON goes to /invocations or /v2",
            close=True,
        )
    else:
        file = files.enter_context(spool.new_file())
        async for chunk in body_chunks(receive):
            file.write(chunk)
        file.finish()
        uploads = [Upload("1", file)]
    if not uploads:
        raise Refusal(422, "no-file", "the form holds no file: send one or more, with a file name")
    return ReceivedForm(uploads, values)


class _Form:
    """A form in parts, of which files are kept, and of the other fields those that are wanted."""

    def __init__(
        self,
        boundary: bytes,
        spool: Spool,
        files: ExitStack,
        max_files: int,
        wanted: Collection[str],
    ) -> None:
        from python_multipart.multipart import MultipartParser

        self._spool, self._files, self._max_files = spool, files, max_files
        self._wanted = frozenset(wanted)
        self._uploads: list[Upload] = []
        self._values: dict[str, bytearray] = {}
        self._value_of = ""  # the field that is being read
        self._headers = Headers()
        self._field, self._value = b"", b""
        self._file: SpooledFile | None = None
        self._header_bytes = 0
        self._complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_field,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._open,
                "on_part_data": self._write,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            Refusal: they are no form
        """
        from python_multipart.exceptions import MultipartParseError

        try:
            self._parser.write(chunk)
        except MultipartParseError:
            raise _damaged() from None

    def finish(self) -> tuple[list[Upload], dict[str, str]]:
        """Return the files and the fields, once all bytes are there.

        Raises:
            Refusal: the form does not end, or a field is no text
        """
        if not self._complete:
            raise _damaged()
        try:
            return self._uploads, {name: value.decode() for name, value in self._values.items()}
        except UnicodeDecodeError:
            raise _damaged() from None

    def _begin(self) -> None:
        self._headers, self._header_bytes = Headers(), 0

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.decode("latin-1")] = self._value.decode("utf-8", "replace")
        self._field = self._value = b""

    def _open(self) -> None:
        name = self._headers.get_filename()
        if name is None:
            field = self._headers.get_param("name", header="content-disposition")
            self._value_of = field if isinstance(field, str) and field in self._wanted else ""
            if self._value_of:
                self._values[self._value_of] = bytearray()  # the last of several counts
            return
        if len(self._uploads) == self._max_files:
            message = f"more than {self._max_files} files: send them in several requests"
            raise Refusal(413, "too-many-files", message, close=True)
        self._file = self._files.enter_context(self._spool.new_file())
        self._uploads.append(Upload(name or str(len(self._uploads) + 1), self._file))

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])
        elif self._value_of:
            self._values[self._value_of] += data[start:end]
            if sum(map(len, self._values.values())) > _MAX_FIELDS:
                message = f"the fields {', '.join(self._values)} are too long"
                raise Refusal(413, "too-large", message, close=True)

    def _end(self) -> None:
        if self._file:
            self._file.finish()
        self._file, self._value_of = None, ""

    def _finish(self) -> None:
        self._complete = True

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _MAX_HEADERS:
            raise _damaged()


def _boundary(kind: str, content_type: str) -> bytes:
    """Return what stands between the parts of a form."""
    headers = Headers()
    headers["content-type"] = content_type
    boundary = headers.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 70:
        raise Refusal(400, "form", f"{kind[:40]} names no boundary of its parts", close=True)
    return boundary.encode("latin-1", "replace")


def _damaged() -> Refusal:
    return Refusal(400, "form", "the form (multipart/form-data) is damaged", close=True)
