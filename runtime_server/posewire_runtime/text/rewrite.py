"""Prompts rewritten by a language model behind an OpenAI-compatible endpoint. Off unless configured.

HY-Motion was made to be asked through such a model: it turns what a player types into the plain
English that the motion model knows, and says how long that takes. Any server that speaks
`POST {url}/chat/completions` will do. A rewriter that is slow, gone or babbling never costs
a request: the prompt is then taken as it is, and a notice says so. Knows no motion model.
"""

from __future__ import annotations

import http.client
import json
import logging
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from posewire_runtime.errors import InvalidConfig

logger = logging.getLogger(__name__)

REFERENCE_FPS = 30.0
"""Frames per second of the durations that the model is asked for."""

INSTRUCTION = """\
You prepare requests for a system that animates one human body. Read what the user wants and answer with \
one JSON object and nothing else: {"short_caption": string, "duration": integer}.
short_caption: the movement in plain English, one or two sentences, fewer than 60 words, third person \
("A person ..."). Say which limbs move, on which side where the user says so, in which order and direction, \
and the style or speed if given. Leave out scenery, faces, fingers, clothes, other people and reasons. Add \
nothing that isn't asked for.
duration: how long it naturally takes, in frames at 30 frames a second, from 20 to 360."""

_SECONDS = (0.5, 60.0)
"""What is believed of a duration; other figures are dropped."""
_MOST_ANSWER = 1 << 20
"""Bytes read of an answer."""
_MOST_CAPTION = 2000


@dataclass(frozen=True, slots=True)
class RewriteSettings:
    """Where the language model is. Defaults live here and nowhere else."""

    url: str = ""
    """Base address of an OpenAI-compatible server, for example http://127.0.0.1:8080/v1; empty: off."""
    model: str = ""
    """Name of the model there."""
    key_variable: str = "POSEWIRE_REWRITE_KEY"
    """Environment variable that holds the key, where the server wants one."""
    timeout: float = 10.0
    """Seconds for one try."""
    tries: int = 2
    """How often it is asked before the prompt is taken as it is."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of a prompt."""

    prompt: str
    """What to encode."""
    seconds: float | None
    """How long it should be; None: nobody said."""
    notice: str | None = None
    """Why the prompt was taken as it is."""


class Rewriter:
    """Asks the language model. Safe to call from several threads; blocks until it answers."""

    def __init__(self, settings: RewriteSettings, pause: Callable[[float], None] = time.sleep) -> None:
        """`pause` waits between tries."""
        if not settings.url.startswith(("http://", "https://")):
            raise InvalidConfig(
                f"rewrite.url: expected an http or https address, found {settings.url!r}; "
                "name the server's base address, or leave it empty to switch rewriting off"
            )
        self._settings = settings
        self._pause = pause

    def rewrite(self, prompt: str) -> Rewritten:
        """A better prompt and its length, or the prompt as it is with a notice."""
        reason = ""
        for attempt in range(self._settings.tries):
            if attempt:
                self._pause(0.25 * 2**attempt)
            try:
                return parse_answer(self._ask(prompt))
            except urllib.error.HTTPError as error:
                error.close()
                reason = f"it answered {error.code}"
                if error.code < 500 and error.code not in (408, 429):
                    break  # asking again changes nothing
            except (OSError, http.client.HTTPException) as error:
                reason = f"{type(error).__name__}: {error}"
            except ValueError as error:
                reason = str(error)
        logger.warning("the prompt rewriter at %s gave no answer: %s", self._settings.url, reason)
        return Rewritten(prompt, None, f"the prompt was not rewritten ({reason})")

    def _ask(self, prompt: str) -> object:
        body = {
            "model": self._settings.model,
            "messages": [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": prompt}],
            "temperature": 0,
            "response_format": {"type": "json_object"},
        }
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(self._settings.key_variable)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(
            f"{self._settings.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(request, timeout=self._settings.timeout) as answer:
            return json.loads(answer.read(_MOST_ANSWER))


def parse_answer(answer: object) -> Rewritten:
    """What a chat completion says; raises `ValueError` where that isn't what was asked for."""
    content = _content(answer).rpartition("</think>")[2]  # some models think aloud first
    start, end = content.find("{"), content.rfind("}")  # some put fences or kind words around it
    try:
        fields = cast(dict[str, object], json.loads(content[start : end + 1]))
    except ValueError:
        raise ValueError("its answer holds no JSON object") from None
    caption = fields.get("short_caption")
    if not isinstance(caption, str) or not 0 < len(caption.strip()) <= _MOST_CAPTION:
        raise ValueError("its answer has no short_caption")
    return Rewritten(caption.strip(), _seconds(fields.get("duration")))


def _content(answer: object) -> str:
    """The text of the first choice."""
    value: Any = answer
    try:
        content = value["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    if not isinstance(content, str):
        raise ValueError("its answer isn't a chat completion")
    return content


def _seconds(duration: object) -> float | None:
    """A believable duration in seconds."""
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not math.isfinite(duration):
        return None
    seconds = round(duration / REFERENCE_FPS, 2)
    return seconds if _SECONDS[0] <= seconds <= _SECONDS[1] else None
