"""What TensorBoard shows of a training, as Lightning callbacks, one file a view."""
