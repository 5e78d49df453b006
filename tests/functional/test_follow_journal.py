"""M5: the journal of kaname follow: whose it is, what may befall its files, and what is said then."""

import os
import resource
import shutil
import signal
import subprocess

import pytest
from harness import (
    A1, A2, AAAA1, ANAME, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, eventually, let_pass,
    namespace, sanitizer, siblings,
)
from harness.ask import SERVER
from harness.follow import KEY, Follow, stays, written
from harness.kaname import KANAME, environment, kaname
from harness.wait import scaled

pytestmark = pytest.mark.limit(90)
HERE = f"{SERVER[0]}@{SERVER[1]}"


def serve(fleet, authority, *records, **how):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.serve([aname(TARGET), *records], kinds=(), **how)


def remove_record(knotd):
    for command in (["zone-begin"], ["zone-unset", "@", f"TYPE{ANAME}"], ["zone-commit"]):
        knotd.knotc(command[0], ZONE, *command[1:])


def write_once(fleet, authority, **how):
    """What the target has is written, and what it has is another address then."""
    serve(fleet, authority)
    follow = fleet.follow(**how)
    written(fleet.knotd, {A1}, {AAAA1})
    follow.finish()
    authority.set(TARGET, a=[A2])
    return follow


# What is so until somebody acts, by its cure; the service is not started again for it.
LASTING = ("--primary-moved", "backup")


def refused(follow, *arguments, why, cure, **how):
    """It ends with 3, or 1 where that lasts, and says why, and what to do, with these words."""
    done = kaname(*follow.arguments, *arguments, directory=follow.knotd.directory,
                  code=1 if cure in LASTING else 3, timeout=30, **how)
    assert why in done.stderr, done.stderr
    assert "next: " in done.stderr and cure in done.stderr, done.stderr
    return done.stderr


# Whose it is.


@pytest.mark.parametrize("listen", [["127.0.0.7@5300", HERE], ["0.0.0.0@5300"]])
def test_M5_knotd_listens_elsewhere(fleet, authority, listen):
    """The local knotd is the same one wherever it listens: what was written is still known."""
    knotd = fleet.knotd
    write_once(fleet, authority)
    knotd.stop()
    knotd.server["listen"] = listen
    knotd.start()
    fleet.follow(name="again")
    written(knotd, {A2})


def test_M5_a_primary_that_has_moved(fleet, authority):
    """It is refused until somebody says so, once; what was written is known then."""
    knotd = fleet.knotd
    knotd.server["listen"] = [HERE, "127.0.0.7@5300"]
    serve(fleet, authority)
    first = fleet.follow("--primary", HERE)
    written(knotd, {A1}, {AAAA1})
    first.finish()
    authority.set(TARGET, a=[A2])
    moved = Follow(knotd, "--primary", "127.0.0.7@05300")
    for argument in ("--once", "--dry-run"):
        refused(moved, argument, why=f"of the primary {HERE}", cure="--primary-moved")
    stays(knotd, {A1}, {AAAA1}, seconds=1)
    moved.run("--dry-run", "--primary-moved")
    refused(moved, "--once", why=f"of the primary {HERE}", cure="--primary-moved")
    follow = fleet.follow("--primary", "127.0.0.7@05300", "--primary-moved", name="moved")
    written(knotd, {A2})
    follow.finish()
    moved.run("--once")
    refused(Follow(knotd, "--primary", HERE), "--once", why="of the primary 127.0.0.7@5300",
            cure="--primary-moved")


# Its files.


def test_M5_a_journal_that_was_cut_short(fleet, authority):
    """Its file is mapped into memory: nobody is killed for it, and it is left as it is."""
    follow = write_once(fleet, authority)
    file = os.path.join(follow.journal, "data.mdb")
    size = os.path.getsize(file)
    for cut in (4096, size // 2, size - 4096):
        os.truncate(file, cut)
        for argument in ("--once", "--dry-run"):
            refused(follow, argument, why="journal", cure="backup")
        done = kaname("check", ZONE, "-s", fleet.knotd.socket, "--journal", follow.journal,
                      directory=fleet.knotd.directory, code=(0, 1))
        assert "Traceback" not in done.stderr
        assert os.path.getsize(file) == cut, "expected it to be left as it is"
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=1)


def test_M5_a_dry_run_says_that_it_cannot_read_the_journal(fleet, authority):
    """What was written would be somebody else's else."""
    follow = write_once(fleet, authority)
    os.chown(follow.journal, 12345, 12345)
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search",
             "--inh-caps=-dac_override,-dac_read_search"]
    done = follow.run("--dry-run")
    assert "somebody else" not in done.stderr, done.stderr
    done = subprocess.run([*words, KANAME, *follow.arguments, "--dry-run"], capture_output=True,
                          env=environment(fleet.knotd.directory), text=True, check=False,
                          timeout=scaled(30))
    assert done.returncode == 3 and "Permission denied" in done.stderr, done
    assert "next: " in done.stderr and "run it as root" in done.stderr, done
    os.chown(follow.journal, 0, 0)
    # There is none yet: nothing was written.
    follow.arguments[follow.arguments.index("--journal") + 1] += "/none"
    assert "somebody else" in follow.run("--dry-run", code=1).stderr


