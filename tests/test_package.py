import subprocess
import sys

HEAVY = {"torch", "hydra", "omegaconf", "onnxruntime", "numpy"}


def test_the_package_is_light_until_a_recogniser_is_asked_for():
    code = f"import speech, sys; print(*sorted({HEAVY} & sys.modules.keys()));"
    code += "from speech import Recognizer, Runtime; print(Recognizer.__module__, Runtime.__module__, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["", "speech.model.recognizer", "speech.inference.runtime"], done.stderr
