"""The tests: one file a module, and files named after a property that holds across modules."""
