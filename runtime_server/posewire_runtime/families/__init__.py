"""One file a model family; each turns a package into a `Program`."""
