# The project on a CPU, by the README's commands. URL is of PyTorch's CPU wheels: pytorch.org, "Get started", names it.
#   docker build --build-arg URL=... --tag speech-names .
#   docker run --network none --volume "$PWD/clips:/clips:ro" speech-names \
#     python -m speech.transcribe clips=/clips 'names=[Anna,Bob]'
FROM python:3.12-slim
ARG URL
WORKDIR /project
RUN useradd --create-home someone && chown someone /project
USER someone
ENV PATH=/project/.venv/bin:$PATH PIP_NO_CACHE_DIR=1
RUN python3 -m venv .venv
RUN pip install torch==2.13.0+cpu --index-url $URL
COPY pyproject.toml setup.py README.md LICENSE NOTICE ./
COPY conf conf
COPY hydra_plugins hydra_plugins
COPY speech speech
RUN pip install . && rm -r .venv/lib/python3*/site-packages/torchaudio/lib
WORKDIR /home/someone
CMD ["python", "-m", "speech.transcribe", "--help"]
