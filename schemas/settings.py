"""Every setting of every process, read from environment variables, validated at start, frozen.

`docs/settings.md` is made from this file (`feedline settings --markdown`).
"""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

_KEY_LENGTH = 32


def secret(name: str) -> str | None:
    """Return a secret's environment variable, or the text of the file that `<name>_FILE` names, without a last newline.

    Raises ValueError when both are set, or when the file cannot be read: never with what is in it.
    """
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if not file:
        return value or None
    if value:
        raise ValueError(f"{name} and {name}_FILE are both set")
    try:
        return Path(file).read_text().removesuffix("\n") or None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"{name}_FILE: {file} cannot be read: {reason}") from None


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets as files: what Docker, Kubernetes and systemd hand to a process without showing it to others."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return a secret's value; other settings are not read from files."""
        value = secret(field_name.upper()) if field.annotation is SecretStr else None
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets that are there."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Environment variables in lower case; units are in the names."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=False, extra="ignore", env_ignore_empty=True)

    database_url: SecretStr = Field(description="Postgres, postgresql://user:password@host:port/name; hosts by commas")
    amqp_url: SecretStr = Field(description="RabbitMQ, amqp://user:password@host:port/vhost; several by commas")
    secret_key: SecretStr = Field(
        description="at least 32 characters, the same for every process: signs batch ids, encrypts feeds' credentials;"
        " keys of before follow by commas (`feedline secrets rotate`)",
    )

    host: str = Field("127.0.0.1", description="the address that edge and API listen on")
    port: int = Field(8080, ge=0, le=65535, description="the edge's port; 0 takes a free one")
    reuse_port: bool = Field(
        False, description="several edge processes of this machine share PORT on purpose (SO_REUSEPORT)"
    )
    api_port: int = Field(8081, ge=0, le=65535, description="the API's port; 0 takes a free one")
    monitor_host: str = Field("127.0.0.1", description="the address of /healthz, /readyz and /metrics of each process")
    monitor_port: int = Field(0, ge=0, le=65535, description="their port; 0 takes a free one (logged at start)")
    public_api_url: str = Field(
        "", description="the API's address as senders see it, used in receipt URLs; empty: as in the request"
    )
    trust_forwarded: bool = Field(
        False, description="a proxy sets X-Forwarded-Proto and -Host: addresses in answers follow them"
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")

    tracing: bool = Field(
        False,
        description="spans of each batch's way (feedline[tracing]); OpenTelemetry's own variables say where they go",
    )

    edge_processes: int = Field(1, ge=1, le=64, description="edge processes that the local stack starts")
    worker_processes: int = Field(2, ge=1, le=64, description="worker processes that the local stack starts")

    shards: int = Field(
        4, ge=1, le=256, description="shard queues that a fleet begins with; more by `feedline shards double`"
    )
    queue_max_length: int = Field(200_000, ge=1, description="batches a shard holds before it refuses more (503)")
    queue_max_bytes: int = Field(4 * 2**30, ge=2**20, description="bytes a shard holds before it refuses more (503)")
    queue_delivery_limit: int = Field(
        1_000_000, ge=1, description="deliveries before the broker dead-letters a batch: the last fence, far away"
    )

    body_limit_bytes: int = Field(2**20, ge=1024, description="largest body, before and after decompression")
    edge_max_in_flight: int = Field(
        1_000, ge=1, description="posts that one edge process holds before 503; beyond half a feed may hold a quarter"
    )
    edge_max_bytes: int = Field(
        128 * 2**20,
        ge=2**21,
        description="bytes of posts that it holds before 503, likewise with a share for each feed",
    )
    confirm_timeout_ms: int = Field(5_000, ge=1, description="wait for the broker's confirm before 503")
    reply_timeout_ms: int = Field(5_000, ge=1, description="wait for the worker's reply before 202")
    feeds_poll_ms: int = Field(30_000, ge=10, description="the edge reloads its feeds at least this often")
    hash_grace_s: int = Field(86_400, ge=0, description="a rotated webhook hash stays valid this long")

    window_max_batches: int = Field(64, ge=1, le=1_000, description="batches of one window at most")
    window_max_bytes: int = Field(2**20, ge=1, description="message bytes of one window at most")
    window_max_age_ms: int = Field(
        25, ge=0, description="while batches come in a stream, a window waits this long for more"
    )
    windows_in_flight: int = Field(
        1, ge=1, le=1_000, description="windows of one worker in Postgres at a time; those of its other shards fill"
    )
    remembered_items: int = Field(
        100_000,
        ge=0,
        description="items whose hash a worker remembers, 150 bytes each: the same again is not compared in Postgres",
    )
    heartbeat_ms: int = Field(1_000, ge=10, description="a worker's heartbeat in the workers table")
    heartbeat_timeout_ms: int = Field(5_000, ge=50, description="a worker without a heartbeat this long is dead")
    watchdog_ms: int = Field(30_000, ge=100, description="messages waiting and nothing delivered this long: exit")
    stop_delay_ms: int = Field(
        2_000, ge=0, description="edge and API: on SIGTERM readiness falls, and this long new work is still taken"
    )
    stop_timeout_ms: int = Field(10_000, ge=100, description="time to drain on SIGTERM before a hard stop")
    receipt_days: int = Field(
        7, ge=2, le=31, description="days that receipts are kept; a window locks the partition of each"
    )

    watch_ms: int = Field(5_000, ge=50, description="the watcher looks at the shards this often")
    canary_ms: int = Field(60_000, ge=100, description="a canary goes down every shard this often")
    edge_url: str = Field(
        "",
        description="the public edge's address, which the canary posts to, `/api/docs` shows and sandboxes try; empty:"
        " none of them",
    )
    broker_members: int = Field(
        0, ge=0, le=9, description="nodes that every queue should have a member on; 0: as many as metrics are asked of"
    )
    rabbitmq_metrics_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="comma-separated addresses of every RabbitMQ node's Prometheus plugin, http://host:15692"
    )

    pull_processes: int = Field(1, ge=0, le=16, description="puller processes that the local stack starts")
    pull_allow_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="comma-separated CIDR ranges that feeds may be pulled from although private"
    )

    pull_folder: str = Field("", description="where files being pulled are kept meanwhile; empty: the system's own")
    pull_connect_timeout_ms: int = Field(10_000, ge=1, description="wait for a vendor's server to take a connection")
    pull_read_timeout_ms: int = Field(60_000, ge=1, description="wait for the next bytes of a pulled file")
    pull_total_timeout_ms: int = Field(3_600_000, ge=1, description="longest time for one file, retries included")
    pull_concurrency: int = Field(4, ge=1, le=64, description="runs that one puller carries out side by side")
    pull_poll_ms: int = Field(15_000, ge=10, description="the puller looks for due feeds at least this often")
    pull_lease_ms: int = Field(30_000, ge=200, description="a dead puller's runs are taken over after this long")
    pull_in_flight: int = Field(32, ge=1, le=1_000, description="batches of one run waiting for the broker's confirm")
    pull_settle_ms: int = Field(600_000, ge=1, description="a run waits this long for its next receipt, then ends")
    pull_disable_days: int = Field(7, ge=1, le=365, description="a feed failing or empty for these days is disabled")
    pull_run_days: int = Field(90, ge=1, le=3_650, description="days that runs and their rejects are kept")
    pull_max_bytes: int = Field(2 * 2**30, ge=1024, description="largest file pulled, as it is transferred")
    pull_max_unpacked_bytes: int = Field(8 * 2**30, ge=1024, description="largest file after decompression")
    pull_max_ratio: int = Field(200, ge=2, description="decompression beyond this ratio is taken for a bomb")
    pull_max_redirects: int = Field(5, ge=0, le=20, description="redirects followed in one fetch")
    pull_attempts: int = Field(4, ge=1, le=20, description="attempts at one file before the run fails")
    pull_max_pages: int = Field(1_000, ge=1, description="pages of one paginated API read in one run")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env files: what is set is what ps shows
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - <NAME>_FILE names each file
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what is given first, then secrets from their files, then the environment."""
        return init_settings, _SecretFiles(settings_cls), env_settings

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        cls.keys_of(value.get_secret_value())
        return value

    @field_validator("pull_allow_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(part.strip() for part in value.split(",") if part.strip())
        for name in names:
            ipaddress.ip_network(name, strict=False)
        return names

    @field_validator("rabbitmq_metrics_urls", mode="before")
    @classmethod
    def _addresses(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())

    @field_validator("heartbeat_timeout_ms")
    @classmethod
    def _outlasts_a_heartbeat(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("heartbeat_ms", 0):
            raise ValueError(f"must be longer than HEARTBEAT_MS, which is {info.data['heartbeat_ms']}")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @property
    def dsn(self) -> str:
        """Return the Postgres address with its password."""
        return self.database_url.get_secret_value()

    @property
    def amqp(self) -> str:
        """Return the RabbitMQ address with its password."""
        return self.amqp_url.get_secret_value()

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Return the secret keys: the first signs and encrypts, all verify and decrypt."""
        return self.keys_of(self.secret_key.get_secret_value())

    @staticmethod
    def keys_of(text: str) -> tuple[bytes, ...]:
        """Return the keys of a comma list; raises ValueError when one is too short."""
        keys = tuple(part.strip().encode() for part in text.split(","))
        if any(len(key) < _KEY_LENGTH for key in keys):
            raise ValueError(f"each key needs at least {_KEY_LENGTH} characters")
        return keys

    @property
    def key(self) -> bytes:
        """Return the secret key that signs and encrypts."""
        return self.keys[0]


def load(**given: Any) -> Settings:
    """Read the environment; end the process with one clear line a variable when it is not usable.

    `given` are settings that do not come from the environment (the local stack's private servers).
    """
    try:
        return Settings(**given)
    except ValueError as error:
        if not isinstance(error, ValidationError):
            raise SystemExit(f"settings are not usable:\n  {error}") from None
        lines = [
            f"  {str(detail['loc'][0]).upper()}: "
            + ("is required" if detail["type"] == "missing" else str(detail["msg"]))
            + f" ({Settings.model_fields[str(detail['loc'][0])].description})"
            for detail in error.errors(include_input=False)
        ]
        raise SystemExit("settings are not usable:\n" + "\n".join(lines)) from None


def process_name(role: str) -> str:
    """Return the name of this process's host and role as it stands in logs and AMQP connections."""
    return f"feedline-{role}@{socket.gethostname()}"
