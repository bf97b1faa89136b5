"""A way in for agents: the public API as tools of the Model Context Protocol.

    rushes mcp            over standard input and output, for an agent on this machine
    rushes mcp --http     over HTTP, for agents who bring keys of their own

It is a client of the API like any other, and knows nothing of the server. It needs the `mcp` SDK
(`pip install 'rushes[mcp]'`), so nothing here is loaded before `rushes mcp` is typed.
"""
