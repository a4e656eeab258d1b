"""What is recognised in a stream."""

from speech.inference.listening import Recognised, listen


def recognised(transcriber, blocks, names, per_hour=5):
    """Each name in ``blocks``, and each segment that is none, by the list that is listened for at first."""
    events = listen(transcriber, blocks, transcriber.lexicon(names), False, per_hour)
    return [event for event in events if isinstance(event, Recognised)]


def accepted(events):
    """The names that are reported."""
    return [event.transcript.names[0][0] for event in events if event.transcript.accepted]
