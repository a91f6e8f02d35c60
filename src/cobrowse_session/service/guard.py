"""The guard of a service: bearer tokens with scopes, webhook signatures, limits.

Secrets are compared in constant time, and are in no message and no log. A token is kept as its digest.
"""

import hmac
import logging
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from math import ceil
from time import monotonic

from attrs import define, field, frozen
from limits import RateLimitItem, parse
from standardwebhooks import Webhook

from cobrowse_session.checks import shown
from cobrowse_session.errors import SettingsError
from cobrowse_session.service.problems import ProblemError

logger = logging.getLogger("cobrowse_session.service")


class Scope(StrEnum):
    """The kinds of requests that a token allows."""

    #: To see sessions, changes and metrics.
    READ = "read"
    #: To send events.
    WRITE = "write"
    #: To acknowledge messages. A sender of events must not mark as handed over what nobody has billed.
    ACKNOWLEDGE = "acknowledge"


@frozen
class Token:
    """A bearer token.

    Attributes:
        name: whose it is, for logs and the rate limit.
        scopes: what it allows.
        digest: of its secret.
    """

    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, scopes: Iterable[str], secret: str) -> "Token":
        """Return a token.

        Raises:
            SettingsError: an unknown scope, or a secret of fewer than 16 characters.
        """
        scopes = tuple(scopes)
        try:
            allowed = frozenset(map(Scope, scopes))
        except ValueError:
            raise SettingsError(f"scopes of the token {name!r}", f"some of {', '.join(Scope)}", ",".join(scopes)) from None
        if len(secret) < MIN_SECRET:
            raise SettingsError(f"secret of the token {name!r}", f"{MIN_SECRET} characters or more", f"{len(secret)}")
        return cls(name, allowed, sha256(secret.encode()).digest())


MIN_SECRET = 16
"""The number of characters that the secret of a token has at least."""
MIN_KEY = 24
"""The number of bytes that the secret of a webhook has at least, by the Standard Webhooks scheme."""


