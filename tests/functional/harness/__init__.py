"""What the functional tests stand on: a private namespace and the real daemons in it."""
