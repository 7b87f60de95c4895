"""Settings from the environment."""

from pathlib import Path

import pytest

from graph.settings import Settings, SettingsError, load_settings, settings_table


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TICKETS_PORT", "eighty"),
        ("TICKETS_PORT", "70000"),
        ("TICKETS_TIME_ZONE", "Mars/Olympus"),
        ("TICKETS_TIME_ZONE", "../../etc/passwd"),
        ("TICKETS_PHONE_REGION", "Mexico"),
        ("TICKETS_LOG_FORMAT", "xml"),
        ("TICKETS_WORKERS", "0"),
        ("TICKETS_MAX_COST", "many"),
        ("TICKETS_LOGIN_RATE", "often"),
        ("TICKETS_LOGIN_RATE", "0 per minute"),
        ("TICKETS_REQUEST_RATE_PER_KEY", "1 per day; 5 per hour"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: ") as fault:
        load_settings()
    assert "\n" not in str(fault.value)
    assert "TICKETS_" not in str(fault.value).removeprefix(variable)


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETS_PORT", "eighty")
    monkeypatch.setenv("TICKETS_WORKERS", "none")
    with pytest.raises(SettingsError, match=r"TICKETS_PORT: .*; TICKETS_WORKERS: "):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("TICKETS_SECRET_KEY", "secret_key"),
        ("TICKETS_ADMIN_PASSWORD", "admin_password"),
        ("OPENAI_API_KEY", "openai_api_key"),
    ],
)
def test_a_secret_is_not_shown(variable: str, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "correct horse battery staple")
    settings = load_settings()
    assert getattr(settings, field).get_secret_value() == "correct horse battery staple"
    assert "horse" not in repr(settings)
    assert "horse" not in settings.model_dump_json()


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETS_MONGODB_URI", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    settings = load_settings()
    assert settings.mongodb_uri is None
    assert settings.openai_api_key is None


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETS_ALLOWED_ORIGINS", "https://a.example, https://b.example,")
    assert load_settings().allowed_origins == ["https://a.example", "https://b.example"]


def test_the_table_says_what_every_setting_is() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    assert all(row.rpartition(" | ")[2].removesuffix(" |") for row in rows)


# ---- files and production ----------------------------------------------------------------------

RANDOM = "5Jp0vQ2mYt8aXcE4rWb6zKd1sLh7uNgTqRfB"


def test_a_secret_may_be_in_a_file_and_the_environment_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tickets_secret_key").write_text(RANDOM + "\n")
    (tmp_path / "openai_api_key").write_text("of the file")
    monkeypatch.setenv("TICKETS_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "of the environment")
    settings = load_settings()
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == RANDOM
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "of the environment"


def test_a_directory_of_secrets_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETS_SECRETS_DIR", "/nowhere")
    with pytest.raises(SettingsError, match=r"^TICKETS_SECRETS_DIR: /nowhere is not a directory"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TICKETS_SECRET_KEY", "short"),
        ("TICKETS_SECRET_KEY", "changeme" * 3),
        ("TICKETS_SECRET_KEY", "a" * 64),
        ("TICKETS_ADMIN_PASSWORD", "admin"),
        ("TICKETS_ALLOWED_ORIGINS", "https://example.com, *"),
        ("TICKETS_LOG_LEVEL", "debug"),
    ],
)
def test_production_does_not_start_with(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETS_SECRET_KEY", RANDOM)
    monkeypatch.setenv(variable, value)
    load_settings()
    monkeypatch.setenv("TICKETS_PRODUCTION", "true")
    with pytest.raises(SettingsError, match=rf"^Not fit for production. {variable}: ") as fault:
        load_settings()
    if variable != "TICKETS_ALLOWED_ORIGINS":
        assert value not in str(fault.value).removeprefix("Not fit for production. ")


def test_production_starts_with_what_is_safe_and_shows_its_schema_only_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().allows_introspection
    monkeypatch.setenv("TICKETS_PRODUCTION", "true")
    monkeypatch.setenv("TICKETS_SECRET_KEY", RANDOM)
    monkeypatch.setenv("TICKETS_ADMIN_PASSWORD", RANDOM[:20])
    assert not load_settings().allows_introspection
    monkeypatch.setenv("TICKETS_INTROSPECTION", "true")
    assert load_settings().allows_introspection
