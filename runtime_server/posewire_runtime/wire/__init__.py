"""Proto <-> types: the only place that sees both.

`requests` and `models` go both ways, `stream` writes and reads events, `status` carries errors in
google.rpc details. Knows no gRPC call, no job and no socket.
"""
