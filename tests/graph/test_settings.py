"""Settings from the environment."""

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
