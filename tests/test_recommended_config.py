"""A sweep's recommended config, read back from its JSON."""

import json

import pytest
from scripted_sweep import finished, plan

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.console.sweep import to_json
from tui_trainer.sweeps.recommendation import recommend
from tui_trainer.sweeps.recommended_config import read_recommended


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sweep.json"


def test_it_is_the_recommended_config(file):
    results = finished(plan("l1_weight=0,0.5", "regularizer=none,dropout"), [4, 3, 1, 2])
    file.write_text(to_json(results))
    config = read_recommended(file)
    assert config == recommend(results).config
    assert (config.regularizer.l1_weight, config.regularizer.name) == (0.5, "none")


def test_numbers_may_be_given_in_the_place_of_its_own(file):
    file.write_text(to_json(finished(plan("lr=0.1,0.2"), [2, 1])))
    config = read_recommended(file, steps=7, seed=3, lr=None)
    assert (config.steps, config.seed, config.lr) == (7, 3, 0.2)


def test_what_can_not_be_read_is_one_line(file, tmp_path):
    def line(text=None):
        if text is not None:
            file.write_text(text)
        with pytest.raises(InvalidSettingsError) as error:
            read_recommended(file)
        assert str(file) in str(error.value)
        return str(error.value)

    assert "No such file" in line()
    assert "not a JSON file" in line("lr,seed")
    assert "sweep --json" in line("[1]")
    assert "sweep --json" in line("{}")
    assert "recommends nothing" in line('{"recommended": null}')
    assert "recommended.config" in line('{"recommended": {"config": 3}}')
    found = json.loads(to_json(finished(plan("lr=0.1,0.2"), [2, 1])))
    found["recommended"]["config"]["lr"] = -1
    assert "recommended.config.lr: expected a number > 0" in line(json.dumps(found))
    found["recommended"]["config"]["lrr"] = found["recommended"]["config"].pop("lr")
    assert "did you mean 'lr'" in line(json.dumps(found))
