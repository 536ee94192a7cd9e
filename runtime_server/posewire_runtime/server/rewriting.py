"""Requests as the prompt rewriter would have them. What a request says itself always wins.

Knows requests on the wire and the rewriter, no job and no stream.
"""

from __future__ import annotations

import asyncio

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.exchange.events import Notice
from posewire_runtime.text.rewrite import Rewriter, RewriteSettings, Rewritten
from posewire_runtime.types import ModelInfo


class Rewriting:
    """The rewriter of a server, or none."""

    def __init__(self, settings: RewriteSettings) -> None:
        self._rewriter = Rewriter(settings) if settings.url else None

    def wanted(self, request: pb.GenerateRequest) -> bool:
        """Whether there is a rewriter and the request doesn't forbid it."""
        return self._rewriter is not None and not request.verbatim

    async def apply(
        self, request: pb.GenerateRequest, info: ModelInfo
    ) -> tuple[pb.GenerateRequest, tuple[Notice, ...]]:
        """The request with a better prompt, and a length where it named none; and what was done."""
        if self._rewriter is None:
            return request, ()
        found = await asyncio.to_thread(self._rewriter.rewrite, request.prompt)
        return rewritten(request, found, info)


def rewritten(
    request: pb.GenerateRequest, found: Rewritten, info: ModelInfo
) -> tuple[pb.GenerateRequest, tuple[Notice, ...]]:
    """What becomes of a request with the rewriter's answer."""
    if found.notice is not None:
        return request, (Notice("prompt_kept", found.notice),)
    if len(found.prompt) > info.limits.max_prompt:
        message = (
            f"the rewritten prompt has more than {info.limits.max_prompt} characters; the given one was taken"
        )
        return request, (Notice("prompt_kept", message),)
    changed = pb.GenerateRequest()
    changed.CopyFrom(request)
    changed.prompt = found.prompt
    if found.seconds is not None and request.WhichOneof("length") is None:
        changed.seconds = min(found.seconds, info.limits.max_frames / info.fps)
    return changed, (Notice("prompt_rewritten", found.prompt),)
