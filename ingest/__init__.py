"""The way in: webhook edge, resource API with its dashboard, puller; and the way out, the deliverer.

Publishes batches; never writes feed variants.
"""
