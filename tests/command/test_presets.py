"""``jobsim presets`` lists the presets."""

from command_line import jobsim

from jobsim import presets


def test_presets_are_listed_with_their_reasons(capsys):
    assert jobsim("presets") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {why}" in out for name, why in presets().items())
