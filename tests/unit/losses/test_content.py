"""The article's content term in its four readings."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.support.seeds import seeded
from vgan_tutorial import losses


class TestContentTerms:
    def clips(self, seed: int, batch: int = 6) -> Tensor:
        return torch.randn(batch, 3, 4, 5, 5, generator=seeded(seed), dtype=torch.float64)

    def test_the_literal_reading_is_matching_means_plus_the_variance(self) -> None:
        real, fake = self.clips(0, batch=9), self.clips(1)
        variance = fake.var(dim=0, unbiased=False).sum()
        torch.testing.assert_close(
            losses.literal_content(real, fake), losses.matching_means(real, fake) + variance
        )

    def test_distance_to_mean_by_loops(self) -> None:
        fake, mean = self.clips(0), self.clips(1)[0]
        loop = sum(((clip - mean) ** 2).sum() for clip in fake) / len(fake)
        torch.testing.assert_close(losses.distance_to_mean(fake, mean), loop)

    def test_only_the_paired_reading_sees_the_order_of_the_batch(self) -> None:
        real, fake = self.clips(0), self.clips(1)
        swapped = real.flip(0)
        for term in (losses.literal_content, losses.matching_means, losses.paired_reconstruction):
            same = torch.allclose(term(real, fake), term(swapped, fake))
            assert same is (term != losses.paired_reconstruction)

    def test_paired_reconstruction_is_the_mean_squared_error_times_the_clip_size(self) -> None:
        real, fake = self.clips(0), self.clips(1)
        expected = functional.mse_loss(fake, real) * real[0].numel()
        torch.testing.assert_close(losses.paired_reconstruction(real, fake), expected)

    def test_feature_matching_sums_layers_and_leaves_the_real_features_alone(self) -> None:
        real = [self.clips(0).requires_grad_(), torch.ones(6, 2, dtype=torch.float64)]
        fake = [self.clips(1).requires_grad_(), torch.zeros(6, 2, dtype=torch.float64)]
        loss = losses.feature_matching(real, fake)
        torch.testing.assert_close(loss, losses.matching_means(real[0], fake[0]) + 2.0)
        loss.backward()
        assert real[0].grad is None
        assert fake[0].grad is not None

    @pytest.mark.parametrize(("real", "fake"), [(0, 0), (1, 2)])
    def test_feature_matching_refuses_lists_that_do_not_match(self, real: int, fake: int) -> None:
        with pytest.raises(ValueError, match="same layers from both"):
            losses.feature_matching([torch.zeros(2, 3)] * real, [torch.zeros(2, 3)] * fake)