def limit(what, number):
    return lambda: resource.setrlimit(what, (number, number))


@pytest.mark.parametrize("what", ["read-only", "file", "memory", "descriptors"])
def test_M5_each_failure_of_the_journal_has_its_own_cure(fleet, authority, what):
    """None of them is a reason to move files away with which nothing is wrong."""
    follow = write_once(fleet, authority)
    if what == "read-only":
        namespace.mount_tmpfs(follow.journal, "1m")
        try:
            namespace.make_read_only(follow.journal)
            said = refused(follow, "--once", why="Read-only file system", cure="for writing")
        finally:
            namespace.put_back(follow.journal)
    elif what == "file":
        follow.arguments[follow.arguments.index("--journal") + 1] += "/data.mdb"
        said = refused(follow, "--once", why="Not a directory", cure="names a directory")
    elif what == "memory":
        if sanitizer.ENABLED:
            pytest.skip("its shadow takes more")
        said = refused(follow, "--once", why="Cannot allocate memory", cure="ulimit -v",
                       preexec_fn=limit(resource.RLIMIT_AS, 1 << 30))
    else:
        said = refused(follow, "--once", why="too few files may be open", cure="ulimit -n",
                       preexec_fn=limit(resource.RLIMIT_NOFILE, 5))
    assert "move" not in said, said
    fleet.follow(name="again", journal=os.path.join(fleet.knotd.directory, "follow"))
    written(fleet.knotd, {A2})


def test_M5_a_directory_that_was_made_anew(fleet, authority):
    """The process that runs goes on in the new one, and has that for itself."""
    serve(fleet, authority)
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    mark = len(fleet.knotd.log_lines("control, received command"))
    shutil.rmtree(follow.journal)
    os.mkdir(follow.journal, 0o700)
    follow.signal(signal.SIGHUP)
    has_looked(fleet.knotd, mark)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(fleet.knotd, {A2}, {AAAA1}, timeout=30)
    refused(Follow(fleet.knotd), "--once", why="another 'kaname follow' has it", cure="enough")
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    written(fleet.knotd, {A1}, {AAAA1}, timeout=30)
    follow.finish()


def test_M5_a_journal_that_is_cut_short_while_it_runs(fleet, authority):
    """What is read again finds out; nothing is sent until somebody acts."""
    serve(fleet, authority)
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    mark = len(fleet.knotd.log_lines("control, received command"))
    follow.signal(signal.SIGHUP)
    has_looked(fleet.knotd, mark)
    os.truncate(os.path.join(follow.journal, "data.mdb"), 8192)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    follow.says("damaged", timeout=20)
    follow.says("next: .*backup")
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=2)
    follow.finish()


def lay(how, path, other):
    """Something where the journal's new data is to be made."""
    if how == "fifo":
        os.mkfifo(path)
    elif how == "link":
        os.symlink(other, path)


@pytest.mark.parametrize("rests, there", [(True, ""), (False, ""), (True, "fifo"), (True, "link")])
def test_M5_a_journal_that_is_removed_while_it_runs(fleet, authority, tmp_path, rests, there):
    """It is put back as it was, and that is said: what was adopted is not lost. What stands in the way is not
    waited for, nor is anything written through it."""
    other = tmp_path / "other"
    other.write_text("not ours")
    serve(fleet, authority, *siblings())
    follow = fleet.follow("--adopt")
    written(fleet.knotd, {A1}, {AAAA1})
    let_pass(2)
    if rests:
        look(follow, fleet.knotd)
    lay(there, os.path.join(follow.journal, "data.new"), other)
    os.unlink(os.path.join(follow.journal, "data.mdb"))
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(fleet.knotd, {A2}, {AAAA1}, timeout=30)
    assert other.read_text() == "not ours"
    follow.says("data.mdb was removed", "put back as it was")
    follow.says("next: ")
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {SIBLING_A}, {SIBLING_AAAA}, timeout=20)
    assert len(follow.lines("data.mdb")) == 1, follow.text()
    follow.finish()


@pytest.mark.parametrize("rests", [True, False])
def test_M5_a_journal_that_is_removed_before_it_ends(fleet, authority, rests):
    """It is not gone with the process, which has it still."""
    serve(fleet, authority, *siblings())
    follow = fleet.follow("--adopt")
    written(fleet.knotd, {A1}, {AAAA1})
    let_pass(2)
    if rests:
        look(follow, fleet.knotd)
    os.unlink(os.path.join(follow.journal, "data.mdb"))
    follow.finish()
    assert "data.mdb was removed" in follow.text(), follow.text()
    remove_record(fleet.knotd)
    follow = fleet.follow(name="again", journal=follow.journal)
    written(fleet.knotd, {SIBLING_A}, {SIBLING_AAAA}, timeout=20)
    follow.finish()


