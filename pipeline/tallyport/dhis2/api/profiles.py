"""Profiles: where a server is, and by which credentials it is reached. From options, the environment, a file.

Each setting is taken from the first of the three that has it, but credentials are one thing: they come from one place,
and those of the file go to no other server than the one that they stand beside there.
"""

from __future__ import annotations

import base64
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from tallyport_converters.files.folders import settings_folder
from tallyport_schemas.finding import SourceUnreadable, finding

Scheme = Literal["basic", "token", "bearer"]
"""How a user logs in: name and password, a personal access token, or an OAuth2 bearer token."""

_PREFIXES = ("TALLYPORT_", "DHIS2_")
_SETTINGS = ("url", "username", "password", "token", "bearer", "timeout_s", "answer_timeout_s", "retries")
_SECRETS = ("username", "password", "token", "bearer")
_APP = re.compile(r"dhis-web-\w")
_PAGES = ("index.html", "index.action", "login", "login.html", "login.action")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Which user to log in as. The secret is in no text that is made of it."""

    scheme: Scheme
    secret: str = field(repr=False)
    username: str | None = None

    @property
    def header(self) -> str:
        """The `Authorization` header."""
        if self.scheme == "basic":
            pair = f"{self.username}:{self.secret}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        return f"{'ApiToken' if self.scheme == 'token' else 'Bearer'} {self.secret}"

    def redacted(self, text: str) -> str:
        """Return `text` without the secret, in whatever form it may stand there: servers repeat what they are sent."""
        for secret in (self.header.partition(" ")[2], self.secret):
            if secret:
                text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and how to reach it.

    `timeout_s` bounds connecting, and every wait for the next part of an answer. `answer_timeout_s` bounds the wait for
    the answer to a request that makes the server work, such as an import. `retries`: how often a request that may be
    repeated is repeated.
    """

    url: str
    credentials: Credentials | None = None
    name: str | None = None
    timeout_s: float = 60.0
    answer_timeout_s: float = 900.0
    retries: int = 3

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in _PORTS or not parts.hostname:
            shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
            raise ValueError(f"the server's URL is none: {shown}; write it as https://host/path")
        if parts.username or parts.password:
            raise ValueError("the server's URL holds credentials: give them apart, a URL is shown")
        base = urlunsplit((parts.scheme, parts.netloc, _base_path(parts.path), "", ""))
        if parts.query:  # it is not shown, as it may be a secret
            raise ValueError(f"the server's URL has something after its path: {base} is enough")
        if min(self.timeout_s, self.answer_timeout_s) <= 0 or self.retries < 0:
            raise ValueError("timeouts are more than 0 seconds, retries not fewer than 0")
        object.__setattr__(self, "url", base)

    def redacted(self, text: str) -> str:
        """Return `text` without the secret, which servers may repeat."""
        return self.credentials.redacted(text) if self.credentials else text


