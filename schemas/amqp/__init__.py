"""What both sides of the queue share of AMQP: frames cut out of the library's stream, for the two hot paths.

aiormq owns the connection: address, TLS, login, heartbeats, channels, closing. It makes several objects, a hop through
a queue and a task of every confirm and delivery, which costs more than all the rest of the way; so `tap.py` looks at
the stream first, and `sieve.py` takes out of it what the publisher (confirms) or a worker (deliveries) wants.
"""
