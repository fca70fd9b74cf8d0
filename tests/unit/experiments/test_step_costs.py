"""What a step of every recipe costs: measured once each, and honest about the smallest."""

import json

from vgan_tutorial.experiments import step_costs


def test_a_record_is_gone_on_with_by_recipe(tmp_path, monkeypatch):
    measured = []

    def fake(name, clips, rounds):
        measured.append(name)
        return {"parameters": len(measured)}

    monkeypatch.setattr(step_costs, "measure", fake)
    output = tmp_path / "costs.json"
    monkeypatch.setattr(step_costs, "RECIPES", ("tiny",))
    step_costs.make_record(output, clips=2)
    monkeypatch.setattr(step_costs, "RECIPES", ("tiny", "small"))
    step_costs.make_record(output, clips=2)
    assert measured == ["tiny", "small"]
    record = json.loads(output.read_text())
    assert record["recipes"] == {"tiny": {"parameters": 1}, "small": {"parameters": 2}}
    assert record["clips"] == 2


def test_the_smallest_recipe_is_measured():
    found = step_costs.measure("tiny", clips=2, rounds=1)
    assert found["parameters"] > 1000
    assert found["seconds_per_step"] > 0
    assert found["mebibytes"] > 4 * found["parameters"] / 2**20