def _base_path(path: str) -> str:
    """Return the part of a path under which a server lies: what comes before its API or its pages.

    The API is the last `api`: a gateway may have one before that.

    >>> _base_path("/dhis/api/40/dataValueSets"), _base_path("/dhis-web-dashboard/index.html"), _base_path("/hmis/")
    ('/dhis', '', '/hmis')
    """
    names = [name for name in path.split("/") if name]
    if "api" in names:
        names = names[: len(names) - 1 - names[::-1].index("api")]
    names = names[: next((at for at, name in enumerate(names) if _APP.match(name)), None)]
    while names and names[-1] in _PAGES:
        names.pop()
    return "".join(f"/{name}" for name in names)


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL.

    >>> origin("https://Play.dhis2.org/dev")
    ('https', 'play.dhis2.org', 443)
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def find_profile(
    name: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Profile:
    """Return the profile that options, the environment and the file make together, in this order of precedence.

    `name` is a profile of the file, or a URL; default `TALLYPORT_PROFILE`, then the file's `default`. `options` are
    url, username, password, token, bearer, timeout_s, answer_timeout_s, retries; None counts as not given. In the
    environment they are `TALLYPORT_URL` and so on, else `DHIS2_URL` and so on. The file is the one that
    `TALLYPORT_PROFILES` names, or in the platform's folder for settings.

    Raises:
        ValueError: there is no such profile, or it makes no sense.
        SourceUnreadable: TP862, the file cannot be read.
    """
    environment = os.environ if environment is None else environment
    given = {key: value for key, value in options.items() if value is not None}
    if strange := given.keys() - set(_SETTINGS):
        raise ValueError(f"unknown settings: {', '.join(sorted(strange))}")
    around = _from_environment(environment)
    name = name or environment.get("TALLYPORT_PROFILE") or None
    if name and "://" in name:
        given, name = {"url": name} | given, None
    path = Path(file or os.environ.get("TALLYPORT_PROFILES") or settings_folder() / "profiles.toml")
    stored, name = _from_file(path, name, needs_one="url" not in given and "url" not in around)
    url = given.get("url") or around.get("url") or stored.get("url")
    if not url:
        where = f"the profile {name} of {path.name}" if stored else "no option, environment or file"
        raise ValueError(f"{where} names a server: give --profile or --url, or set TALLYPORT_URL")
    credentials = _credentials(given, "the options") or _credentials(around, "the environment")
    if credentials is None and stored:
        credentials = _credentials(stored, f"the profile {name}")
        if credentials and origin(url) != origin(str(stored.get("url", ""))):
            raise ValueError(
                f"the credentials of the profile {name} are for {stored.get('url')}, not for another server: "
                "give others for this one"
            )
    merged = stored | around | given
    numbers: dict[str, Any] = {}
    for key, kind in (("timeout_s", float), ("answer_timeout_s", float), ("retries", int)):
        if key in merged:
            try:
                numbers[key] = kind(merged[key])
            except (TypeError, ValueError):
                raise ValueError(f"{key} is no number") from None
    return Profile(str(url), credentials, name, **numbers)


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the environment; those of one prefix do not complete the credentials of the other."""
    found: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for prefix in _PREFIXES:
        own = {key: environment[prefix + key.upper()] for key in _SETTINGS if environment.get(prefix + key.upper())}
        who: dict[str, str] = {key: own.pop(key) for key in _SECRETS if key in own}
        found = own | found
        secrets = secrets or who
    return found | secrets


def _from_file(path: Path, name: str | None, *, needs_one: bool) -> tuple[dict[str, Any], str | None]:
    """Return a profile's settings and name; nothing where none is asked for and none is needed."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if name:
            raise ValueError(f"there is no profile {name}: there is no file {path}") from None
        return {}, None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # What is wrong is said without the line itself, which may hold a secret.
        reason = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise SourceUnreadable(finding("TP862", source=path.name, found=reason)) from None
    profiles = document.get("profiles", {})
    name = name or (document.get("default") if needs_one else None)
    if name is None:
        return {}, None
    settings = profiles.get(name) if isinstance(profiles, dict) else None
    if not isinstance(settings, dict):
        known = ", ".join(sorted(profiles)) if isinstance(profiles, dict) and profiles else "none"
        raise ValueError(f"there is no profile {name} in {path.name}; there are: {known}")
    if strange := settings.keys() - set(_SETTINGS):
        raise ValueError(f"unknown settings in the profile {name}: {', '.join(sorted(strange))}")
    return settings, name


def _credentials(settings: Mapping[str, Any], place: str) -> Credentials | None:
    """Return the credentials that settings give, of one kind."""
    texts = {key: settings[key] for key in _SECRETS if settings.get(key)}
    if strange := [key for key, text in texts.items() if not isinstance(text, str) or not text.isprintable()]:
        raise ValueError(f"{place}: {', '.join(strange)} is no printable text")
    kinds = [kind for kind, keys in _KINDS.items() if texts.keys() & keys]
    if not kinds:
        return None
    if len(kinds) > 1:
        raise ValueError(f"{place} hold several credentials: give name and password, or one token")
    (kind,) = kinds
    if kind != "basic":
        if not texts[kind].isascii():
            raise ValueError(f"{place}: {kind} holds characters that no token has")
        return Credentials(kind, texts[kind].strip())
    for key in sorted(_KINDS["basic"] - texts.keys()):
        raise ValueError(f"{place} lack the {key}")
    return Credentials("basic", texts["password"], texts["username"])


_KINDS: Mapping[Scheme, frozenset[str]] = {
    "basic": frozenset({"username", "password"}),
    "token": frozenset({"token"}),
    "bearer": frozenset({"bearer"}),
}