def test_M5_a_journal_that_is_cut_after_it_has_grown(fleet, authority):
    """By a page that the last updates have added: nobody is killed for it."""
    names = serve_many(fleet, authority)
    follow = fleet.follow(name="again")
    let_pass(3)
    file = os.path.join(follow.journal, "data.mdb")
    size = os.path.getsize(file)
    many = [f"203.0.113.{number}" for number in range(1, 33)]
    authority.set(TARGET, a=many, aaaa=[AAAA1])
    for name in (ZONE, *names):
        written(fleet.knotd, many, {AAAA1}, zone=name, timeout=30)
    eventually(lambda: os.path.getsize(file) > size, what="the journal has grown")
    let_pass(2)
    look(follow, fleet.knotd)
    os.truncate(file, os.path.getsize(file) - os.sysconf("SC_PAGESIZE"))
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    follow.says("damaged", timeout=20)
    follow.finish()


def test_M5_a_journal_of_another_format(fleet, authority):
    """Nothing but the version that wrote it, or to lose it, helps; the service is not tried again."""
    follow = write_once(fleet, authority)
    file = os.path.join(follow.journal, "data.mdb")
    with open(file, "r+b") as data:
        text = data.read()
        assert text.count(b"2 local ") >= 1
        data.seek(0)
        data.write(text.replace(b"2 local ", b"1 local "))
    for argument in ("--once", "--primary-moved"):
        done = follow.run("--once", argument, code=1)
        assert "another version of kaname" in done.stderr, done.stderr
        assert "next: install the version that wrote it" in done.stderr, done.stderr
        assert "has moved" not in done.stderr, done.stderr


# What it has of zones that are not found any more.


def serve_many(fleet, authority):
    """Many zones that were written once; returns their names."""
    names = [f"z{number}.example" for number in range(40)]
    for name in names:
        fleet.knotd.add_zone(name, [aname(TARGET)], zone_options={"acl": KEY})
    serve(fleet, authority)
    follow = fleet.follow(name="first")
    for name in (ZONE, *names):
        written(fleet.knotd, {A1}, {AAAA1}, zone=name, timeout=20)
    follow.finish()
    return names


def asked(knotd, since=0):
    """Commands about one of the many zones, and errors, that knotd had since so many lines of its log."""
    return [line for line in knotd.log_lines(r"\[z\d+\.example\.\] control, ")[since:]
            if "zone-begin" not in line]


def has_looked(knotd, mark):
    eventually(lambda: len(knotd.log_lines("control, received command")) > mark + 8,
               what="it has looked for zones")
    let_pass(2)


def look(follow, knotd):
    """Have it look for zones, and at what stands there, once."""
    mark = len(knotd.log_lines("control, received command"))
    follow.signal(signal.SIGHUP)
    has_looked(knotd, mark)


def quiet(knotd):
    """Wait until nothing comes of what has been found."""
    last = None
    while last != (last := len(asked(knotd))):
        let_pass(4)


def test_M5_zones_that_are_not_named_are_not_asked_for_one_by_one(fleet, authority):
    """What was written there stays, and goes when its record does."""
    knotd = fleet.knotd
    names = serve_many(fleet, authority)
    before = len(asked(knotd))
    Follow(knotd, ZONE).run("--once")
    mark = len(knotd.log_lines("control, received command"))
    follow = fleet.follow(ZONE)
    has_looked(knotd, mark)
    look(follow, knotd)
    look(follow, knotd)
    assert asked(knotd, before) == []
    kaname("unset", names[7], "-s", knotd.socket, directory=knotd.directory)
    look(follow, knotd)
    written(knotd, (), zone=names[7])
    written(knotd, {A1}, {AAAA1}, zone=names[8])


def test_M5_zones_that_are_gone_are_not_asked_for_one_by_one(fleet, authority):
    """They are taken from the configuration while it runs; it is started again; they are back."""
    knotd = fleet.knotd
    names = serve_many(fleet, authority)
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1})
    zones = {name: knotd.zones.pop(name) for name in names}
    before = len(asked(knotd))
    knotd.reload()
    look(follow, knotd)
    # Some are looked at before it is known which zones there are: after the reload, and by the signal.
    quiet(knotd)
    assert len(asked(knotd, before)) <= 2 * 2 * len(names)
    before = len(asked(knotd))
    look(follow, knotd)
    follow.finish()
    mark = len(knotd.log_lines("control, received command"))
    again = fleet.follow(name="again")
    has_looked(knotd, mark)
    look(again, knotd)
    assert asked(knotd, before) == []
    knotd.zones |= zones
    knotd.reload()
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    look(again, knotd)
    written(knotd, {A2}, {AAAA1}, zone=names[3], timeout=30)
