"""What `kaname check` prints, line by line."""


def parts(text):
    """(all lines, those that are BAD with what to do)."""
    lines = text.splitlines()
    return lines, [
        line + " " + lines[number + 1] for number, line in enumerate(lines)
        if line.startswith("BAD ")
    ]


def says(lines, *words):
    assert any(all(word in line for word in words) for line in lines), (
        f"expected a line with {words} in\n" + "\n".join(lines)
    )


def says_not(lines, *words):
    assert not any(all(word in line for word in words) for line in lines), (
        f"expected no line with {words} in\n" + "\n".join(lines)
    )
