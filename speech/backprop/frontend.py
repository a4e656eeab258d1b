"""From the waveform to MFCC frames, each step with its backward pass, so that the gradient reaches the waveform.

The steps, in order: PreEmphasis, Level, PowerSpectrum, Filters (mel), Log, Filters (cosine transform), Deltas, and
normalisation.ClipNorm. The whole is due to Davis and Mermelstein 1980; the constants, those of torchaudio and of the
project's own front end, are arguments.
"""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.frames import frame_mask
from speech.backprop.operation import InputError, Saved, require_last, require_lengths, require_real, require_shape
from speech.common.counting import counted

QUIETEST = 1e-8  # RMS: a quieter clip gets no more gain than a clip at this level
N_AROUND = 2  # frames on either side over which a slope is taken


class PreEmphasis:
    """y[i] = x[i] - c x[i-1] within a clip's samples, 0 beyond; x, y ``(batch, n_samples)``.

    x[i] occurs in y[i] and in y[i+1], so dL/dx[i] = g[i] - c g[i+1], g being 0 beyond the clip.
    """

    @staticmethod
    def forward(x: Tensor, n_samples: Tensor, factor: float) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None)
        require_lengths("n_samples", n_samples, *x.shape)
        require_real("x", x)
        mask = frame_mask(n_samples, x.shape[1])
        before = torch.constant_pad_nd(x, [1, 0])[:, :-1]
        return (x - factor * before) * mask, (mask, factor)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None, None]:
        mask, factor = saved
        require_shape("grad_y", grad_y, *mask.shape)
        grad_y = grad_y * mask
        return grad_y - factor * torch.constant_pad_nd(grad_y, [0, 1])[:, 1:], None, None


class Level:
    """Scales every clip to the same level: y = a x, a = level / max(r, QUIETEST), r = sqrt(sum_i x[i]^2 / n).

    x and y ``(batch, n_samples)``, n ``n_samples`` int ``(batch,)``. x[i] changes y[i] by a, and every y through r:
    dr/dx[i] = x[i] / (n r) and da/dr = -a / r, so

        dL/dx[i] = a g[i] - x[i] a / (n r^2) sum_j g[j] x[j]        (the second term only where r > QUIETEST)
    """

    @staticmethod
    def forward(x: Tensor, n_samples: Tensor, level: float) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None)
        require_lengths("n_samples", n_samples, *x.shape)
        require_real("x", x)
        count = n_samples[:, None]
        power = x.square().sum(dim=1, keepdim=True) / count
        moves = power > QUIETEST * QUIETEST
        gain = level / torch.where(moves, power, QUIETEST * QUIETEST).sqrt()
        return gain * x, (x, power, gain, moves, count)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None, None]:
        x, power, gain, moves, count = saved
        require_shape("grad_y", grad_y, *x.shape)
        along = (grad_y * x).sum(dim=1, keepdim=True) / torch.where(moves, count * power, 1)
        return gain * (grad_y - x * along * moves), None, None


class PowerSpectrum:
    """P[t, k] = |X[t, k]|^2, X[t, k] = sum_n w[n] x[hop t + n] exp(-2 pi i k n / N), the short-time Fourier transform.

    x ``(batch, n_samples)``, window w ``(N,)``, P ``(batch, n_frames, N // 2 + 1)``, frames wholly within n_samples.
    With X = R + i I: dP/dR = 2 R, dP/dI = 2 I, dR/dx[n] = w[n] cos(2 pi k n / N), dI/dx[n] = -w[n] sin(2 pi k n / N):

        dL/dx[hop t + n] += w[n] sum_k 2 g[t, k] Re(X[t, k] exp(2 pi i k n / N))

    which is an inverse transform. (torch's irfft counts every k twice, for the mirrored half of a real signal's
    spectrum, except the first and, for even N, the last: the others are halved beforehand.) Overlapping frames add up.
    """

    @staticmethod
    def forward(x: Tensor, window: Tensor, hop: int) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None)
        require_shape("window", window, None)
        if x.shape[1] < len(window) or hop < 1:
            raise InputError(
                f"x has {counted(x.shape[1], 'sample')} and hop is {hop}; at least {len(window)} and 1 are needed"
            )
        require_real("x", x)
        frames = x.unfold(1, len(window), hop)
        spectrum = torch.fft.rfft(frames * window)
        return spectrum.real.square() + spectrum.imag.square(), (spectrum, window, hop, x.shape)

    @staticmethod
    def backward(saved: Saved, grad_power: Tensor) -> tuple[Tensor, None, None]:
        spectrum, window, hop, shape = saved
        require_shape("grad_power", grad_power, *spectrum.shape)
        n = len(window)
        halved = torch.full((spectrum.shape[-1],), 0.5, dtype=window.dtype, device=window.device)
        halved[0] = 1
        if n % 2 == 0:
            halved[-1] = 1
        turned = torch.fft.irfft(2 * grad_power * halved * spectrum, n=n, norm="forward") * window
        first = hop * torch.arange(turned.shape[1], device=window.device)
        sample = (first[:, None] + torch.arange(n, device=window.device)).flatten()
        return turned.new_zeros(shape).index_add(1, sample, turned.flatten(1)), None, None


