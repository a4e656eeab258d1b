"""The affine layer: a weighted sum for each unit."""

from __future__ import annotations

from torch import Tensor

from speech.backprop.operation import Saved, require_last, require_precision, require_real, require_shape


class Linear:
    """y = x W^T + b, that is  y[.., j] = sum_i W[j, i] x[.., i] + b[j].

    x ``(..., n_in)``, W ``(n_out, n_in)``, b ``(n_out,)``, y ``(..., n_out)``. dy[j]/dx[i] is W[j, i] and
    dy[j]/dW[j, i] is x[i], so with g = dL/dy, summed over all rows n (all dimensions but the last):

        dL/dx[n, i] = sum_j g[n, j] W[j, i]          dx = g W
        dL/dW[j, i] = sum_n g[n, j] x[n, i]          dW = g^T x
        dL/db[j]    = sum_n g[n, j]

    Rumelhart, Hinton and Williams 1986, equations 1, 6 and 7.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Saved]:
        require_shape("weight", weight, None, None)
        require_shape("bias", bias, weight.shape[0])
        require_last("x", x, weight.shape[1])
        require_precision("weight", weight)
        require_precision("bias", bias)
        require_real("x", x)
        return x @ weight.T + bias, (x, weight)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = saved
        require_shape("grad_y", grad_y, *x.shape[:-1], len(weight))
        rows, grad_rows = x.reshape(-1, x.shape[-1]), grad_y.reshape(-1, grad_y.shape[-1])
        return grad_y @ weight, grad_rows.T @ rows, grad_rows.sum(dim=0)
