import numpy as np
import pytest

from speech.data.augment.convolution import convolve


@pytest.mark.parametrize(
    ("n_samples", "n_taps"), [(1, 1), (50, 7), (4_000, 64), (900, 900), (300, 2_000), (4_097, 1_024)]
)
def test_each_clip_is_convolved_with_its_own_kernel(n_samples, n_taps):
    rng = np.random.default_rng(0)
    waveforms = rng.normal(size=(3, n_samples)).astype(np.float32)
    kernels = rng.normal(size=(3, n_taps)).astype(np.float32)
    expected = [np.convolve(x, h)[:n_samples] for x, h in zip(waveforms.astype(float), kernels, strict=True)]
    assert convolve(waveforms, kernels) == pytest.approx(np.array(expected), abs=1e-5 * np.sqrt(n_taps) * 5)
