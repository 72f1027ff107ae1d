"""Settings come from a file and the environment, and are refused with one line when they cannot work."""

from pathlib import Path

import pytest

from stream_kpis.settings import Role, Secret, Settings, SettingsError, load
from stream_kpis.settings.page import documentation

SASL = {"sasl": "PLAIN", "sasl_username": "u", "sasl_password": "p"}


def test_without_anything_said_the_defaults_hold() -> None:
    assert load(environment={}) == Settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.yaml", "partitions: 3\nrole: worker\ncatalogue: [a.yaml]\n"),
        ("s.toml", 'partitions = 3\nrole = "worker"\ncatalogue = ["a.yaml"]\n'),
    ],
)
def test_a_file_of_either_kind_is_read(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    settings = load(environment={"STREAM_KPIS_CONFIG": str(file)})
    assert (settings.partitions, settings.role, settings.catalogue) == (3, Role.WORKER, (Path("a.yaml"),))


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("partitions: 3\nport: 1\nhost: a\n")
    settings = load(file, {"STREAM_KPIS_PORT": "2", "STREAM_KPIS_HOST": "b"}, host="c", app=None)
    assert (settings.partitions, settings.port, settings.host, settings.app) == (3, 2, "c", "stream-kpis")


def test_the_environment_has_text_only() -> None:
    settings = load(
        environment={
            "STREAM_KPIS_TLS": "true",
            "STREAM_KPIS_CATALOGUE": "a.yaml, b",
            "STREAM_KPIS_ALLOWED_HOSTS": "kpis.example, wall",
        }
    )
    assert (settings.tls, settings.catalogue) == (True, (Path("a.yaml"), Path("b")))
    assert settings.allowed_hosts == ("kpis.example", "wall")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"STREAM_KPIS_PROT": "1"}, "STREAM_KPIS_PROT: there is no such setting; did you mean STREAM_KPIS_PORT?"),
        ({"STREAM_KPIS_PARTITIONS": "0"}, "partitions: '0' is not a whole number from 1 to 1000"),
        ({"STREAM_KPIS_PARTITIONS": "many"}, "partitions: 'many' is not a whole number from 1 to 1000"),
        ({"STREAM_KPIS_ROLE": "boss"}, "role: 'boss' is not one of all, worker, exporter"),
        ({"STREAM_KPIS_ZONE": "Europe/Berln"}, "zone: no time zone 'Europe/Berln'; did you mean Europe/Berlin?"),
        ({"STREAM_KPIS_ZONE": "utc"}, "zone: no time zone 'utc'; did you mean UTC?"),
        ({"STREAM_KPIS_ZONE": "Nope"}, "zone: no time zone 'Nope'; write UTC, or one such as Europe/Berlin"),
        ({"STREAM_KPIS_ROLE": "workr"}, "role: 'workr' is not one of all, worker, exporter; did you mean worker?"),
        ({"STREAM_KPIS_CURRENCY": "euro"}, "currency: 'euro' is not a currency code, three capital letters such as EUR"),  # noqa: E501 - the line as it is
        ({"STREAM_KPIS_CURRENCY": "XTS"}, "currency: 'XTS' is no currency of ISO 4217, such as EUR"),
        ({"STREAM_KPIS_RATES": "/no.csv"}, "rates: no file /no.csv"),
        ({"STREAM_KPIS_APP": ""}, "app: '' is not 1 to 100 letters, digits and . _ -"),
        ({"STREAM_KPIS_PREFIX": "a b"}, "prefix: 'a b' is not at most 100 letters, digits and . _ -"),
        ({"STREAM_KPIS_REPLICATION": "-5"}, "replication: '-5' is not a whole number of at least -1"),
        ({"STREAM_KPIS_BOOTSTRAP": ""}, "bootstrap: '' is not a text with something in it"),
        ({"STREAM_KPIS_TLS_CA": "x"}, "tls_ca is set but tls is not: set tls to true"),
        ({"STREAM_KPIS_TLS": "1", "STREAM_KPIS_TLS_CA": "/no"}, "tls_ca: no file /no"),
        ({"STREAM_KPIS_CATALOGUE_BUILT_IN": "no"}, "catalogue_built_in: 'no' is not true or false"),
        (
            {"STREAM_KPIS_CATALOGUE_BUILT_IN": "false"},
            "catalogue_built_in is false and catalogue names no file: nothing to count",
        ),
        ({"STREAM_KPIS_CONFIG": "/no.yaml"}, "cannot read /no.yaml: No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_named_in_one_line(environment: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(environment=environment)
    assert str(raised.value) == f"settings: {line}"


@pytest.mark.parametrize("text", ["- a", "a: [", "bootsrap: x"])
def test_a_file_that_says_nothing_useful_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=rf"^settings: .*{file}.*$"):
        load(file, {})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("port: 99999", "port: 99999 is not a whole number from 0 to 65535"),
        ("port:", "port: null is not a whole number from 0 to 65535"),
        ("data_dir: 5", "data_dir: 5 is not a text"),
        ("catalogue: a.yaml", "catalogue: 'a.yaml' is not a list of texts: write ['a.yaml']"),
        ("allowed_hosts: 5", "allowed_hosts: 5 is not a list of texts"),
        ("catalogue: [5]", "catalogue: [5] is not a list of texts"),
        ("sasl_password: [hidden]", "sasl_password: the value is not a text"),
        ("port: 1\nhost: a\nport: 2", "FILE:3: 'port' is there already, in line 1"),
        ("port: *x", "FILE:1: not YAML: found undefined alias 'x'"),
    ],
)
def test_a_wrong_value_in_a_file_is_said_for_people(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load(file, {})
    assert str(raised.value) == f"settings: {line.replace('FILE', str(file))}"


@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_what_is_to_be_written_of_a_list_is_one(tmp_path: Path, suffix: str) -> None:
    file, sign = tmp_path / f"s.{suffix}", "=" if suffix == "toml" else ":"
    file.write_text(f"catalogue{sign} 'own'\n")
    with pytest.raises(SettingsError) as raised:
        load(file, {})
    file.write_text(f"catalogue{sign} {str(raised.value).partition(': write ')[2]}\n")
    assert load(file, {}).catalogue == (Path("own"),)


def test_the_page_says_what_is_a_list() -> None:
    rows = [line for line in documentation().splitlines() if " A list. " in line]
    assert [row.split("`")[1] for row in rows] == ["catalogue", "budget_groups", "allowed_hosts"]


def test_a_password_does_not_travel_in_the_clear() -> None:
    with pytest.raises(SettingsError, match="sasl without tls sends the password in the clear"):
        load(environment={}, **SASL)
    assert load(environment={}, **SASL, sasl_without_tls=True).sasl_password == "p"
    assert load(environment={}, **SASL, tls=True).sasl_username == "u"


def test_a_password_does_not_show() -> None:
    assert "p'" not in repr(load(environment={}, **SASL, tls=True))
    assert repr(Secret("p")) == "'***'"


def test_the_page_of_settings_is_the_one_that_is_made() -> None:
    assert (Path(__file__).parents[1] / "docs" / "settings.md").read_text() == documentation()
