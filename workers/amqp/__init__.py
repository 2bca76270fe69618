"""A worker's side of RabbitMQ: connections, consuming, and what it sends."""
