"""The runtime's own commands; each module registers one parser and imports the rest when it runs."""
