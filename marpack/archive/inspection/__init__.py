"""What an archive holds: its members, its weights and what they import, and how it differs from another."""
