"""A status socket that plays a part."""

import contextlib
import os
import socket
import threading


def line(word, **fields):
    return "\t".join([word, *(f"{key.rstrip('_')}={value}" for key, value in fields.items())])


@contextlib.contextmanager
def playing(path, *lines):
    """A status socket that answers every request by these lines; yields the requests."""
    requests = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    requests.append(client.recv(8192).decode())
                    client.sendall("".join(f"{one}\n" for one in lines).encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield requests
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            os.unlink(path)
