"""The gateway: accounts, and the public HTTP interface to everything else."""
