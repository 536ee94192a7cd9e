"""ONNX Runtime on the provider that was asked for: sessions, buffers, memory, threads."""
