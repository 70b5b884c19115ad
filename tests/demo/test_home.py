"""The demo's home: separate from an installation, remembered between starts."""

from __future__ import annotations

import stat

from altor.demo.home import STATE_FILE, DemoState, prepare_environment


def test_an_installation_s_addresses_and_keys_do_not_reach_the_demo(tmp_path):
    environ = {
        "ALTOR_HOME": str(tmp_path),
        "ALTOR_DATABASE_URL": "postgresql://somebody@real-host/altor",
        "ALTOR_STRIPE_API_KEY": "rk_live_obviouslyFake",
        "ALTOR_SECRET_KEY_FILE": "/etc/somewhere",
        "PATH": "/usr/bin",
    }
    home = prepare_environment(environ)
    assert home == tmp_path / "demo"
    assert environ == {
        "ALTOR_HOME": str(tmp_path / "demo"),
        "ALTOR_DEMO": "1",
        "ALTOR_DEBUG": "1",
        "ALTOR_ALLOW_PRIVATE_UPSTREAMS": "1",
        "ALTOR_LOG_LEVEL": "WARNING",
        "PATH": "/usr/bin",
    }


def test_preparing_twice_does_not_nest_the_home(tmp_path):
    environ = {"ALTOR_HOME": str(tmp_path)}
    assert prepare_environment(environ) == prepare_environment(environ)


def test_state_survives_a_restart_and_is_for_the_owner_only(tmp_path):
    state = DemoState.fresh(seed=5)
    state.sent.append(48001)
    state.save(tmp_path)
    assert DemoState.load(tmp_path) == state
    assert stat.S_IMODE((tmp_path / STATE_FILE).stat().st_mode) == 0o600
    assert state.world.seed == 5 and state.world.anchor.second == 0


def test_no_state_is_no_demo(tmp_path):
    assert DemoState.load(tmp_path) is None
