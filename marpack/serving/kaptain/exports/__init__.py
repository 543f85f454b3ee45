"""What a trainer exports, and where a deploy finds it."""
