"""The packages, found, and conf/ beside them as speech.conf: pyproject.toml can say the one or the other."""

from setuptools import find_namespace_packages, find_packages, setup

setup(
    packages=[
        *find_packages(include=["speech", "speech.*"]),
        *find_namespace_packages(include=["hydra_plugins.*"]),
        "speech.conf",
    ],
    package_dir={"speech.conf": "conf"},
)
