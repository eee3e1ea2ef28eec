"""A trained model for other programs: one HTML file that tags offline, an ONNX graph with its vocabulary."""
