"""The way in: webhook edge, resource API and puller. Publishes batches; never writes feed variants."""