class Filters:
    """y = x F over the last dimension, with a constant F ``(n_in, n_out)``: mel filters, or the cosine transform.

    dL/dx = g F^T.
    """

    @staticmethod
    def forward(x: Tensor, filters: Tensor) -> tuple[Tensor, Saved]:
        require_shape("filters", filters, None, None)
        require_last("x", x, len(filters))
        require_real("x", x)
        return x @ filters, (filters, x.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        filters, shape = saved
        require_shape("grad_y", grad_y, *shape[:-1], filters.shape[1])
        return grad_y @ filters.T, None


class Log:
    """y = log(x + floor): dL/dx = g / (x + floor)."""

    @staticmethod
    def forward(x: Tensor, floor: float) -> tuple[Tensor, Saved]:
        require_real("x", x)
        least = float(x.detach().min())
        if not least > -floor:
            raise InputError(f"x holds {least}, and more than {-floor} is needed for a logarithm")
        return torch.log(x + floor), (x, floor)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        x, floor = saved
        require_shape("grad_y", grad_y, *x.shape)
        return grad_y / (x + floor), None


class Deltas:
    """Coefficients, followed by ``n_orders`` of their slopes in time: y = [x, d, dd, ...].

    x ``(batch, n_frames, n)``, y ``(batch, n_frames, n (n_orders + 1))``. A slope is that of the least-squares line
    through five frames, d[t] = sum_{j=1..2} j (x[t+j] - x[t-j]) / (2 (1 + 4)), with a clip's first and last frame
    repeated beyond its ends (Furui 1986). It is linear, so the gradient g of d returns with equal factors: j g[t] / 10
    is added to dx[t+j] and subtracted from dx[t-j], highest order first, since each slope is the next one's input.
    """

    @staticmethod
    def forward(x: Tensor, n_frames: Tensor, n_orders: int) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None, None)
        require_lengths("n_frames", n_frames, x.shape[0], x.shape[1])
        require_real("x", x)
        orders = [x]
        for _ in range(n_orders):
            before, after = zip(*(_neighbours(orders[-1], n_frames, j) for j in range(1, N_AROUND + 1)), strict=True)
            terms = [j * (b - a) for j, (a, b) in enumerate(zip(before, after, strict=True), start=1)]
            orders.append(sum(terms[1:], terms[0]) / _scale())
        return torch.cat(orders, dim=2), (n_frames, n_orders, x.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None, None]:
        n_frames, n_orders, shape = saved
        require_shape("grad_y", grad_y, *shape[:2], shape[2] * (n_orders + 1))
        grads = list(grad_y.chunk(n_orders + 1, dim=2))
        for order in range(n_orders, 0, -1):
            grad_slope, below = grads[order] / _scale(), grads[order - 1]
            for j in range(1, N_AROUND + 1):
                before, after = (_index(grad_slope, n_frames, shift) for shift in (-j, j))
                below = below.scatter_add(1, after, j * grad_slope).scatter_add(1, before, -j * grad_slope)
            grads[order - 1] = below
        return grads[0], None, None


def _scale() -> int:
    return 2 * sum(j * j for j in range(1, N_AROUND + 1))


def _index(x: Tensor, n_frames: Tensor, shift: int) -> Tensor:
    """The index of the frame ``shift`` later, clamped to each clip: of x's shape, for gather and scatter."""
    t = torch.arange(x.shape[1], device=x.device)[None] + shift
    return torch.minimum(t.clamp(min=0), n_frames[:, None] - 1)[..., None].expand_as(x)


def _neighbours(x: Tensor, n_frames: Tensor, j: int) -> tuple[Tensor, Tensor]:
    return x.gather(1, _index(x, n_frames, -j)), x.gather(1, _index(x, n_frames, j))
