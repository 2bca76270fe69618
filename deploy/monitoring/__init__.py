"""Prometheus and Grafana: the rules, and the board."""
