"""Wrong derivatives, each of a kind that has been written somewhere before: dropped terms, swapped gates, lost lengths.

    operation: [(term, what is written by mistake, why it is one), ...]

An operation is a function or a class's method, in whichever file it stands; ``proof: operation`` where another's proof
has to find the fault. A term is an expression or a statement that the operation's syntax tree holds exactly once, so
that layout and comments do not count. ``_`` in a term is any expression, and the same one in its mistake.
"""


def first(x, n=100_000):
    """The fault that ``x`` is 0 for all but its first ``n`` values."""
    cut = f"({x}).where(({x}).new_ones(({x}).shape).flatten().cumsum(0).view(({x}).shape) <= {n}, 0)"
    return x, cut, f"only the first {n} values"


def frames(x, n=64):
    """The fault that ``x`` is 0 beyond its first ``n`` frames."""
    return x, f"({x}).where(torch.arange(({x}).shape[1])[:, None] < {n}, 0)", f"only the first {n} frames"


FAULTS = {
    "Linear.forward": [("x @ weight.T + bias", "x @ weight.T", "forgotten bias")],
    "Linear.backward": [
        ("grad_y @ weight", "grad_y @ weight.T", "transposed weight"),
        ("grad_rows.T @ rows", "rows.T @ grad_rows", "transposed gradient of the weight"),
        ("grad_rows.T @ rows", "grad_rows[:1].T @ rows[:1]", "only the first row"),
        ("grad_rows.sum(dim=0)", "grad_rows.mean(dim=0)", "a mean over rows for a sum"),
    ],
    "Sigmoid.backward": [
        ("grad_y * y * (1 - y)", "grad_y * y", "missing factor"),
        ("grad_y * y * (1 - y)", "grad_y * y * (y - 1)", "wrong sign"),
    ],
    "Tanh.backward": [
        ("1 - y * y", "1 - y", "missing square"),
        ("1 - y * y", "1 + y * y", "wrong sign"),
    ],
    "Relu.backward": [
        ("y > 0", "y >= 0", "everything passes"),
        ("grad_y * (y > 0)", "grad_y * y", "value for slope"),
    ],
    "LogSoftmax.forward": [
        ("x - x.detach().amax(dim=-1, keepdim=True)", "x - 0", "exponentials of large logits overflow"),
        ("x.detach().amax(dim=-1, keepdim=True)", "x.detach().amax()", "all rows less the largest of any"),
    ],
    **{
        f"tanh: {cell}.forward": [("_.tanh_()", "_.mul_(2).sigmoid_().mul_(2).sub_(1)", "digits lost near 0")]
        for cell in ("Rnn", "Gru", "Lstm")
    },
    "LogSoftmax.backward": [
        ("y.exp()", "1", "missing probability"),
        ("y.exp()", "-y.exp()", "wrong sign"),
        ("grad_y.sum", "(grad_y * y.exp()).sum", "the derivative of softmax, not of its logarithm"),
    ],
    "Embedding.backward": [
        ("grad_y.reshape(-1, shape[1])", "grad_y.reshape(-1, shape[1]).clamp(-100, 100)", "large errors cut off"),
        ("_.index_add", "_.index_copy", "a word that stands twice keeps one error"),
        ("indices.reshape(-1)", "indices.reshape(-1).flip(0)", "errors of other words"),
    ],
    "Dropout.backward": [
        ("grad_y * mask", "grad_y * (mask > 0)", "missing scale"),
        ("grad_y * mask", "grad_y * 1", "dropped units get an error"),
    ],
    "Convolution.backward": [
        ("weight[:, :, k]", "weight[:, :, kernel - 1 - k]", "mirrored kernel"),
        ("_ += grad_y @ weight[:, :, k]", "_ = grad_y @ weight[:, :, k]", "overlapping windows overwrite one another"),
        ("grad_padded[:, padding:_]", "grad_padded[:, : _ - padding]", "off by the padding"),
        ("grad_rows.sum(dim=0)", "torch.zeros_like(grad_rows[0])", "forgotten bias"),
        ("_.view(weight.shape)", "_.view(n_out, kernel, -1).transpose(1, 2)", "windows laid out the other way"),
    ],
    "LayerNorm.backward": [
        ("grad_xh.mean(dim=-1, keepdim=True)", "0", "the mean's share dropped"),
        ("xh * along", "0", "the deviation's share dropped"),
        ("_ * one_over_s", "_", "missing deviation"),
        ("grad_y * weight", "grad_y", "forgotten weight"),
        ("rows * xh.flatten(0, -2)", "rows * weight", "weight for value"),
    ],
    "ClipNorm.forward": [
        ("(y, s, moves, mask, _)", "(y, s, moves, mask, _ - n_prior_frames)", "the prior frames left out"),
    ],
    "ClipNorm.backward": [
        ("grad_y * mask", "grad_y", "missing length mask"),
        ("grad_y.sum(dim=1, keepdim=True) / count", "grad_y.mean(dim=1, keepdim=True)", "a mean over the padding too"),
        ("y * along * moves", "y * along", "a deviation that is held moves"),
        ("y * along * moves", "0", "the deviation's share dropped"),
        ("_ * mask / s", "_ / s", "the padding gets an error"),
    ],
    "ReverseWithinLength.forward": [
        ("n_frames[:, None] - 1 - t", "(n_frames[:, None] - t) % n_frames[:, None]", "off by one in time"),
    ],
    "ReverseWithinLength.backward": [
        ("permute(grad_y, source)", "grad_y.flip(1)", "reversed within the padded length"),
        ("permute(grad_y, source)", "grad_y", "not reversed back"),
    ],
    "ReverseWithinLength: permute": [("_[source]", "_[source.flip(0)]", "the clips in another order")],
    "MaskFrames.backward": [("grad_y * mask", "grad_y", "missing length mask")],
    "MaskFrames: frame_mask": [("_ < n_frames[:, None]", "_ <= n_frames[:, None]", "off by one in time")],
    "SoftmaxCrossEntropy.backward": [
        ("len(targets)", "1", "a sum for a mean"),
        ("log_probs.exp() - one_hot", "one_hot - log_probs.exp()", "wrong sign"),
        ("log_probs.exp() - one_hot", "log_probs.exp()", "dropped term"),
    ],
    "BinaryCrossEntropy.forward": [("targets * logits", "-targets * logits", "wrong sign forward")],
    "BinaryCrossEntropy.backward": [
        ("torch.sigmoid(logits) - targets", "torch.sigmoid(logits) - targets.round()", "soft targets hardened"),
        ("len(targets)", "1", "a sum for a mean"),
    ],
    "MeanSquaredError.backward": [
        ("grad_loss * 2", "grad_loss", "missing factor 2"),
        ("error.numel()", "len(error)", "a mean over rows only"),
        ("grad_loss * 2", "2", "the error from above dropped"),
    ],
    "MeanPerLetter.forward": [
        ("_.clamp(min=1)", "losses.shape[1]", "texts that were left out are counted"),
        ("lengths * _", "_", "missing number of letters"),
        ("feasible.sum(dim=1, keepdim=True)", "feasible.sum()", "the clips of both texts counted together"),
    ],
    "MeanPerLetter.backward": [("grad_loss * weight", "weight", "the error from above dropped")],
    "EachLogSoftmax.forward": [("x.split(list(sizes), dim=-1)", "[x]", "one softmax over both outputs")],
    "EachLogSoftmax.backward": [
        ("grad_y.split(sizes, dim=-1)", "reversed(grad_y.split(sizes[::-1], dim=-1))", "the outputs' errors swapped"),
    ],
    "EachCtc.forward": [("_[: len(texts)]", "_[-len(texts) :]", "the letters read off the phones")],
    "EachCtc.backward": [
        ("zip(of_each, grad_losses, strict=_)", "zip(of_each, grad_losses.flip(0))", "the texts' errors swapped"),
        ("[*grads, _]", "[_, *grads]", "the output without a text gets the error"),
    ],
    "sgd": [("weight -= rate * grads[name]", "weight += rate * grads[name]", "uphill")],
    "clip_norm": [
        ("not scale >= 1", "scale > 1", "small gradients are blown up"),
        ("not scale >= 1", "scale < 1", "NaN passes for a small gradient"),
        ("norm + 1e-6", "norm", "torch's 1e-6 forgotten"),
        ("_.sum().sqrt()", "_.max().sqrt()", "the norm of one tensor, not of all together"),
    ],
    "adamw": [
        ("-rate / (1 - betas[0] ** step)", "-rate", "missing correction of the mean"),
        ("1 - betas[1] ** step", "1 - betas[0] ** step", "the wrong beta in a correction"),
        ("memory['step'] += 1", "memory['step'] += 2", "steps counted wrongly"),
        ("1 - rate * weight_decay", "1 - weight_decay", "decay without the rate"),
        ("weight *= 1 - rate * weight_decay", "grads[name].add_(weight, alpha=weight_decay)", "decay in the gradient"),
        ("_.addcmul_(grad, grad, value=1 - betas[1])", "_.add_(grad.abs(), alpha=1 - betas[1])", "missing square"),
        ("_.sqrt_().add_(eps)", "_.add_(eps).sqrt_()", "eps under the root"),
    ],
    "Rnn.forward": [("bias_ih + bias_hh", "bias_ih", "forgotten bias")],
    "Rnn.backward": [
        ("carried.add_(grads[t])", "grads[t]", "no error from the frames after"),
        ("carried.add_(grads[t])", "carried if t < len(da) - 1 else grads[t]", "no error from outputs before the last"),
        ("torch.mm(da[t], weight_hh, out=carried)", "torch.mm(da[t], weight_hh.T, out=carried)", "transposed weight"),
        ("1 - states[1:] * states[1:]", "1 - states[:-1] * states[:-1]", "slopes off by one in time"),
        ("states[:-1]", "states[1:]", "states off by one in time"),
    ],
    "Rnn: weight_grads": [
        ("rows.sum(dim=0)", "rows[1:].sum(dim=0)", "a row forgotten"),
        ("grad_bias_hh.clone()", "grad_bias_hh", "two gradients in one tensor, which clipping scales twice"),
        ("rows.T @ inputs_rows", "rows.flip(0).T @ inputs_rows", "frames in the wrong order"),
    ],
    "Gru.forward": [
        ("bias_ih[:n_rz] + bias_hh[:n_rz]", "bias_ih[:n_rz]", "forgotten bias"),
        ("n.addcmul_(r, m)", "n.add_(m)", "the candidate reads all of the past"),
    ],
    "Gru.backward": [
        ("1 - z", "z.clone()", "z for 1 - z"),
        ("(1 - z).mul_(_)", "(1 - z).clone()", "missing slope of tanh"),
        ("n.new_ones(())", "n", "sigmoid's slope"),
        ("torch.sub(h_before, n, out=factor_z)", "torch.sub(n, h_before, out=factor_z)", "wrong sign"),
        ("torch.addcmul(z, z, z, value=-1)", "z", "missing factor of z"),
        ("torch.addcmul(r, r, r, value=-1)", "1 - r", "missing factor of r"),
        ("torch.mul(factor_n, m, out=factor_r)", "torch.mul(factor_n, n, out=factor_r)", "the candidate itself"),
        ("torch.mul(factor_n, r, out=factor_m)", "factor_m.copy_(factor_n)", "forgotten reset gate"),
        ("factor_r, factor_z, factor_m", "factor_z, factor_r, factor_m", "swapped gates in the factors"),
        (
            "(_, errors, da_hh, da_hh.flatten(2), z)",
            "(_, errors, da_hh, da_hh.flatten(2), r)",
            "the wrong gate keeps the error",
        ),
        ("torch.mul(d, keep, out=carried)", "carried.zero_()", "dropped term: what is kept"),
        (
            "weight_grads(inputs, h_before, _, weight_ih, weight_hh, da_n)",
            "weight_grads(inputs, states[1:], _, weight_ih, weight_hh, da_n)",
            "off by one in time",
        ),
        ("torch.add(grad, carried, out=d)", "d.copy_(grad)", "only this frame's error"),
        ("(r, z)", "(z, r)", "swapped gates"),
    ],
    "Gru: weight_grads": [
        ("_.addmm_(last, weight_ih[-n_units:])", "_", "the candidate's error does not reach the input"),
        ("torch.cat([grad_bias_hh[:-n_units], _])", "grad_bias_hh.clone()", "the candidate's two biases taken for one"),
        ("last.T @ inputs_rows", "rows[:, -n_units:].T @ inputs_rows", "the reset gate in the input's weight"),
    ],
    "Lstm.forward": [("bias_ih + bias_hh", "bias_hh", "forgotten bias")],
    "Lstm.backward": [
        ("factor_i, factor_f, factor_g, factor_o", "factor_f, factor_i, factor_g, factor_o", "swapped gates"),
        ("i, f, g, o", "i, f, o, g", "swapped gates"),
        ("e.mul_(f[t])", "e.mul_(i[t])", "the wrong gate keeps the error"),
        ("e.mul_(f[t])", "pass", "nothing is forgotten"),
        ("memories[:-1]", "memories[1:]", "off by one in time"),
        ("(1 - read * read).mul_(o)", "1 - read * read", "missing output gate"),
        ("1 - g * g", "1 - g", "missing square"),
        ("memories[1:].tanh()", "memories[1:].clone()", "missing tanh"),
        ("torch.mul(read, o, out=factor_o).mul_(1 - o)", "torch.mul(read, o, out=factor_o)", "missing factor"),
        ("e.addcmul_(d, to_memory[t])", "e.add_(d)", "missing slope into the memory"),
        ("d.add_(grads[t])", "d.copy_(grads[t])", "no error from the frames after"),
        ("da[t, :, :3].mul_(e[:, None])", "da[t, :, :3].mul_(d[:, None])", "the output's error for the memory's"),
    ],
    "Layer.backward": [
        ("grad_y * mask", "grad_y", "missing length mask"),
        ("grad_y[..., :half]", "grad_y[..., half:]", "the other direction's error"),
        ("permute(grad_turned, source)", "grad_turned", "not reversed back"),
        ("grad_x + _", "grad_x", "one direction's error lost"),
        (
            "(grad_x, None, None, *grad_forwards, *grad_backwards)",
            "(grad_x, None, None, *grad_backwards, *grad_forwards)",
            "swapped directions",
        ),
        ("permute(grad_y[..., half:], source)", "grad_y[..., half:]", "not reversed"),
    ],
    "Ctc.backward": [
        ("-weight", "weight", "wrong sign"),
        ("_.scatter_add", "_.scatter", "only one of a symbol's states counts"),
    ],
    "Ctc: _occupancy": [("lattice.emitted", "0", "the frame's own symbol counted twice")],
    "Ctc: _log_alpha": [
        ("_ & (states[:, 2:] != states[:, :-2])", "_", "the blank between equal letters skipped"),
        ("_ < 2", "_ < 1", "a path must begin with a blank"),
        ("torch.logaddexp(log_alpha[-1], shifted[:, 1:-1])", "shifted[:, 1:-1]", "a path may not stay"),
    ],
    "Ctc: _lattice": [
        ("(t <= last_frame)[:, :, None]", "(t <= longest)[None, :, None]", "missing length mask"),
        ("torch.logaddexp(end, before)", "end", "a path must end in a blank"),
        ("n_frames[:, None] - 1", "torch.full_like(n_frames[:, None], longest - 1)", "lengths ignored"),
        ("_turn(emitted, turned_t, turned_s)", "emitted", "beta over frames that are not reversed"),
        ("2 * n_letters[:, None]", "2 * n_letters[:, None] - 2 * (n_letters[:, None] > 0)", "the last letter lost"),
    ],
    "extreme CTC: Ctc.forward": [("LOG_ZERO / 2", "-1e6", "a very large loss is taken for an impossible text")],
    "extreme CTC: Ctc.backward": [
        ("torch.where(possible, grad_losses, 0)", "grad_losses * possible", "NaN of an impossible text spreads"),
        (
            "_occupancy(lattice, possible)",
            "_occupancy(lattice, possible).where(_occupancy(lattice, possible) > 1e-20, 0)",
            "tiny occupancies are cut off",
        ),
    ],
    "occupancy: _occupancy": [("_.softmax(dim=2)", "_.exp()", "not divided by p")],
    "PreEmphasis.backward": [
        ("grad_y * mask", "grad_y", "missing length mask"),
        ("_(grad_y, [0, 1])[:, 1:]", "_(grad_y, [1, 0])[:, :-1]", "the wrong way in time"),
        ("factor * _", "-factor * _", "wrong sign"),
    ],
    "Level.backward": [
        ("grad_y - x * along * moves", "grad_y", "the loudness's share dropped"),
        ("count * power", "power", "missing count"),
        ("grad_y - x * along * moves", "grad_y + x * along * moves", "wrong sign"),
    ],
    "PowerSpectrum.backward": [
        ("2 * grad_power", "grad_power", "missing factor 2"),
        ("_ * halved", "_", "mirrored frequencies counted twice"),
        ("n % 2 == 0", "True", "an odd window taken for an even one"),
        ("_ * window", "_", "forgotten window"),
        ("hop * _", "_", "frames laid a sample apart"),
        ("_ * spectrum", "_ * spectrum.conj()", "wrong sign of the phase"),
        ("'forward'", "'backward'", "missing factor N"),
    ],
    "Filters.backward": [("grad_y @ filters.T", "grad_y @ filters", "transposed weight")],
    "Log.backward": [("x + floor", "x", "forgotten floor")],
    "Deltas.backward": [
        ("-j * grad_slope", "j * grad_slope", "wrong sign"),
        ("range(n_orders, 0, -1)", "range(1, n_orders + 1)", "the orders in the wrong order"),
        ("grads[order] / _scale()", "grads[order]", "missing factor"),
        ("(-j, j)", "(-1, 1)", "neighbours of the wrong distance"),
    ],
    "Deltas: _index": [("_ - 1", "torch.full_like(_, x.shape[1] - 1)", "held at the end of the padding")],
    "recognizer: Chain.step": [("tuple(names)", "tuple(reversed(names))", "gradients under one another's names")],
    "Chain.backward": [
        ("of_parameters[name] + g if name in of_parameters else g", "g", "a weight used twice keeps one gradient"),
    ],
    "recognizer: Chain.backward": [
        ("reversed(self.steps)", "self.steps", "from the first step to the last"),
        ("of_parameters[name] = _", "of_parameters = {name: _}", "only the last gradient is kept"),
        ("step.name == until", "step.name == 'features'", "gone back too far"),
    ],
    "recognizer: forward": [
        ("masks[1 + i]", "masks[0]", "another layer's mask"),
        ("(n_frames - 1) // geometry.stride + 1", "n_frames // geometry.stride", "frames counted wrongly"),
        ("('forwards', 'backwards')", "('backwards', 'forwards')", "swapped directions"),
        ("x = chain.step('encoder.relu', Relu, x)", "pass", "a step left out"),
    ],
    "by_hand: _ByHand.backward": [
        ("torch.is_grad_enabled()", "False", "saved values taken for constants"),
        ("_, saved = ctx.operation.forward(*inputs)", "saved = _take_out(ctx.saved, tensors)", "the same a line later"),
        ("(None, *grads)", "(None, *grads[:-1], None)", "the last input gets none"),
        ("asked and grad is None", "False", "no derivative taken for 0"),
        ("(None, *grads)", "(None, *(g if g is None else 2 * g for g in grads))", "twice the gradient"),
    ],
    "by_hand: _put_away": [("_Place(len(tensors) - 1)", "_Place(len(tensors) - 2)", "one tensor for another")],
    "Manual.backward": [("torch.ones_like(loss)", "2 * torch.ones_like(loss)", "twice the gradient")],
    "Manual.clip": [("p.grad is not None", "p.dim() > 1", "biases are not clipped")],
    "Manual: dropout_masks": [("_.div_(1 - rate)", "_", "dropout without its scale")],
    "Manual: Recognizer.geometry": [
        ("encoder.kernel // 2", "0", "another geometry"),
        ("front.level", "2 * front.level", "another front end"),
    ],
    # What only numbers of another size find.
    "saturated: Sigmoid.backward": [("1 - y", "(1 - y).clamp(min=1e-3)", "a saturated unit keeps a slope")],
    "saturated: Tanh.backward": [("1 - y * y", "(1 - y * y).clamp(min=1e-3)", "a saturated unit keeps a slope")],
    "saturated: Rnn.backward": [
        (
            "1 - states[1:] * states[1:]",
            "(1 - states[1:] * states[1:]).clamp(min=1e-3)",
            "a saturated unit keeps a slope",
        ),
        ("carried.add_(grads[t])", "carried.add_(grads[t]).clamp_(-100, 100)", "large errors are cut off in silence"),
    ],
    "saturated: Gru.backward": [
        ("torch.addcmul(z, z, z, value=-1)", "torch.addcmul(z, z, z, value=-1).clamp(min=1e-3)", "a shut gate's slope"),
        ("torch.addcmul(r, r, r, value=-1)", "torch.addcmul(r, r, r, value=-1).clamp(min=1e-3)", "a shut gate's slope"),
        (
            "torch.add(grad, carried, out=d)",
            "torch.add(grad, carried, out=d).clamp_(-100, 100)",
            "large errors cut off",
        ),
    ],
    "saturated: Lstm.backward": [
        ("1 - f", "(1 - f).clamp(min=1e-3)", "an open gate keeps a slope"),
        ("(1 - read * read).mul_(o)", "(1 - read * read).clamp(min=1e-3).mul_(o)", "a full memory keeps a slope"),
        ("1 - g * g", "(1 - g * g).clamp(min=1e-3)", "a saturated candidate keeps a slope"),
        ("d.add_(grads[t])", "d.add_(grads[t]).clamp_(-100, 100)", "large errors are cut off in silence"),
    ],
    "saturated: MeanSquaredError.backward": [
        ("_ * error", "_ * error.clamp(-100, 100)", "large errors cut off"),
    ],
    "saturated: LogSoftmax.forward": [
        ("x - x.detach().amax(dim=-1, keepdim=True)", "x - 0", "exponentials of large logits overflow"),
    ],
    "saturated: BinaryCrossEntropy.forward": [
        ("-logits.abs()", "-logits.abs().clamp(max=10)", "a confident mistake costs too much"),
    ],
    "saturated: SoftmaxCrossEntropy.backward": [
        (
            "log_probs.exp() - one_hot",
            "log_probs.clamp(min=-20).exp() - one_hot",
            "unlikely classes keep a probability",
        ),
    ],
    "quiet: Level.forward": [
        ("power > QUIETEST * QUIETEST", "power > 1e-12", "faint sound is taken for silence"),
        ("torch.where(moves, power, QUIETEST * QUIETEST)", "(power + 1e-10)", "a floor that is added to faint sound"),
    ],
    "onnx: Gru.forward": [
        ("n.addcmul_(r, m)", "n.add_(m)", "the candidate reads all of the past"),
        ("torch.lerp(n, h, z, out=after)", "torch.lerp(h, n, z, out=after)", "the update gate read the other way"),
    ],
    "onnx: Lstm.forward": [("o.sigmoid_()", "o.tanh_()", "the output gate's squashing")],
    "onnx: Rnn.forward": [("bias_ih + bias_hh", "bias_ih", "forgotten bias")],
    "onnx: Layer.forward": [("permute(states, source)", "states", "the second direction not turned back")],
    "float32: BinaryCrossEntropy.forward": [
        ("torch.log1p(torch.exp(-logits.abs()))", "torch.log(1 + torch.exp(-logits.abs()))", "small losses are lost"),
    ],
    "float32: LayerNorm.forward": [
        (
            "torch.var_mean(x, dim=-1, correction=0, keepdim=True)",
            "((x * x).mean(-1, True) - x.mean(-1, True) ** 2, x.mean(-1, True))",
            "the variance as a difference of squares",
        ),
    ],
    "relative_error": [
        ("error == error", "True", "NaN is no error"),
        ("(ours - theirs).abs().max()", "(ours - theirs).max()", "errors of one sign only"),
        ("_ / largest", "_ / 1.0", "not relative"),
    ],
    "central_differences": [
        ("2 * step", "step", "twice the slope"),
        ("flat[i] = middle", "pass", "the input is not put back"),
    ],
    "compare_with_differences": [
        ("differences = central_differences(loss, x, at, step)", "differences = grads[name].reshape(-1)[at]", "itself"),
        ("torch.randperm(_, generator=generator)[:n_values]", "torch.arange(1)", "one value"),
    ],
    "require_close": [
        ("max(compared, key=_)", "compared[0]", "only the first"),
        ("not worst.error <= tolerance", "worst.error == float('inf')", "any finite error passes"),
    ],
    "short: Geometry.n_frames": [
        ("(n_samples - len(self.window)).clamp(min=0)", "n_samples - len(self.window)", "no frame below a window"),
        ("_ // self.hop_length + 1", "n_samples // self.hop_length + 1", "frames of padding are counted"),
    ],
    "many steps: adamw": [
        ("memory['step'] += 1", "memory['step'].add_(1).clamp_(max=200)", "the corrections end at 200 steps"),
        ("float(memory['step'])", "(float(memory['step']) - 1) % 256 + 1", "steps counted in a byte"),
    ],
    "lost steps: adamw": [
        ("grads[name]", "grads[name].nan_to_num(0)", "NaN taken for 0"),
        ("grads[name]", "grads[name].clamp(-1e3, 1e3)", "infinity taken for a large number"),
    ],
    "lost steps: sgd": [("rate * grads[name]", "rate * grads[name].nan_to_num(0)", "NaN taken for 0")],
    "AdamW.step": [
        ("group['eps']", "1e-8", "the configured eps forgotten"),
        ("group['weight_decay']", "0.01", "the configured decay forgotten"),
        ("self.state[p] = state[name]", "pass", "no memory from step to step"),
    ],
}

