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


def dnsperf(questions, directory, *, count=None, seconds=None, rate=None, outstanding=50, tcp=False,
            option=None):
    """Ask (name, type) pairs round and round, with an EDNS option perhaps ("code:hexadecimal");
    returns dnsperf's numbers."""
    path = os.path.join(directory, f"questions.{os.getpid()}.{abs(hash(tuple(questions)))}")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{name} {rdtype}\n" for name, rdtype in questions)
    command = ["dnsperf", "-s", "127.0.0.1", "-p", "5300", "-d", path, "-c", "1", "-T", "1",
               "-q", str(outstanding), "-t", "5"]
    if tcp:
        command += ["-m", "tcp"]
    if option:
        command += ["-E", option]
    if seconds:
        command += ["-l", str(seconds)]
    else:
        command += ["-n", str(max(1, count // len(questions)))]
    if rate:
        command += ["-Q", str(rate)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout

    def number(pattern):
        found = re.search(pattern, text)
        assert found, f"dnsperf did not say {pattern}:\n{text}"
        return float(found.group(1))

    return {
        "completed": number(r"Queries completed:\s+(\d+)"),
        "lost": number(r"Queries lost:\s+(\d+)"),
        "qps": number(r"Queries per second:\s+([\d.]+)"),
        "latency": number(r"Average Latency \(s\):\s+([\d.]+)"),
        "latency_max": number(r"Average Latency \(s\):.*max ([\d.]+)"),
        "codes": re.search(r"Response codes:\s+(.*)", text).group(1).strip(),
    }


def spread(values):
    """Median and quartiles as text."""
    quarters = statistics.quantiles(values, n=4)
    return f"{statistics.median(values):.3f} ({quarters[0]:.3f} to {quarters[2]:.3f})"
