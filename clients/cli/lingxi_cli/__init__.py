"""The `lingxi` command: what whoever runs Lingxi can see and do, over NATS alone."""
