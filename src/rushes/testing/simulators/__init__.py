"""Upstreams to develop against for nothing: one module per protocol, faults by script.

Each is written from its protocol, never from our provider, and runs in a test's own process
or as its own: `rushes simulate openai_videos --port 0`.
"""
