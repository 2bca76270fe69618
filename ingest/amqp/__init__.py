"""Publishing to RabbitMQ with confirms, for edge, API and puller."""
