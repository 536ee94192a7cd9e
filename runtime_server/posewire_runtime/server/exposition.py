"""Metrics as Prometheus reads them: families to text, a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from posewire_runtime.metrics import Distribution, Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(families: Iterable[Family]) -> str:
    """All families, in Prometheus' text format 0.0.4."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_plain(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        yield f"{family.name}{_labels(family.labels, sample.labels)} {_number(sample.value)}"
    for distribution in family.distributions:
        yield from _histogram(family, distribution)


def _histogram(family: Family, distribution: Distribution) -> Iterator[str]:
    names, values = (*family.labels, "le"), distribution.labels
    bounds = (*(_number(bound) for bound in family.bounds), "+Inf")
    for bound, count in zip(bounds, distribution.counts, strict=True):
        yield f"{family.name}_bucket{_labels(names, (*values, bound))} {count}"
    labels = _labels(family.labels, values)
    yield f"{family.name}_sum{labels} {_number(distribution.total)}"
    yield f"{family.name}_count{labels} {distribution.counts[-1]}"


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _plain(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1 << 53 else repr(value)
