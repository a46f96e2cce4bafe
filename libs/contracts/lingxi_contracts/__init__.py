"""What crosses a process boundary: events, requests and answers, refusals, names on the wire.

Depends on pydantic alone. It grows by addition only: a published shape never changes, a new shape
is a new tag (`message_posted.v2`) with an upcaster.
"""
