"""A recogniser in a process of its own, which imports nothing else: torch takes seconds."""

from speech import Runtime


def transcript(clip, names):
    return Runtime.load().transcribe(clip, names)
