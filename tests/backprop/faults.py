"""Wrong derivatives, each of a kind that has been written somewhere before: dropped terms, swapped gates, lost lengths.

    module: {proof: [(what is written, what is written by mistake, why it is one), ...]}

The first must stand in the module's source exactly once.
"""

FAULTS = {
    "linear": {
        "Linear": [
            ("grad_y @ weight,", "grad_y @ weight.T,", "transposed weight"),
            ("grad_rows.T @ rows", "rows.T @ grad_rows", "transposed gradient of the weight"),
            ("grad_rows.T @ rows", "grad_rows[:1].T @ rows[:1]", "only the first row"),
            ("grad_rows.sum(dim=0)", "grad_rows.mean(dim=0)", "a mean over rows for a sum"),
            ("x @ weight.T + bias", "x @ weight.T", "forgotten bias"),
        ]
    },
    "activations": {
        "Sigmoid": [
            ("grad_y * y * (1 - y)", "grad_y * y", "missing factor"),
            ("grad_y * y * (1 - y)", "grad_y * y * (y - 1)", "wrong sign"),
        ],
        "Tanh": [
            ("1 - y * y", "1 - y", "missing square"),
            ("1 - y * y", "1 + y * y", "wrong sign"),
        ],
        "Relu": [
            ("(y > 0)", "(y >= 0)", "everything passes"),
            ("grad_y * (y > 0)", "grad_y * y", "value for slope"),
        ],
        "LogSoftmax": [
            ("y.exp() * grad_y.sum(", "grad_y.sum(", "missing probability"),
            ("grad_y - y.exp()", "grad_y + y.exp()", "wrong sign"),
            ("grad_y.sum(dim=-1", "(grad_y * y.exp()).sum(dim=-1", "the derivative of softmax, not of its logarithm"),
        ],
    },
    "embedding": {
        "Embedding": [
            ("index_add(", "index_copy(", "a word that stands twice keeps one error"),
            ("index_add(0, indices.reshape(-1)", "index_add(0, indices.reshape(-1).flip(0)", "errors of other words"),
        ]
    },
    "dropout": {
        "Dropout": [
            ("grad_y * mask", "grad_y * (mask > 0)", "missing scale"),
            ("grad_y * mask", "grad_y * 1", "silenced units get an error"),
        ]
    },
    "losses": {
        "SoftmaxCrossEntropy": [
            ("(log_probs.exp() - said) / len(targets)", "(log_probs.exp() - said)", "a sum for a mean"),
            ("(log_probs.exp() - said)", "(said - log_probs.exp())", "wrong sign"),
            ("(log_probs.exp() - said)", "log_probs.exp()", "dropped term"),
        ],
        "BinaryCrossEntropy": [
            ("(torch.sigmoid(logits) - targets)", "(torch.sigmoid(logits) - targets.round())", "soft targets hardened"),
            ("- targets) / len(targets)", "- targets)", "a sum for a mean"),
            ("- targets * logits", "+ targets * logits", "wrong sign forward"),
        ],
        "MeanSquaredError": [
            ("grad_loss * 2 * error", "grad_loss * error", "missing factor 2"),
            ("error.numel()", "len(error)", "a mean over rows only"),
            ("grad_loss * 2 * error", "2 * error", "the error from above dropped"),
        ],
    },
    "updates": {
        "sgd": [
            ("weight -= rate * grads[name]", "weight += rate * grads[name]", "uphill"),
        ],
        "clip_norm": [
            ("if scale < 1", "if scale > 1", "small gradients are blown up"),
            ("(norm + 1e-6)", "norm", "torch's 1e-6 forgotten"),
            (".sum().sqrt()) if", ".max().sqrt()) if", "the norm of one tensor, not of all together"),
        ],
        "momentum": [
            ("add_(grads[name])", "add_(grads[name], alpha=1 - decay)", "a mean for a sum"),
            ('rate * memory["velocity"]', "rate * grads[name]", "no memory"),
            ("mul_(decay)", "mul_(1 - decay)", "decay the other way round"),
        ],
        "adamw": [
            ("-rate / (1 - betas[0] ** step)", "-rate", "missing correction of the mean"),
            ("(1 - betas[1] ** step)", "(1 - betas[0] ** step)", "the wrong beta in a correction"),
            ('memory["step"] += 1', 'memory["step"] += 2', "steps counted wrongly"),
            ("1 - rate * weight_decay", "1 - weight_decay", "decay without the rate"),
            (
                "weight *= 1 - rate * weight_decay",
                "grads[name].add_(weight, alpha=weight_decay)",
                "decay in the gradient",
            ),
            ("addcmul_(grad, grad, value=1 - betas[1])", "add_(grad.abs(), alpha=1 - betas[1])", "missing square"),
            (".sqrt_().add_(eps)", ".add_(eps).sqrt_()", "eps under the root"),
        ],
    },
    "convolution": {
        "Convolution": [
            ("weight[:, :, k]", "weight[:, :, kernel - 1 - k]", "mirrored kernel"),
            ("k : k + span : stride] +=", "k : k + span : stride] =", "overlapping windows overwrite one another"),
            (
                "grad_padded[:, padding : padded_shape[1] - padding]",
                "grad_padded[:, : padded_shape[1] - 2 * padding]",
                "off by the padding",
            ),
            ("grad_rows.sum(dim=0)", "torch.zeros_like(grad_rows[0])", "forgotten bias"),
            (
                "(grad_rows.T @ rows).view(weight.shape)",
                "(grad_rows.T @ rows).view(n_out, kernel, -1).transpose(1, 2)",
                "windows laid out the other way",
            ),
        ]
    },
    "normalisation": {
        "LayerNorm": [
            (" - grad_xh.mean(dim=-1, keepdim=True)", "", "the mean's share dropped"),
            (" - xh * along) * one_over_s", ") * one_over_s", "the deviation's share dropped"),
            (" - xh * along) * one_over_s", " - xh * along)", "missing deviation"),
            ("grad_xh = grad_y * weight", "grad_xh = grad_y", "forgotten weight"),
            ("(rows * xh.flatten(0, -2))", "(rows * weight)", "weight for value"),
        ],
        "ClipNorm": [
            ("grad_y = grad_y * mask", "grad_y = grad_y", "missing length mask"),
            (
                "mean = grad_y.sum(dim=1, keepdim=True) / count",
                "mean = grad_y.mean(dim=1, keepdim=True)",
                "a mean over the padding too",
            ),
            ("y * along * moves", "y * along", "a deviation that is held moves"),
            (" - y * along * moves", "", "the deviation's share dropped"),
            (" * mask / s, None", " / s, None", "the padding gets an error"),
            ("mask, count)", "mask, n_frames[:, None, None])", "the common frames left out of the means"),
        ],
    },
    "frames": {
        "ReverseWithinLength": [
            (
                "grad_y.reshape(-1, grad_y.shape[2])[source].view(grad_y.shape)",
                "grad_y.flip(1)",
                "turned round within the padded length",
            ),
            ("[source].view(grad_y.shape)", ".view(grad_y.shape)", "not turned back"),
            ("n_frames[:, None] - 1 - t, t", "(n_frames[:, None] - t) % n_frames[:, None], t", "off by one in time"),
        ],
        "MaskFrames": [
            ("return grad_y * mask, None", "return grad_y, None", "missing length mask"),
            ("device=n_frames.device) <", "device=n_frames.device) <=", "off by one in time"),
        ],
    },
    "rnn": {
        "Rnn": [
            ("mul_(carried.add_(grads[t]))", "mul_(grads[t])", "no error from the frames after"),
            (
                "mul_(carried.add_(grads[t]))",
                "mul_(carried if t < len(da) - 1 else grads[t])",
                "no error from the outputs before the last",
            ),
            ("torch.mm(da[t], weight_hh,", "torch.mm(da[t], weight_hh.T,", "transposed weight"),
            ("1 - states[1:] * states[1:]", "1 - states[:-1] * states[:-1]", "off by one in time"),
            ("weight_grads(inputs, states[:-1], da", "weight_grads(inputs, states[1:], da", "off by one in time"),
            ("t % truncate != 0", "(t + 1) % truncate != 0", "cut off by one in time"),
            ("bias_ih + bias_hh)", "bias_ih)", "forgotten bias"),
            ("rows.sum(dim=0)\n", "rows[1:].sum(dim=0)\n", "a row forgotten"),
            ("grad_bias_hh.clone()", "grad_bias_hh", "two gradients in one tensor, which clipping scales twice"),
            ("rows @ weight_ih, rows.T", "rows @ weight_ih, rows.flip(0).T", "frames in the wrong order"),
            ("carried.zero_()", "pass", "truncation lets an old error through"),
        ],
        "Gru": [
            (".addmm_(last, weight_ih[-n_units:])", "", "the candidate's error does not reach the input"),
            (
                "torch.cat([grad_bias_hh[:-n_units], last.sum(dim=0)])",
                "grad_bias_hh.clone()",
                "the candidate's two biases taken for one",
            ),
            ("last.T @ inputs_rows", "rows[:, -n_units:].T @ inputs_rows", "the reset gate in the input's weight"),
        ],
    },
    "gru": {
        "Gru": [
            ("factor_n = (1 - z).mul_", "factor_n = z.clone().mul_", "z for 1 - z"),
            (".mul_(torch.addcmul(n.new_ones(()), n, n, value=-1))", ".clone()", "missing slope of tanh"),
            ("torch.addcmul(n.new_ones(()), n, n, value=-1)", "torch.addcmul(n, n, n, value=-1)", "sigmoid's slope"),
            ("torch.sub(h_before, n,", "torch.sub(n, h_before,", "wrong sign"),
            ("torch.addcmul(z, z, z, value=-1)", "z", "missing factor"),
            ("torch.addcmul(r, r, r, value=-1)", "1 - r", "missing factor"),
            ("torch.mul(factor_n, m, out=factor_r)", "torch.mul(factor_n, n, out=factor_r)", "the candidate itself"),
            ("torch.mul(factor_n, r, out=factor_m)", "factor_m.copy_(factor_n)", "forgotten reset gate"),
            ("factor_r, factor_z, factor_m =", "factor_z, factor_r, factor_m =", "swapped gates"),
            ("da_hh.flatten(2), z\n", "da_hh.flatten(2), r\n", "the wrong gate keeps the error"),
            ("torch.mul(d, keep, out=carried)", "carried.zero_()", "dropped term: what is kept"),
            ("weight_grads(inputs, h_before,", "weight_grads(inputs, states[1:],", "off by one in time"),
            ("torch.add(grad, carried, out=d)", "d.copy_(grad)", "only this frame's error"),
            ("(r, z) = states[:-1], gates", "(z, r) = states[:-1], gates", "swapped gates"),
            ("bias_ih[:n_rz] + bias_hh[:n_rz]", "bias_ih[:n_rz]", "forgotten bias"),
            ("m, value=2)", "m)", "missing factor 2 in the doubled sum"),
        ]
    },
    "lstm": {
        "Lstm": [
            ("factor_i, factor_f, factor_g, factor_o =", "factor_f, factor_i, factor_g, factor_o =", "swapped gates"),
            ("i, f, g, o = gates.split", "i, f, o, g = gates.split", "swapped gates"),
            ("e.mul_(f[t])", "e.mul_(i[t])", "the wrong gate keeps the error"),
            ("e.mul_(f[t])", "pass", "nothing is forgotten"),
            ("torch.mul(memories[:-1], f,", "torch.mul(memories[1:], f,", "off by one in time"),
            ("(1 - read * read).mul_(o)", "1 - read * read", "missing output gate"),
            ("torch.mul(i, 1 - g * g,", "torch.mul(i, 1 - g,", "missing square"),
            ("tanh_(memories[1:].clone())", "memories[1:].clone()", "missing tanh"),
            ("torch.mul(read, o, out=factor_o).mul_(1 - o)", "torch.mul(read, o, out=factor_o)", "missing factor"),
            ("                e.zero_()", "                pass", "truncation lets the memory's error through"),
            ("e.addcmul_(d, to_memory[t])", "e.add_(d)", "missing slope into the memory"),
            ("d.add_(grads[t])", "d.copy_(grads[t])", "no error from the frames after"),
            ("da[t, :, :3].mul_(e[:, None])", "da[t, :, :3].mul_(d[:, None])", "the output's error for the memory's"),
            ("bias_ih + bias_hh)", "bias_hh)", "forgotten bias"),
        ]
    },
    "recurrent": {
        "Layer": [
            ("grad_y = grad_y * mask", "grad_y = grad_y", "missing length mask"),
            ("*weights[N_WEIGHTS:], truncate)", "*weights[N_WEIGHTS:], None)", "one direction is not truncated"),
            (
                "cell.backward(forwards, grad_y[..., :half])",
                "cell.backward(forwards, grad_y[..., half:])",
                "the other direction's error",
            ),
            ("ReverseWithinLength.backward(turn, grad_turned)[0]", "grad_turned", "not turned back"),
            ("grad_x + ReverseWithinLength.backward(turn, grad_turned)[0]", "grad_x", "one direction's error lost"),
            ("*grad_forwards, *grad_backwards", "*grad_backwards, *grad_forwards", "swapped directions"),
            (
                "= ReverseWithinLength.backward(turn, grad_y[..., half:])",
                "= grad_y[..., half:], None",
                "not turned round",
            ),
        ]
    },
    "ctc": {
        "Ctc": [
            ("_occupancy(lattice, possible) * -weight", "_occupancy(lattice, possible) * weight", "wrong sign"),
            ("lattice.log_beta - lattice.emitted", "lattice.log_beta", "the frame's own symbol counted twice"),
            (
                "(states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])",
                "states[:, 2:] != BLANK",
                "the blank between equal letters skipped",
            ),
            ("scatter_add(2, states", "scatter(2, states", "only one of a symbol's states counts"),
            ("(t <= last_frame)[:, :, None]", "(t <= longest)[None, :, None]", "missing length mask"),
            ("torch.logaddexp(end, before)", "end", "a path must end in a blank"),
            ("device=states.device) < 2", "device=states.device) < 1", "a path must begin with a blank"),
            ("n_frames[:, None] - 1\n", "torch.full_like(n_frames[:, None], longest - 1)\n", "lengths ignored"),
            ("_turn(emitted, turned_t, turned_s)])", "emitted])", "beta over frames that are not turned round"),
            (
                "2 * n_letters[:, None], n",
                "2 * n_letters[:, None] - 2 * (n_letters[:, None] > 0), n",
                "the last letter lost",
            ),
            (
                "moved = torch.logaddexp(log_alpha[-1], shifted[:, 1:-1])",
                "moved = shifted[:, 1:-1]",
                "a path may not stay",
            ),
        ],
        "occupancy": [
            (" - lattice.emitted - log_p", " - lattice.emitted", "not divided by p"),
        ],
    },
    "frontend": {
        "PreEmphasis": [
            ("grad_y = grad_y * mask", "grad_y = grad_y", "missing length mask"),
            (
                "torch.constant_pad_nd(grad_y, [0, 1])[:, 1:]",
                "torch.constant_pad_nd(grad_y, [1, 0])[:, :-1]",
                "the wrong way in time",
            ),
            ("return grad_y - factor *", "return grad_y + factor *", "wrong sign"),
        ],
        "Level": [
            ("(grad_y - x * along * moves)", "grad_y", "the loudness's share dropped"),
            ("count * power, 1)", "power, 1)", "missing count"),
            ("(grad_y - x * along * moves)", "(grad_y + x * along * moves)", "wrong sign"),
        ],
        "PowerSpectrum": [
            ("2 * grad_power", "grad_power", "missing factor 2"),
            (" * halved * spectrum", " * spectrum", "mirrored frequencies counted twice"),
            ("if n % 2 == 0:", "if True:", "an odd window taken for an even one"),
            ('norm="forward") * window', 'norm="forward")', "forgotten window"),
            ("first = hop * torch.arange", "first = torch.arange", "frames laid a sample apart"),
            (" * spectrum, n=n", " * spectrum.conj(), n=n", "wrong sign of the phase"),
            ('norm="forward")', 'norm="backward")', "missing factor N"),
        ],
        "Filters": [
            ("grad_y @ filters.T", "grad_y @ filters", "transposed weight"),
        ],
        "Log": [
            ("grad_y / (x + floor)", "grad_y / x", "forgotten floor"),
        ],
        "Deltas": [
            ("before, -j * grad_slope", "before, j * grad_slope", "wrong sign"),
            ("range(n_orders, 0, -1)", "range(1, n_orders + 1)", "the orders in the wrong order"),
            ("grads[order] / _scale()", "grads[order]", "missing factor"),
            (
                "n_frames[:, None] - 1)[..., None]",
                "torch.full_like(n_frames[:, None], x.shape[1] - 1))[..., None]",
                "held at the end of the padding",
            ),
            ("for shift in (-j, j))", "for shift in (-1, 1))", "neighbours of the wrong distance"),
        ],
    },
    "outputs": {
        "MeanPerLetter": [
            ("return grad_loss * weight", "return weight", "the error from above dropped"),
            ("feasible.sum(dim=1, keepdim=True).clamp(min=1)", "losses.shape[1]", "what was left out is counted"),
            ("lengths * feasible.sum(dim=1", "feasible.sum(dim=1", "missing number of letters"),
            ("feasible.sum(dim=1, keepdim=True)", "feasible.sum()", "the clips of both texts counted together"),
        ],
        "EachLogSoftmax": [
            (
                "LogSoftmax.forward(part) for part in x.split(list(sizes), dim=-1)",
                "LogSoftmax.forward(part) for part in [x]",
                "one softmax over both outputs",
            ),
            (
                "grad_y.split(sizes, dim=-1)",
                "reversed(grad_y.split(sizes[::-1], dim=-1))",
                "the outputs' errors swapped",
            ),
        ],
        "EachCtc": [
            ("dim=-1)[: len(texts)]", "dim=-1)[-len(texts) :]", "the letters read off the phones"),
            (
                "zip(of_each, grad_losses, strict=True)",
                "zip(of_each, grad_losses.flip(0), strict=True)",
                "the texts' errors swapped",
            ),
            (
                "torch.cat([*grads, grad_losses.new_zeros(*shape[:-1], n_left)], dim=-1)",
                "torch.cat([grad_losses.new_zeros(*shape[:-1], n_left), *grads], dim=-1)",
                "the output without a text gets the error",
            ),
        ],
    },
    "chain": {
        "recognizer": [
            ("reversed(self.steps)", "self.steps", "from the first step to the last"),
            ("+ tuple(names)", "+ tuple(reversed(names))", "gradients under one another's names"),
            ("of_parameters |= {", "of_parameters = {", "only the last step's gradients are kept"),
            ("            if step.name == until:", '            if step.name == "features":', "gone back too far"),
        ]
    },
    "recognizer": {
        "recognizer": [
            ("x, masks[1 + i])", "x, masks[0])", "another layer's mask"),
            ("(n_frames - 1) // geometry.stride + 1", "n_frames // geometry.stride", "frames counted wrongly"),
            ('("forwards", "backwards") if', '("backwards", "forwards") if', "swapped directions"),
            ('x = chain.step("encoder.relu", Relu, x)', "pass", "a step left out"),
        ],
    },
    "autograd": {
        "by_hand": [
            ("if torch.is_grad_enabled():", "if False:", "what was saved taken for constants"),
            (
                "_, saved = ctx.operation.forward(*inputs)",
                "saved = _take_out(ctx.saved, tensors)",
                "the same, a line later",
            ),
            ("return None, *grads\n", "return None, *grads[:-1], None\n", "the last input gets none"),
            ("_Place(len(tensors) - 1)", "_Place(len(tensors) - 2)", "one tensor for another"),
            ("if asked and grad is None:", "if False:", "no derivative taken for 0"),
            (
                "return None, *grads\n",
                "return None, *(g if g is None else 2 * g for g in grads)\n",
                "twice the gradient",
            ),
        ]
    },
    "training.manual": {
        "steps": [
            ("torch.ones_like(loss)", "2 * torch.ones_like(loss)", "twice the gradient"),
            ("if p.grad is not None}, largest)", "if p.dim() > 1}, largest)", "biases are not clipped"),
            (".div_(1 - rate)", "", "dropout without its scale"),
        ]
    },
    "training.adamw": {
        "adamw's step": [
            (', group["weight_decay"])', ")", "the decay that was asked for forgotten"),
            ("self.state[p] = state[name]", "pass", "no memory from step to step"),
        ]
    },
    "training.loss": {
        "steps": [
            ("padding=encoder.kernel // 2", "padding=0", "another geometry"),
            ("level=front.level", "level=2 * front.level", "another front end"),
        ]
    },
}
