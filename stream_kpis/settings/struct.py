"""One frozen Settings: every setting with its bounds, its default, and what it is for."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta


class SettingsError(Exception):
    """The settings or the deployment cannot work; one line that says what to do. Exit code 2."""


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    WORKER = "worker"
    EXPORTER = "exporter"


class Sasl(StrEnum):
    """How to sign in to Kafka."""

    NONE = "none"
    PLAIN = "PLAIN"
    SCRAM_256 = "SCRAM-SHA-256"
    SCRAM_512 = "SCRAM-SHA-512"


class Secret(str):
    """A string that does not show in logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


_Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)]
# Titles say what a value must be, where its type does not.


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How this deployment runs; see `docs/settings.md`."""

    bootstrap: Annotated[str, Meta(min_length=1, description="Kafka servers, `host:port`, separated by commas.")] = (
        "127.0.0.1:9092"
    )
    app: Annotated[
        _Name,
        Meta(
            min_length=1,
            title="1 to 100 letters, digits and . _ -",
            description="Name of the consumer group and of the output topics.",
        ),
    ] = "stream-kpis"
    prefix: Annotated[
        _Name,
        Meta(
            title="at most 100 letters, digits and . _ -",
            description="Stands before the name of every topic, group and transaction: one per tenant.",
        ),
    ] = ""
    role: Annotated[
        Role, Meta(description="What `stream-kpis worker` runs: `worker` computes, `exporter` shows, `all` does both.")
    ] = Role.ALL
    partitions: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Partitions of every topic; also the largest useful number of workers. Fixed for life.",
        ),
    ] = 12
    replication: Annotated[
        int, Meta(ge=-1, description="Copies of each topic that is declared; -1 takes the broker's default.")
    ] = -1
    declare_topics: Annotated[
        bool, Meta(description="Whether missing topics are made at start; if not, a missing topic is an error.")
    ] = True
    zone: Annotated[str, Meta(description="Business time zone (IANA name): where days begin.")] = "UTC"
    currency: Annotated[
        str,
        Meta(
            pattern="^[A-Z]{3}$",
            title="a currency code, three capital letters such as EUR",
            description="Reporting currency; amounts in another one are converted by the rate of their date.",
        ),
    ] = "USD"
    rates: Annotated[
        Path | None,
        Meta(
            description="Rates of other currencies, beside the topic `crm.rates`: a CSV file with the columns `date`,"
            " `currency`, `rate` (units of the reporting currency for one of it)."
        ),
    ] = None
    rates_carry_days: Annotated[
        int,
        Meta(
            ge=0,
            le=31,
            description="How many dates missing between two of that file take the earlier one's rate: 2 for weekends.",
        ),
    ] = 0
    disorder_days: Annotated[
        int, Meta(ge=1, le=3650, description="How late an event may come, in days, and still be counted.")
    ] = 30
    catalogue: Annotated[
        tuple[Path, ...], Meta(description="More catalogue files or folders, beside the built-in catalogue.")
    ] = ()
    catalogue_built_in: Annotated[
        bool, Meta(description="Whether the built-in catalogue counts; if not, `catalogue` stands alone.")
    ] = True
    calendars: Annotated[
        Path | None,
        Meta(
            description="File of business calendars (`docs/calendars.md`); without one, and without records in"
            " `crm.calendars`, no KPI has a business clock."
        ),
    ] = None
    terms: Annotated[
        Path | None,
        Meta(
            description="File of terms (`docs/terms.md`): the time allowed to solve tickets of each priority, and the"
            " stages of pipelines with their probabilities; without one the usual ones."
        ),
    ] = None
    lookups: Annotated[
        Path | None,
        Meta(description="File of lookup tables for dimensions, such as the team of an owner (`docs/lookups.md`)."),
    ] = None
    goals: Annotated[
        Path | None, Meta(description="File of goals, see `docs/goals.md`: targets, quotas, shares of experiments.")
    ] = None
    budget_cells: Annotated[
        int, Meta(ge=1, description="How many cells a catalogue may be expected to need; `check` refuses more.")
    ] = 2_000_000
    budget_days: Annotated[int, Meta(ge=1, le=36_530, description="Days of history that `check` reckons with.")] = 365
    budget_facts: Annotated[int, Meta(ge=1, description="Facts per measure and day that `check` reckons with.")] = 100
    budget_groups: Annotated[
        tuple[str, ...],
        Meta(description="Groups per dimension that `check` reckons with, such as `owner=50`; else 10, or as it says."),
    ] = ()
    flush_interval_ms: Annotated[
        int,
        Meta(
            ge=10,
            le=60_000,
            description="How often results become durable and visible; at least 8 ms per shard of the worker.",
        ),
    ] = 200
    host: Annotated[str, Meta(description="Address on which the exporter listens.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port on which the exporter listens; 0 takes a free one.")
    ] = 9464
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="More host names under which the exporter answers, without port. On loopback it answers as"
            " localhost and these; on another address as any, or, if names are set, as these and by address."
        ),
    ] = ()
    prove_records_max: Annotated[
        int,
        Meta(
            ge=0,
            description="How many records *Prove it* of the live page may read from Kafka, at about 2 kB of memory"
            " each; 0: the page proves nothing.",
        ),
    ] = 500_000
    attention_records_max: Annotated[
        int,
        Meta(
            ge=0,
            description="How many leads, deals and tickets of one partition the live page's attention list may hold"
            " while it is made, at about 1 kB of memory each; 0: the page has no such list. It has none either if"
            " `host` is beyond loopback and `allowed_hosts` is empty: it names customers by id, and nobody signs in.",
        ),
    ] = 500_000
    health_file: Annotated[
        Path | None,
        Meta(description="File that a worker touches while its event loop runs, for `stream-kpis health`."),
    ] = None
    data_dir: Annotated[Path, Meta(description="Folder for what a local broker keeps.")] = Path("var")
    tls: Annotated[bool, Meta(description="Whether the connection to Kafka is encrypted.")] = False
    tls_ca: Annotated[
        Path | None, Meta(description="Certificate authority of the brokers (PEM); without it the system's.")
    ] = None
    tls_certificate: Annotated[Path | None, Meta(description="This client's certificate (PEM), for mutual TLS.")] = None
    tls_key: Annotated[Path | None, Meta(description="Key of this client's certificate (PEM).")] = None
    sasl: Annotated[
        Sasl, Meta(description="How to sign in to Kafka: `none`, `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.")
    ] = Sasl.NONE
    sasl_username: Annotated[str, Meta(description="User for SASL.")] = ""
    sasl_password: Annotated[
        Secret, Meta(description="Password for SASL; better by the environment than in a file.")
    ] = Secret()
    sasl_without_tls: Annotated[bool, Meta(description="Whether a password may travel unencrypted.")] = False
    pseudonyms: Annotated[
        bool, Meta(description="Whether owners and agents are shown under other, stable names, wherever numbers are.")
    ] = False
    pseudonym_secret: Annotated[
        Secret, Meta(description="Secret behind those names; better by the environment than in a file.")
    ] = Secret()
    verbose: Annotated[bool, Meta(description="Whether to log what Faust and the Kafka client do.")] = False
