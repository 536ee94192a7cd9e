"""Settings: one precedence, strict names and values, and a file that can be printed and read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.errors import InvalidConfig
from posewire_runtime.server.config import Settings, catalogue, load, show


def write(folder: Path, text: str) -> Path:
    file = folder / "posewire.toml"
    file.write_text(text, "utf-8")
    return file


def test_nothing_given_means_the_defaults() -> None:
    assert load() == Settings()


def test_later_sources_win(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = 1\nhost = "::1"\nmax_streams = 7\n[worker]\nqueue = 1\n')
    environment = {"POSEWIRE_PORT": "2", "POSEWIRE_WORKER_QUEUE": "2", "PATH": "/bin"}
    made = load({"worker.queue": "3"}, environment, file)
    assert (made.host, made.max_streams, made.port, made.worker.queue) == ("::1", 7, 2, 3)
    assert made.limits == Settings().limits


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file, other = write(tmp_path, "port = 1"), tmp_path / "other.toml"
    other.write_text("port = 2")
    assert load(environment={"POSEWIRE_CONFIG": str(file)}).port == 1
    assert load(environment={"POSEWIRE_CONFIG": str(file)}, file=other).port == 2


def test_every_setting_has_a_description_and_names_of_its_own() -> None:
    settings = catalogue().values()
    assert all(setting.about for setting in settings)
    assert len({setting.flag for setting in settings}) == len(settings)
    assert len({setting.variable for setting in settings}) == len(settings)
    assert catalogue()["worker.limits.batch"].flag == "--worker-limits-batch"
    assert catalogue()["limits.max_seeds"].variable == "POSEWIRE_LIMITS_MAX_SEEDS"


def test_what_is_shown_is_read_back(tmp_path: Path) -> None:
    made = load({"port": "0", "log_prompts": "yes", "worker.limits.turn": "0.125", "host": 'a"b\\c'})
    assert load(file=write(tmp_path, show(made))) == made


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("prot = 1", "prot", "the nearest one is 'port'"),
        ("[limit]\nmax_seeds = 1", "limit.max_seeds", "the nearest one is 'limits.max_seeds'"),
        ("worker = 1", "worker", "unknown setting"),
        ("[port]\nx = 1", "port", "a whole number, found {'x': 1}"),
        ('port = "1"', "port", "a whole number, found '1'"),
        ("port = true", "port", "a whole number, found True"),
        ("port = 70000", "port", "0 to 65535, found 70000"),
        ("stall_seconds = nan", "stall_seconds", "at least 0.1, found nan"),
        ("stall_seconds = 0", "stall_seconds", "at least 0.1, found 0"),
        ("log_prompts = 1", "log_prompts", "true or false, found 1"),
        ("host = 1", "host", "a text, found 1"),
        ("[worker]\nqueue = -1", "worker.queue", "at least 0, found -1"),
    ],
)
def test_a_file_is_held_to_names_and_types(tmp_path: Path, text: str, where: str, why: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        load(file=write(tmp_path, text))
    [violation] = caught.value.violations
    assert violation.field.endswith(f"posewire.toml: {where}")
    assert why in violation.message


def test_whole_numbers_do_for_fractions(tmp_path: Path) -> None:
    assert load(file=write(tmp_path, "drain_seconds = 3")).drain_seconds == 3.0


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    flags = {"port": "many", "prt": "1"}
    environment = {"POSEWIRE_LOG_PROMPTS": "maybe", "POSEWIRE_WORKER_QEUE": "1"}
    with pytest.raises(InvalidConfig) as caught:
        load(flags, environment, write(tmp_path, "port = -1"))
    fields = [violation.field for violation in caught.value.violations]
    assert fields[0].endswith("posewire.toml: port")
    assert fields[1:] == ["POSEWIRE_LOG_PROMPTS", "POSEWIRE_WORKER_QEUE", "--port", "--prt"]


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(InvalidConfig, match=r"broken\.toml: expected TOML"):
        load(file=file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"nowhere\.toml: can't be read"):
        load(file=tmp_path / "nowhere.toml")


@given(st.sampled_from(sorted(catalogue())), st.text(max_size=20))
def test_any_text_is_a_value_or_a_clean_error(name: str, text: str) -> None:
    try:
        load({name: text})
    except InvalidConfig as error:
        violations = error.violations
    else:
        return
    assert [violation.field for violation in violations] == [catalogue()[name].flag]