# What only a large draw finds: a fault that begins at the 65th frame, the 1 001st row, the 100 001st value.
LARGE = {
    "Linear.backward": ("grad_rows.T @ rows", "grad_rows[:1000].T @ rows[:1000]", "only the first 1 000 rows"),
    "Sigmoid.backward": first("_ * (1 - y)"),
    "Tanh.backward": first("grad_y * (1 - y * y)"),
    "Relu.backward": first("grad_y * (y > 0)"),
    "LogSoftmax.backward": first("y.exp() * _"),
    "Embedding.backward": (
        "_.index_add(0, indices.reshape(-1), rows)",
        "_.index_add(0, indices.reshape(-1)[:1000], rows[:1000])",
        "only the first 1 000 rows",
    ),
    "Dropout.backward": first("grad_y * mask"),
    "Convolution.backward": frames("grad_y @ weight[:, :, k]"),
    "LayerNorm.backward": (
        "rows * xh.flatten(0, -2)",
        "rows[:1000] * xh.flatten(0, -2)[:1000]",
        "only the first 1 000 rows",
    ),
    "ClipNorm.backward": frames("grad_y * mask"),
    "ReverseWithinLength.backward": frames("permute(grad_y, source)"),
    "MaskFrames.backward": frames("grad_y * mask"),
    "PreEmphasis.backward": first("grad_y * mask", 90_000),
    "Level.backward": ("(grad_y * x).sum", "(grad_y * x)[:, :50_000].sum", "only the first 50 000 samples"),
    "PowerSpectrum.backward": frames("_ * window", 1000),
    "Filters.backward": first("grad_y @ filters.T"),
    "Log.backward": first("grad_y / (x + floor)"),
    "Deltas.backward": ("grad_y.chunk", frames("grad_y")[1] + ".chunk", "only the first 64 frames"),
    "SoftmaxCrossEntropy.backward": first("log_probs.exp() - one_hot"),
    "BinaryCrossEntropy.backward": first("torch.sigmoid(logits) - targets"),
    "MeanSquaredError.backward": first("grad_loss * 2 * error"),
    "sgd": first("rate * grads[name]"),
    "clip_norm": ("grad.square().sum()", "grad.flatten()[:100_000].square().sum()", "of the first 100 000 values"),
    "Rnn.backward": ("range(len(da))", "range(max(len(da) - 64, 0), len(da))", "truncated after 64 frames"),
    "Gru.backward": ("reversed(steps)", "reversed(steps[-64:])", "truncated after 64 frames"),
    "Lstm.backward": ("range(n_frames)", "range(max(n_frames - 64, 0), n_frames)", "truncated after 64 frames"),
    "Layer.backward": frames("grad_y * mask"),
    "Ctc.backward": frames("_occupancy(lattice, possible)"),
}
# Those that begin at the 9th clip, the 65th unit, or the 1 001st row of several clips' frames.
WIDE = {
    "LayerNorm.backward": ("xh * along", "xh * along * (torch.arange(xh.shape[-1]) < 64)", "only the first 64 units"),
    "Convolution.backward": ("grad_rows.sum(dim=0)", "grad_rows[:1000].sum(dim=0)", "only the first 1 000 rows"),
    "ClipNorm.backward": ("_ * mask / s", "_ * mask / s * (torch.arange(len(y)) < 8)[:, None, None]", "first 8 clips"),
    "Rnn.backward": (
        "torch.mm(da[t], weight_hh, out=carried)",
        "torch.mm(da[t], weight_hh, out=carried)[8:].zero_()",
        "only the first 8 clips",
    ),
    "Gru.backward": (
        "_.addmm_(da_row, weight_hh)",
        "_.addmm_(da_row, weight_hh)[:, 64:].zero_()",
        "only the first 64 units",
    ),
    "Lstm.backward": ("e.mul_(f[t])", "e.mul_(f[t])[:, 64:].zero_()", "only the first 64 units"),
    "Ctc.backward": ("_ * -weight", "_ * -weight * (torch.arange(_.shape[2]) < 64)", "only the first 64 states"),
}
FAULTS |= {
    f"large {operation.partition('.')[0]}: {operation}": [fault, *(WIDE[one] for one in [operation] if one in WIDE)]
    for operation, fault in LARGE.items()
}
FAULTS["large Gru: weight_grads"] = [
    ("last.sum(dim=0)", "last[:1000].sum(dim=0)", "only the first 1 000 rows"),
    ("rows.sum(dim=0)", "rows[:1000].sum(dim=0)", "only the first 1 000 rows"),
]
