"""The gRPC server: settings, streams, drain."""
