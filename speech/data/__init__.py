"""From a list of names, or recordings, to padded batches.

``synthetic``, ``recordings`` and ``enrolment`` are sources of clips; ``build`` writes the clips of a source to disk
once; ``dataset`` and ``samplers`` form batches, to which ``augment`` is applied; ``datamodule`` is for Lightning.
"""
