"""The text side: encoders, their cache, prompt packs, rewriting."""
