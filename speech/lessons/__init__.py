"""Small problems that networks learn by the hand-written operations of ``speech.backprop`` alone, without autograd.

A lesson is a dataclass of its settings whose ``run(place)`` trains, draws ``picture.png`` in the run's folder, logs to
TensorBoard there, and returns a ``result.Result``: its figures beside those of a baseline.
``python -m speech.lesson lesson=NAME`` runs it; ``conf/lesson`` names the classes.

Read in this order: network, mlp, ocr, spam, then (recurrent) reader, sentiment, forecaster, timeseries, martin.
"""
