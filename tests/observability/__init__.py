"""Dashboards, alerts and the runbook: that they fit one another and what the services measure.

`python -m tests.observability` puts load on a system of its own, has a Prometheus read it, and asks
every query for data.
"""
