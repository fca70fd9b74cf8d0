"""FVD, with stand-ins for I3D."""

import math

import pytest
import torch
from torch import Tensor, nn

from vgan_tutorial import metrics
from vgan_tutorial.metrics.fvd import prepare
from vgan_tutorial.shapes import MovingShapes


class StandIn(nn.Module):
    """Returns statistics of what it is given, so that the test sees range and size."""

    def forward(
        self,
        x: Tensor,
        rescale: bool = True,
        resize: bool = True,
        return_features: bool = False,
    ) -> Tensor:
        row = torch.stack(
            [
                x.amin((1, 2, 3, 4)),
                x.amax((1, 2, 3, 4)),
                x.mean((1, 2, 3, 4)),
                torch.full((x.shape[0],), float(x.shape[3]), device=x.device),
                torch.full((x.shape[0],), float(x.shape[4]), device=x.device),
                torch.full((x.shape[0],), float(x.shape[2]), device=x.device),
                torch.full((x.shape[0],), float(rescale), device=x.device),
                torch.full((x.shape[0],), float(resize), device=x.device),
                torch.full((x.shape[0],), float(return_features), device=x.device),
            ],
            1,
        )
        return torch.nn.functional.pad(row, (0, 391))


class Plain(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3, 4)).repeat(1, 134)[:, :400]


class TooFew(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3, 4))


class Raising(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] > 0:
            raise ValueError("another size is wanted")
        return x


@pytest.fixture
def scripted(tmp_path):
    def make(module: nn.Module):
        path = tmp_path / f"{type(module).__name__}.pt"
        torch.jit.save(torch.jit.script(module), str(path))
        return metrics.I3DFeatures(path)

    return make


def test_fvd_protocol_range_size_and_switches(scripted):
    clips, _ = MovingShapes("small", seed=8).batch(3)
    row = scripted(StandIn())(clips * 1.5)[0, :9].tolist()
    assert row[0] == pytest.approx(-1)
    assert row[1] <= 1
    assert row[3:6] == [224, 224, 16]
    assert row[6:] == [0, 0, 1]  # nothing is scaled or resized twice; features, not classes
    expected = nn.functional.interpolate(clips[:, :, 5], size=(224, 224), mode="bilinear")
    torch.testing.assert_close(prepare(clips)[:, :, 5], expected)


def test_fvd_is_the_frechet_distance_on_the_logits(scripted):
    extractor = scripted(Plain())
    real, fake = MovingShapes("small", seed=9).batch(8)[0], MovingShapes("small", 10).batch(6)[0]
    found = metrics.frechet_video_distance(real.split(3), fake.split(4), extractor)
    expected = metrics.frechet_distance(extractor(real), extractor(fake))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert metrics.frechet_video_distance([real], [real], extractor) < 1e-4


def test_fvd_refuses_what_is_not_fvd(scripted, tmp_path):
    clips, _ = MovingShapes("small", seed=11).batch(2)
    with pytest.raises(ValueError, match="11 frames"):
        scripted(Plain())(clips[:, :, :10])
    with pytest.raises(ValueError, match="400"):
        scripted(TooFew())(clips)
    with pytest.raises(ValueError, match="NaN"):
        scripted(Plain())(clips * math.nan)
    with pytest.raises(ValueError, match=r"cannot compute logits .* \(.*another size is wanted"):
        scripted(Raising())(clips)
    with pytest.raises(FileNotFoundError, match="I3D"):
        metrics.I3DFeatures(tmp_path / "missing.pt")
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(ValueError, match="TorchScript"):
        metrics.I3DFeatures(tmp_path / "text.pt")
