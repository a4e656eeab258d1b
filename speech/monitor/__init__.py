"""Views of training in TensorBoard, as Lightning callbacks, one file per view."""
