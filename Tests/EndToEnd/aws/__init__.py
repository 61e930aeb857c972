"""A stand-in for AWS on one port: moto, its gaps mended, and every fault a real region can show.

`python3 -m aws` starts it and prints one line of JSON with the port. Everything about it can be changed while it runs,
over HTTP under `/_pilotlight/`; `aws.client.Control` is that interface for tests.
"""
