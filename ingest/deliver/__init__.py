"""The deliverer: tells endpoints what changed, by signed webhooks and by an exchange of RabbitMQ (docs/changes.md).

    claim an endpoint → read its next message → note where it ends → send → note that it was told

The note before sending is what makes a message the same, id and all, for whoever sends it again after a crash.
"""
