"""Load from dnsperf, cost from the kernel's accounts."""

import os
import re
import statistics
import subprocess


def cpu_ns(pid):
    """Nanoseconds on a processor, user and kernel, of all threads that still live."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total


def thread_cpu_ns(pid, name):
    """The same of the threads of one name."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as comm:
            if comm.read().strip() != name:
                continue
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total


def pin(pid, cpu):
    """Keep a process, with all its threads, on one processor."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {cpu})


def dnsperf_start(questions, directory, *, count=None, seconds=None, rate=None, outstanding=50,
                  clients=1, tcp=False, server=("127.0.0.1", 5300), option=None, do=False):
    """Ask (name, type) pairs round and round, in the background; with an EDNS option perhaps
    ("code:hexadecimal"), with the bit DO perhaps."""
    path = os.path.join(directory, f"questions.{os.getpid()}.{abs(hash(tuple(questions)))}")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{name} {rdtype}\n" for name, rdtype in questions)
    command = ["dnsperf", "-s", server[0], "-p", str(server[1]), "-d", path, "-c", str(clients),
               "-T", "1", "-q", str(outstanding), "-t", "5"]
    if tcp:
        command += ["-m", "tcp"]
    if do:
        command += ["-D"]
    if option:
        command += ["-E", option]
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
        assert found, f"dnsperf did not say {pattern}:\n{text}"
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


def spread(values, digits=3):
    """Median and quartiles as text."""
    low, half, high = (f"{value:.{digits}f}" for value in statistics.quantiles(values, n=4))
    return f"{half} ({low} to {high})"


def question(name, rdtype="A"):
    """What dnsperf is to ask."""
    return (name, rdtype)


def static(addresses):
    """The apex with addresses of its own."""
    return [f"@ 300 IN A {address}" for address in addresses]
