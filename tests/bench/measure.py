"""Load from dnsperf and from load.c, cost from the kernel's accounts."""

import json
import os
import re
import subprocess
import time

import report


def cpu_ns(pid):
    """Nanoseconds on a processor, user and kernel, of all its threads, those that ended too."""
    # The kernel's clock of another process: see CPUCLOCK_SCHED in Linux's posix-timers.
    return time.clock_gettime_ns(~pid << 3 | 2)


def thread_cpu_ns(pid, name):
    """The same of the threads of one name that still live."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as comm:
            if comm.read().strip() != name:
                continue
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total


LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/bench-load")
TYPES = {"A": 1, "AAAA": 28}


def pin(pid, cpu):
    """Keep a process, with all its threads, on one processor, or on those of a set."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cpu if isinstance(cpu, set) else {cpu})


def processors(workers):
    """(of the server, of load and recursor): sets of numbers, apart where there are enough."""
    count = os.cpu_count()
    if count > workers:
        return set(range(workers)), set(range(workers, count))
    return set(range(count)), set(range(count))


def dnsperf_start(questions, directory, *, count=None, seconds=None, rate=None, outstanding=50,
                  clients=1, tcp=False, server=("127.0.0.1", 5300), option=None, do=False,
                  edns=False, source=None):
    """Ask (name, type) pairs round and round, in the background; with an EDNS option perhaps
    ("code:hexadecimal"), with the bit DO perhaps, with EDNS alone, from an address perhaps."""
    asked = abs(hash((tuple(questions), source)))
    path = os.path.join(directory, f"questions.{os.getpid()}.{asked}")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{name} {rdtype}\n" for name, rdtype in questions)
    command = ["dnsperf", "-s", server[0], "-p", str(server[1]), "-d", path, "-c", str(clients),
               "-T", "1", "-q", str(outstanding), "-t", "5"]
    if tcp:
        command += ["-m", "tcp"]
    if do:
        command += ["-D"]
    if edns:
        command += ["-e"]
    if option:
        command += ["-E", option]
    if source:
        command += ["-a", source]
    if seconds:
        command += ["-l", str(seconds)]
    else:
        command += ["-n", str(max(1, count // len(questions)))]
    if rate:
        command += ["-Q", str(rate)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def dnsperf_result(process):
    """Waits for it; returns dnsperf's numbers."""
    text, errors = process.communicate(timeout=300)
    assert process.returncode == 0, f"dnsperf ended with {process.returncode}:\n{errors}"

    def number(pattern):
        found = re.search(pattern, text)
        assert found, f"dnsperf did not print {pattern}:\n{text}"
        return float(found.group(1))

    return {
        "sent": number(r"Queries sent:\s+(\d+)"),
        "completed": number(r"Queries completed:\s+(\d+)"),
        "lost": number(r"Queries lost:\s+(\d+)"),
        "qps": number(r"Queries per second:\s+([\d.]+)"),
        "latency": number(r"Average Latency \(s\):\s+([\d.]+)"),
        "latency_max": number(r"Average Latency \(s\):.*max ([\d.]+)"),
        "codes": re.search(r"Response codes:\s+(.*)", text).group(1).strip(),
    }


def dnsperf(questions, directory, **how):
    """Ask (name, type) pairs round and round; returns dnsperf's numbers."""
    return dnsperf_result(dnsperf_start(questions, directory, **how))


def load(name, rdtype="A", *, server, proto="udp", do=False, records=2, sockets=1, window=100,
         rate=0, seconds=0.5, spin=False):
    """One question again and again; see load.c for what the numbers are."""
    done = subprocess.run(
        [LOAD, server[0], str(server[1]), proto, name, str(TYPES[rdtype]), str(int(do)),
         str(records), str(sockets), str(max(window, sockets)), str(int(rate)), str(seconds),
         str(int(spin))],
        check=False, capture_output=True, text=True, timeout=seconds + 30)
    assert done.returncode == 0, f"{name} over {proto}: {done.stderr.strip()}"
    numbers = json.loads(done.stdout)
    assert numbers["answered"] and not numbers["bad"], f"{name} over {proto}: {numbers}"
    return numbers


def alternate(count, left, right):
    """[(left(), right())], that many, every other pair the other way round."""
    pairs = []
    for number in range(count):
        results = [one() for one in ((left, right) if number % 2 == 0 else (right, left))]
        pairs.append(tuple(results if number % 2 == 0 else results[::-1]))
    return pairs


def spread(values, digits=3):
    """Median and quartiles, as text that knows its numbers."""
    return report.Spread(values, digits)


def question(name, rdtype="A"):
    """What dnsperf is to ask."""
    return (name, rdtype)


def static(addresses):
    """The apex with addresses of its own."""
    return [f"@ 300 IN A {address}" for address in addresses]