def read_tokens(text: str) -> tuple[Token, ...]:
    """Return tokens, read from lines of `NAME SCOPE[,SCOPE] SECRET`. Empty lines and those with `#` in front are skipped.

    Args:
        text: the lines, and not the name of their file. A `;` ends a line, too, as in a variable of the environment.

    Raises:
        SettingsError: a line that is none. The message does not show it.
    """
    found = []
    for number, line in enumerate(re.split(r"[\n;]", text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 3:
            raise SettingsError(f"line {number} of the tokens", "3 words, NAME SCOPE,SCOPE SECRET", str(len(parts)))
        found.append(Token.of(parts[0], parts[1].split(","), parts[2]))
    return tuple(found)


def read_secrets(text: str) -> tuple[Webhook, ...]:
    """Return the secrets of webhooks, one a line, as `whsec_…`. Several are valid at once, so that one can be replaced.

    Args:
        text: the lines, as of `read_tokens`.

    Raises:
        SettingsError: a line that is none. The message does not show it.
    """
    found = []
    for number, line in enumerate(re.split(r"[\n;]", text), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append(_webhook(line.strip()))
            except ValueError:
                expected = f"whsec_ and the base64 of {MIN_KEY} bytes or more"
                raise SettingsError(f"line {number} of the webhook secrets", expected, "something else") from None
    return tuple(found)


def _webhook(secret: str) -> Webhook:
    text = secret.removeprefix("whsec_").rstrip("=")
    key = b64decode(text + "=" * (-len(text) % 4), validate=True)  # the library skips what is no base64
    if len(key) < MIN_KEY:
        raise ValueError
    return Webhook(key)


def _rate(text: str | None) -> RateLimitItem | None:
    try:
        rate = None if text is None else parse(text)
    except ValueError:
        raise SettingsError("rate", "a rate, as 100/second or 6000/minute", shown(text)) from None
    if rate is not None and rate.amount < 1:
        raise SettingsError("rate", "one request or more, as 100/second", shown(text))
    return rate


_ORIGIN = re.compile(r"https?://[^/\s]+|\*")


def _origins(origins: Iterable[str]) -> tuple[str, ...]:
    every = tuple(origins)
    for origin in every:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError("origins", "an origin without a path, as https://desk.example", shown(origin))
    return every


def _check_tokens(_: object, __: object, tokens: tuple[Token, ...]) -> None:
    names, digests = Counter(token.name for token in tokens), Counter(token.digest for token in tokens)
    for token in tokens:
        if names[token.name] > 1:  # both would share one rate
            raise SettingsError("tokens", "each name once", shown(token.name))
        if digests[token.digest] > 1:  # the scopes of the first one would count
            raise SettingsError("tokens", "each secret once", f"one that {shown(token.name)} and another name have")


@define(eq=False)
class _Counts:
    """The number of requests of each sender in the present window: a second, a minute or an hour."""

    # The memory of the package `limits` starts a thread each hundredth of a second to forget old windows. Here all windows begin
    # together, so all of them are forgotten together.
    window: int = 0
    requests: Counter[str] = field(factory=Counter)

    def hit(self, sender: str, rate: RateLimitItem) -> bool:
        """Count a request. Return whether the sender may make it."""
        window = int(monotonic() // rate.get_expiry())  # as in `check_rate`
        if window != self.window:
            self.window = window
            self.requests.clear()
        self.requests[sender] += 1
        return self.requests[sender] <= rate.amount


@frozen
class Guard:
    """Decides who may do what.

    Args:
        tokens: bearer tokens. Without tokens and secrets everybody may do everything: for loopback only.
        secrets: of webhooks that are signed by the Standard Webhooks scheme. A signature is valid for five minutes.
        rate: how many requests a sender may make, as `100/second`. None: any number.
        max_body: the number of bytes that a request may have.
        origins: of web pages that may use the service from a browser, as `https://desk.example`. `*`: of all. A page needs a
            token as everybody does.

    Raises:
        SettingsError: a rate or an origin that is none, or two tokens with one name or one secret.
    """

    tokens: tuple[Token, ...] = field(default=(), validator=_check_tokens)
    secrets: tuple[Webhook, ...] = field(default=(), repr=False)
    rate: RateLimitItem | None = field(default=None, converter=_rate)
    max_body: int = 1 << 20
    origins: tuple[str, ...] = field(default=(), converter=_origins)
    _counts: _Counts = field(factory=_Counts, init=False, repr=False)

    @property
    def is_open(self) -> bool:
        """True if nobody is asked for a token or a signature."""
        return not self.tokens and not self.secrets

    def check_token(self, authorization: str | None, scope: Scope) -> str | None:
        """Return whose token a request has. None: nobody is asked for one.

        Args:
            authorization: the header of the request.
            scope: what the request needs.

        Raises:
            ProblemError: 401 without a token that is known, 403 if it does not allow this.
        """
        if self.is_open:
            return None
        scheme, _, secret = (authorization or "").partition(" ")
        digest = sha256(secret.strip().encode(errors="replace")).digest()
        # All are compared, each in constant time, so the time says neither which token it is nor how much of it is right. Digests
        # are compared, because `compare_digest` shows the length of what it compares.
        found = [token for token in self.tokens if hmac.compare_digest(token.digest, digest)]
        if scheme.lower() != "bearer" or not found:
            signed = ", or sign the body by the Standard Webhooks scheme" if self.secrets and scope is Scope.WRITE else ""
            raise ProblemError(
                401, "No valid token", f"Send Authorization: Bearer TOKEN{signed}.", {"WWW-Authenticate": "Bearer"}
            )
        if scope not in found[0].scopes:
            detail = f"The token does not allow to {scope}. Ask for one with the scope {scope}."
            raise ProblemError(403, "Not allowed", detail, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
        return found[0].name

    def check_signature(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return the sender of a webhook, after a check of its signature.

        Raises:
            ProblemError: 401: it is missing, wrong, or older or newer than five minutes.
        """
        reason = ""
        for secret in self.secrets:
            try:
                secret.verify(body, dict(headers), json_parse=False)
            except Exception as error:  # noqa: BLE001 (the library raises what its parsers raise: any of it is no valid signature)
                reason = str(error) or type(error).__name__
                continue
            return "webhook"
        # For those who run the service. The sender is not told how a signature was wrong.
        logger.info("a signature was refused: %s; webhook-timestamp %s", reason, shown(headers.get("webhook-timestamp")))
        detail = "Sign the body by the Standard Webhooks scheme, with the current time and the secret of this service."
        raise ProblemError(401, "No valid signature", detail, {"WWW-Authenticate": "Bearer"})

    def check_rate(self, sender: str) -> None:
        """Count a request of a sender.

        Raises:
            ProblemError: 429: it has made too many.
        """
        if self.rate is not None and not self._counts.hit(sender, self.rate):
            detail = f"A sender may make {self.rate}. Wait, then send the same request again."
            left = ceil(self.rate.get_expiry() - monotonic() % self.rate.get_expiry())
            raise ProblemError(429, "Too many requests", detail, {"Retry-After": str(left)})
