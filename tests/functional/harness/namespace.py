"""Puts the calling process into a network and a mount namespace of its own.

Every daemon of a test can then use the same fixed ports, tests can run in
parallel, and the system's resolver configuration is the test's own.
"""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import tempfile

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n"
NSSWITCH_CONF = "passwd: files\ngroup: files\nhosts: files dns\n"
# The machine's own name, too: knotd looks it up at start.
HOSTS = f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n"

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)} (root is needed)")


def _mount(source, target, flags, fstype=None):
    encode = lambda text: None if text is None else os.fsencode(text)
    _check(
        _libc.mount(encode(source), encode(target), encode(fstype), ctypes.c_ulong(flags), None),
        f"mount {target}",
    )


def current():
    """A descriptor of the network namespace that the calling thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def another():
    """One of a new one; the thread stays where it is."""
    here = current()
    _check(_libc.unshare(CLONE_NEWNET), "unshare")
    there = current()
    enter(here)
    os.close(here)
    return there


def enter(descriptor):
    """Have the calling thread in that one, with the sockets and processes that it makes there."""
    _check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(CLONE_NEWNET)), "setns")


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH22x", b"lo", 0)
        _, flags = struct.unpack("16sH22x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | IFF_UP))


def replace(path, text):
    """Bind-mount a private file with this text over path."""
    with tempfile.NamedTemporaryFile("w", prefix="aname-") as private:
        private.write(text)
        private.flush()
        os.chmod(private.name, 0o644)
        # The mount keeps the file alive after its name is gone.
        _mount(private.name, os.path.realpath(path), MS_BIND)


def mount_tmpfs(path, size):
    """A file system of this size, such as "1m", in memory; put_back() takes it away."""
    _check(_libc.mount(b"none", os.fsencode(path), b"tmpfs", ctypes.c_ulong(0),
                       os.fsencode(f"size={size}")), f"mount {path}")


def make_read_only(path):
    """Of a file system that mount_tmpfs() mounted there."""
    _check(_libc.mount(b"none", os.fsencode(path), None, ctypes.c_ulong(MS_REMOUNT | MS_RDONLY),
                       None), f"remount {path}")


def put_back(path):
    """Take away what replace() put there last; whether there was anything."""
    return _libc.umount2(os.fsencode(os.path.realpath(path)), 0) == 0


def _hide_installed_module():
    """knotd loads what is installed by itself, and would refuse the tests' own as a duplicate."""
    done = subprocess.run(
        ["pkg-config", "--variable=module_instdir", "knotd"],
        capture_output=True, text=True, check=False,
    )
    directory = done.stdout.strip()
    if done.returncode != 0 or not os.path.exists(os.path.join(directory, "aname.so")):
        return
    others = {}
    for name in set(os.listdir(directory)) - {"aname.so"}:
        with open(os.path.join(directory, name), "rb") as module:
            others[name] = module.read()
    _mount("none", directory, 0, "tmpfs")
    for name, content in others.items():
        with open(os.path.join(directory, name), "wb") as module:
            module.write(content)


def isolate():
    """Enter the namespaces. Threads and children started later are inside too."""
    _check(_libc.unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare")
    _mount(None, "/", MS_REC | MS_PRIVATE)
    _loopback_up()
    replace("/etc/resolv.conf", RESOLV_CONF)
    replace("/etc/nsswitch.conf", NSSWITCH_CONF)
    replace("/etc/hosts", HOSTS)
    _hide_installed_module()
    if os.path.isdir("/run/nscd"):
        # A name service cache outside would answer in place of our recursor.
        _mount("none", "/run/nscd", 0, "tmpfs")
