"""scripts/benchmark_ablation.py: its variants differ in what they say, and in nothing else."""

import benchmark_ablation
from omegaconf import OmegaConf

PLAN = OmegaConf.load(benchmark_ablation.HERE.with_suffix(".yaml"))


def flat(config, at=""):
    for key, value in OmegaConf.to_container(config).items():
        if isinstance(value, dict):
            yield from flat(OmegaConf.create(value), f"{at}{key}.")
        else:
            yield f"{at}{key}", str(value)


def test_each_variant_differs_from_the_recipe_in_its_own_overrides_alone(compose):
    (_, recipe), *others = PLAN.variants.items()
    plain = dict(flat(compose("train", "experiment=open", *PLAN.shorter, *recipe)))
    for name, overrides in others:
        own = [given for given in overrides if given not in recipe]
        assert own, name
        found = dict(flat(compose("train", "experiment=open", *PLAN.shorter, *overrides)))
        changed = {key for key in plain.keys() | found.keys() if plain.get(key) != found.get(key)}
        assert changed, name
        assert all(any(key.startswith(given.split("=")[0]) for given in own) for key in changed), (name, changed)


def test_decodings_leave_the_recogniser_as_it_was(make_recognizer):
    recognizer = make_recognizer(phones=True)
    recognizer.phones_weight, recognizer.label_prior = 0.7, "a prior"
    seen = {way: (recognizer.phones_weight, recognizer.label_prior) for way in benchmark_ablation.decodings(recognizer)}
    assert seen == {
        "": (0.7, "a prior"),
        ", letters alone": (0.0, "a prior"),
        ", phones alone": (1.0, "a prior"),
        ", half of each": (0.5, "a prior"),
        ", no label prior": (0.7, None),
    }
    assert (recognizer.phones_weight, recognizer.label_prior) == (0.7, "a prior")
