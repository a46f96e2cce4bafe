"""The public HTTP shapes, with the original product's field names. They live here alone.

Each module converts the contracts' views into what clients read, and what clients send into
requests. Optional fields marked `absent_if_none` are left out of an answer instead of being null.
"""
