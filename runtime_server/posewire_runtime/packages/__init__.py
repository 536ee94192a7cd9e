"""Model packages on disk: manifest, verification, writing, description. Knows no graph runtime."""
