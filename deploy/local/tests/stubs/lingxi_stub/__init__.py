"""A stand-in for a service: ready at once, obeys SIGTERM unless told not to."""
