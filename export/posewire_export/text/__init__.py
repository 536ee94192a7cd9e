"""Text encoders: Hugging Face folders of Qwen3 and CLIP -> a text-encoder package, without torch."""
