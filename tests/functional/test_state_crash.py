"""S1, S3: kill -9 at moments by chance, while the state is saved every second."""

import json
import os
import random

import pytest
from harness import A1, AAAA1, NoReply, aname, eventually, known, let_pass, query, state
from harness.authority import Behaviour
from harness.crash import Crashes
from harness.kaname import kaname
from harness.load import Load

ROUNDS = int(os.environ.get("ANAME_ROUNDS", "15"))
ZONES, POOL = 20, 16
LONGEST_S = 2.2


@pytest.mark.slow
@pytest.mark.limit(60 + 10 * ROUNDS)
def test_S1_S3_the_file_is_whole_whenever_the_server_is_killed(
    knotd, unbound, authority, directory
):
    """What is in it was saved as a whole, and the server answers from it at once."""
    seed = int(os.environ.get("ANAME_SEED", random.randrange(1 << 32)))
    print(f"ANAME_SEED={seed}")
    for rdtype, value in (("A", A1), ("AAAA", AAAA1)):
        authority.behave("*.crash.example", rdtype, Behaviour(rdata=(value,), ttl=2))
    knotd.options.update({"resolver": ["127.0.0.1"], "state-interval": 1})
    names = [f"z{i}.test" for i in range(ZONES)]
    for i, name in enumerate(names):
        knotd.add_zone(name, [aname(f"t{i}-{k}.crash.example") for k in range(POOL)])
    knotd.start()
    for name in names:
        known(name)
    eventually(lambda: all_known(knotd), timeout=30, step=0.5, what="each target is known")
    knotd.finish()

    path = os.path.join(directory, "db", "mod-aname.state")
    targets = {(f"t{i}-{k}.crash.example.", rdtype)
               for i in range(ZONES) for k in range(POOL) for rdtype in ("A", "AAAA")}
    assert {(one["name"], one["type"]) for one in state.read(path).targets} == targets

    crashes = Crashes(knotd, path, lambda: kind_of(names[0]), seed)
    for _ in range(ROUNDS):
        crashes.round(LONGEST_S, meanwhile=lambda seconds: under_load(names, seconds))
    assert crashes.changed, f"in none of {ROUNDS} rounds anything was saved"

    found = state.read(path)
    assert {(one["name"], one["type"]) for one in found.targets} == targets
    for one in found.targets:
        assert one["addresses"] == [A1 if one["type"] == "A" else AAAA1], f"not so: {one}"
    # The fixture stops it the orderly way, and looks at how it ended.
    knotd.start()


def all_known(knotd):
    """A pool is answered from what is known of its targets; here none may be missing."""
    told = kaname("-s", knotd.socket, "status", "--json", directory=knotd.directory, code=(0, 1))
    targets = json.loads(told.stdout)["targets"]
    missing = [one for one in targets if not one["addresses"]]
    assert len(targets) == 2 * ZONES * POOL and not missing, f"{len(targets)}, without: {missing}"
    return True


def kind_of(name):
    """What is known of a name, from one query: "fresh", "stale" or what else came."""
    try:
        reply = query(name, "A", timeout=0.5)
    except NoReply:
        return None
    if reply.addresses() != {A1}:
        return str(reply)
    return "stale" if reply.ede else "fresh"


def under_load(names, seconds):
    with Load([(name, "A") for name in names], check, threads=1, pause=0.005) as load:
        let_pass(seconds)
    load.verify(0)


def check(reply):
    assert reply.addresses() == {A1}, f"no address in {reply}"
