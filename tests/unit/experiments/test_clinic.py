"""The clinic: its record goes on, and the illnesses show in it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.experiments import clinic
from vgan_tutorial.experiments.clinic import CURED, HEALTHY, PATIENTS, checkpoints, forgetful
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.metrics.diagnostics import company, halves, variety
from vgan_tutorial.training import sample

PLAYERS = ("generator", "discriminator")
STORED = Path(__file__).parents[3] / "book/records/clinic/curves.json"


def test_forgetting_eval_makes_clips_depend_on_their_company_and_leaves_the_network_alone():
    network = GENERATORS["dcgan"](frames=8, size=16, channels=8)
    network(torch.randn(16, 8, 100, generator=seeded(0)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wrong = forgetful(network)
    assert company(sample(wrong, 8, 1), sample(wrong, 8, 1, batch=1)) > 0.05
    assert company(sample(network, 8, 1), sample(network, 8, 1, batch=1)) < 1e-5
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


@pytest.fixture
def two_patients(monkeypatch):
    monkeypatch.setattr(clinic, "CLIPS", 8)
    few = {name: PATIENTS[name] for name in (HEALTHY, "oscillation")}
    monkeypatch.setattr(clinic, "PATIENTS", few)
    return few


def test_an_interrupted_record_goes_on_where_it_stopped(tmp_path, two_patients, monkeypatch):
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    clinic.make_record(whole, steps=20, every=10)
    monkeypatch.setattr(clinic, "PATIENTS", {HEALTHY: two_patients[HEALTHY]})
    clinic.make_record(parts, steps=20, every=10)
    monkeypatch.setattr(clinic, "PATIENTS", two_patients)
    clinic.make_record(parts, steps=20, every=10)
    one, other = (json.loads(path.read_text()) for path in (whole, parts))
    assert one["runs"] == other["runs"]
    healthy, stale = one["runs"][HEALTHY], one["runs"]["stale average"]
    assert [row["step"] for row in healthy["looks"]] == [10, 20]
    assert healthy["log"] == stale["log"]  # the same run,
    assert healthy["looks"] != stale["looks"]  # looked at wrongly
    clips = np.load(whole.with_suffix(".npz"))
    shapes = {name: clips[name].shape for name in clips}
    assert shapes == dict.fromkeys([*two_patients, "stale average"], (8, 8, 16, 16, 3))


def test_generators_to_watch_are_kept_beside_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(clinic, "CLIPS", 8)
    monkeypatch.setattr(clinic, "PATIENTS", {"haste": PATIENTS["haste"]})
    monkeypatch.setattr(clinic, "WATCHED", {"haste": (10, 20)})
    output = tmp_path / "curves.json"
    clinic.make_record(output, steps=20, every=10)
    pairs = checkpoints(output.with_suffix(".safetensors"))
    assert [label for label, _ in pairs] == ["step 10", "step 20"]
    looks = json.loads(output.read_text())["runs"]["haste"]["looks"]
    for (_, network), row in zip(pairs, looks, strict=True):
        assert variety(sample(network, 8, seed=1)) == pytest.approx(row["variety"], abs=0.01)
    with pytest.raises(ValueError, match="no generator of the patient 'oscillation'"):
        checkpoints(output.with_suffix(".safetensors"), "oscillation")


def test_runs_of_other_settings_are_not_mixed_in(tmp_path, two_patients, monkeypatch):
    output = tmp_path / "curves.json"
    monkeypatch.setattr(clinic, "PATIENTS", {HEALTHY: two_patients[HEALTHY]})
    clinic.make_record(output, steps=10, every=10)
    with pytest.raises(ValueError, match="made with steps 10"):
        clinic.make_record(output, steps=20, every=10)


# What the book says of its record ---------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text())["runs"]


def test_every_illness_shows_in_the_stored_record_and_not_in_the_cured_run(stored):
    def end(name, key):
        return stored[name]["looks"][-1][key]

    def losses(name, key):
        return np.array([line[key] for line in stored[name]["log"]])

    def gap(name):
        line = stored[name]["log"][-1]
        return abs(line["real_logit"] - line["fake_logit"])

    def swing(name):
        return losses(name, "generator_loss")[20:].std()

    assert set(stored) == set(PATIENTS) | set(CURED)
    assert losses("the discriminator wins", "discriminator_loss")[-3:].max() < 0.1
    assert losses(HEALTHY, "discriminator_loss")[-3:].min() > 0.2
    assert swing("oscillation") > 2 * swing(HEALTHY)
    assert gap("runaway scores") > 1e6 > 1e3 > gap(HEALTHY)
    assert end("mode collapse", "variety") < 0.3 < 0.8 < end("even stamps", "variety")
    assert end("haste", "variety") < 0.2 < 0.7 < end("haste with a penalty", "variety")
    assert max(row["variety"] for row in stored["haste"]["looks"]) > 1  # there was some to lose
    assert all(np.isfinite(losses("haste", f"{who}_loss")).all() for who in PLAYERS)
    assert end("checkerboards", "checkers") > 3 * end("uneven stamps", "checkers")
    assert end("wrong normalisation mode", "company") > 0.05 > 1e-3 > end("even stamps", "company")
    assert end("stale average", "validity") == 0 < 0.3 < end(HEALTHY, "validity")


def test_the_generators_to_watch_lose_first_who_and_then_how(stored):
    """What the book says of its table, counted again from the stored weights."""
    pairs = checkpoints(STORED.with_suffix(".safetensors"))
    assert [label for label, _ in pairs] == ["step 10", "step 100", "step 400"]
    looks = {f"step {row['step']}": row["variety"] for row in stored["haste"]["looks"]}
    found = {label: halves(network) for label, network in pairs}
    for label in ("step 100", "step 400"):
        assert found[label]["both"] == pytest.approx(looks[label], abs=0.01)
    first, middle, last = found.values()
    assert first["both"] > middle["both"] > 5 * last["both"]
    assert middle["who"] < 0.02 < 0.5 < min(first["who"], middle["how"])
    assert last["who"] < 0.02
    assert STORED.with_suffix(".safetensors").stat().st_size < 450_000


def test_what_the_chapter_says_of_varieties_holds(stored):
    def looks(name, key="variety"):
        return {row["step"]: round(row[key], 2) for row in stored[name]["looks"]}

    runaway = looks("runaway scores")
    assert (runaway[150], runaway[350], runaway[400]) == (0.91, 0.0, 0.32)
    assert max(looks("runaway scores", "validity").values()) == 0
    dead = looks("mode collapse")
    assert (dead[50], dead[400]) == (0.01, 0.0)  # nothing was lost on the way
    for name in ("mode collapse", "even stamps"):
        assert looks(name, "validity")[400] == 0
    stale = looks("stale average")
    assert (stale[50], stale[400]) == (0.91, 0.89)
    ratio = [
        sick["checkers"] / well["checkers"]
        for sick, well in zip(
            stored["checkerboards"]["looks"], stored["uneven stamps"]["looks"], strict=True
        )
    ]
    assert 1.5 < min(ratio) < 2 < 4 < max(ratio) < 5


def test_the_quiz_can_be_answered_from_its_columns(stored):
    """And not from the share of valid clips, which is 0 in all five."""
    ill = sorted(name for name in stored if name not in CURED.values())
    random.Random(8349).shuffle(ill)
    patients = ill[:5]

    def end(key, part="looks"):
        return {name: stored[name][part][-1][key] for name in patients}

    assert set(end("validity").values()) == {0}
    variety = end("variety")
    assert min(variety, key=variety.__getitem__) == "mode collapse"
    assert variety["mode collapse"] < 0.005 < 0.2 < sorted(variety.values())[1]
    assert [name for name, moved in end("company").items() if moved > 0.01] == [
        "wrong normalisation mode"
    ]
    real, fake = end("real_logit", "log"), end("fake_logit", "log")
    gaps = {name: real[name] - fake[name] for name in patients}
    assert gaps["runaway scores"] > 1e6 * max(
        gap for name, gap in gaps.items() if name != "runaway scores"
    )
    steep = end("generator_loss", "log")["the discriminator wins"]
    assert abs(steep) < 0.01  # the minimax loss is flat: so is its slope in a fake's logit
    slope = torch.sigmoid(torch.tensor(fake["the discriminator wins"])).item()
    assert slope < 0.001


def test_the_quiz_has_the_answers_that_the_book_gives(stored):
    ill = sorted(name for name in stored if name not in CURED.values())
    random.Random(8349).shuffle(ill)
    assert ill[:5] == [
        "oscillation",
        "runaway scores",
        "the discriminator wins",
        "mode collapse",
        "wrong normalisation mode",
    ]
