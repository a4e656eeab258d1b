"""From a list of names, or recordings, to padded batches.

``synthetic``, ``recordings`` and ``enrolment`` say which clips there are, ``build`` puts them on disk once, ``dataset``
and ``samplers`` make batches of them, ``augment`` changes these, ``datamodule`` hands them to Lightning.
"""
