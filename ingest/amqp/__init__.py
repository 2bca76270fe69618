"""Publishing to RabbitMQ with confirms, for edge, API and puller; and the workers' replies, for the API."""
