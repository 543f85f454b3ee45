"""The serving side of the Kaptain SDK, under the names that it has there."""
