"""Prometheus and Grafana: the rules, the board, and how a local Prometheus is started with them."""
