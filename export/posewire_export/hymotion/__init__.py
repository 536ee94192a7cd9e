"""HY-Motion 1.0 and its kin: the torch module, its checkpoint, its graphs, its export."""
