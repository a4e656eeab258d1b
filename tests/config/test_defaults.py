import inspect

from omegaconf import OmegaConf

from speech.config import tree
from speech.config.objects import locate, values
from speech.text.alphabet import Alphabet


def nodes(own):
    """Every part of a YAML that names a class of ours."""
    return [one for one in values(own) if isinstance(one, dict) and one.get("_target_", "").startswith("speech.")]


def plain(value):
    return [plain(one) for one in value] if isinstance(value, tuple | list) else value


def test_python_has_no_default_that_differs_from_the_yamls():
    """A file that takes another's class over (frontend=logmel) may differ: its base file has the defaults."""
    raw = {path: OmegaConf.to_container(OmegaConf.load(path)) for path in sorted(tree.CONF.rglob("*.yaml"))}
    shared = {
        f"${{{key}}}": value for path, own in raw.items() if path.parent.name == "shared" for key, value in own.items()
    }
    checked, differing = 0, []
    for path, own in raw.items():
        for node in nodes(own):
            for key, parameter in inspect.signature(locate(node["_target_"])).parameters.items():
                value = node.get(key, parameter.default)
                part = isinstance(value, dict) and "_target_" in value  # in Python None leaves it out
                if parameter.default is not parameter.empty and not (part and parameter.default is None):
                    checked += 1
                    value = shared.get(value, value) if isinstance(value, str) else value
                    if plain(value) != plain(parameter.default):
                        differing.append(f"{path.name}: {node['_target_']}: {key}={value}, Python: {parameter.default}")
    assert not differing
    assert checked > 40, "or the claim is of nothing"


def test_pythons_alphabet_is_the_configs():
    assert Alphabet().letters == OmegaConf.load(tree.CONF / "shared" / "alphabet.yaml").alphabet
