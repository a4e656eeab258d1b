"""Small problems that networks learn by the hand-written operations of ``speech.backprop`` alone, without autograd.

A lesson is a class whose constructor takes its settings and whose ``run(place)`` learns, draws ``picture.png`` in the
run's folder, logs to TensorBoard there, and returns a ``result.Result``: its figure beside the figures of others.
``python -m speech.lesson lesson=NAME`` runs it; the classes are named in ``conf/lesson``.

Read in this order: network, mlp, ocr, spam, then (recurrent) reader, sentiment, forecaster, timeseries.
"""
