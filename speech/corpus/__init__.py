"""From a list of names, or recordings, to padded batches.

``synthetic`` and ``recordings`` say which clips there are, ``build`` puts them on disk once, ``dataset`` makes
batches of them, ``datamodule`` hands those to Lightning.
"""
