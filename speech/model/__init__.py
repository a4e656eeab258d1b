"""The network, in torch: front end, encoder, CTC loss, the recogniser made of them, and its ONNX graph."""
