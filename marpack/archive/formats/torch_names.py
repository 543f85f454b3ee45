"""Names of torch's by which both planning and inspection go. Pure."""

# Module.get_extra_state(): under a key that ends so lies whatever a module of the user's wants to keep.
EXTRA_STATE = "_extra_state"
