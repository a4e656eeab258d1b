"""Small problems that networks learn with the hand-written operations of ``speech.backprop`` alone, without autograd.

A lesson is a dataclass of its settings. Its ``run(place)`` trains, draws ``picture.png`` in the run's folder, logs to
TensorBoard there, and returns a ``result.Result`` with its figures and those of a baseline.
``python -m speech.lesson lesson=NAME`` runs it; ``conf/lesson`` names the classes.

Read in this order: network, mlp, ocr, spam, then (recurrent) reader, sentiment, forecaster, timeseries, martin.
"""
