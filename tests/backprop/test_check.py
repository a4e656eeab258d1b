"""The checks themselves: right gradients pass, wrong ones do not."""

import pytest
import torch
from proof import hold, proves

from speech.backprop.check import (
    Compared,
    Miss,
    central_differences,
    compare_with_differences,
    relative_error,
    require_close,
)


@proves("relative_error")
def test_errors_are_relative_to_the_largest_value_and_nan_is_infinite():
    a = torch.tensor([1.0, -4.0])
    assert relative_error(a, a) == 0
    assert relative_error(a, torch.tensor([1.0, -3.0])) == 0.25
    assert relative_error(a, -a) == 2
    assert relative_error(torch.zeros(2), torch.zeros(2)) == 0
    assert relative_error(a, torch.tensor([1.0, torch.nan])) == torch.inf
    with pytest.raises(Miss, match="shapes differ"):
        relative_error(a, a[None])


@proves("central_differences")
def test_central_differences_equal_the_slope_and_restore_their_input():
    x = torch.tensor([[0.5, -2.0], [3.0, 1.0]], dtype=torch.float64)
    before = x.clone()
    slopes = central_differences(lambda: (x**3).sum(), x)
    assert slopes.tolist() == pytest.approx((3 * x**2).flatten().tolist(), rel=1e-8)
    assert torch.equal(x, before)
    (slope,) = central_differences(lambda: (x**3).sum(), x, at=torch.tensor([2]))
    assert float(slope) == pytest.approx(27)
    with pytest.raises(Miss, match="float64"):
        central_differences(lambda: x.sum(), x.float())


@proves("compare_with_differences", "require_close")
def test_one_wrong_value_is_a_miss_that_names_its_tensor():
    tensors = {name: torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64) for name in ("right", "wrong")}

    def loss():
        return sum((x**2).sum() for x in tensors.values())

    grads = {name: 2 * x for name, x in tensors.items()}
    require_close(compare_with_differences(loss, tensors, grads), 1e-8)
    grads["wrong"] = torch.tensor([2.0, 4.0, 6.1], dtype=torch.float64)
    with pytest.raises(Miss, match=r"the gradient of wrong is off by 1\.6e-02"):
        require_close(compare_with_differences(loss, tensors, grads))
    with pytest.raises(Miss, match="of broken"):
        require_close([Compared("fine", 1, 0.0), Compared("broken", 1, torch.inf)])


@pytest.mark.parametrize(("off", "is_found"), [(0.9e-5, False), (1.1e-5, True)])
def test_a_gradient_may_be_off_by_a_hundred_thousandth_and_no_more(off, is_found):
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    grad = 2 * x
    grad[2] *= 1 + off  # the largest, in which errors are counted
    compared = compare_with_differences(lambda: (x**2).sum(), {"x": x}, {"x": grad})
    if is_found:
        with pytest.raises(Miss, match=r"1\.1e-05 \(relative\); 1e-05 is allowed"):
            require_close(compared)
    else:
        require_close(compared)


def test_the_proofs_hold_to_a_million_millionth_and_no_more():
    x = torch.tensor([1.0, -3.0, torch.inf], dtype=torch.float64)
    hold("x", x * (1 + 0.9e-12), x)
    for wrong in x * (1 + 1.1e-12), x.nan_to_num(posinf=torch.nan), torch.tensor([1.0, torch.nan, torch.inf]).double():
        with pytest.raises(Miss):
            hold("x", wrong, x)
