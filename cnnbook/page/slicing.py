"""Which cells of a notebook must run so that some of them can.

Training takes minutes that most pictures of a chapter do not need. What is found here is checked
when the cells ran: a picture that differs from the stored one makes the whole chapter run.
"""

import ast


def cells_for(sources, wanted):
    """List the numbers of the cells that `wanted` ones rest on, themselves among them.

    A cell is taken if it may bind or change a name that a later taken cell mentions: rather one too
    many than one too few.

    Parameters
    ----------
    sources : dict of int to str
        Python source of each code cell.
    wanted : set of int

    Examples
    --------
    >>> cells_for({0: "x = [1]", 1: "y = 2", 2: "x.append(3)", 3: "print(x)"}, {3})
    [0, 2, 3]
    """
    known = {number: _facts(source) for number, source in sources.items()}
    imported = set().union(*(imports for *_, imports in known.values()))
    taken, names = [], set()
    for number in sorted(sources, reverse=True):
        mentions, binds, changes, imports = known[number]
        if number in wanted or names & (binds | imports) or (names - imported) & changes:
            taken.append(number)
            names |= mentions | imports
    return taken[::-1]


def cells_of_pictures(cells):
    """Find the code cells of a notebook that show the book's pictures, and all that these rest on.

    Returns
    -------
    set of int, list of int
        Numbers of those that show pictures; of all.
    """
    code = {n: cell for n, cell in enumerate(cells) if cell.cell_type == "code"}
    shown = {n for n, cell in code.items() if any(map(is_picture, cell.outputs))}
    return shown, cells_for({n: cell.source for n, cell in code.items()}, shown)


def is_picture(output):
    """Whether an output of a cell is a picture of the book's own."""
    return "cnnbook" in output.get("metadata", ()) and "image/png" in output.get("data", ())


def _facts(source):
    """Names that a cell mentions, binds, may change, and imports."""
    mentions, binds, changes, imports = set(), set(), set(), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=context):
                mentions.add(name)
                if isinstance(context, ast.Store):
                    binds.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                binds.add(name)
            case ast.alias(name=name, asname=other):
                imports.add((other or name).split(".")[0])
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                changes.add(_base(node))
            case ast.Call(func=function, args=given):
                changes.add(_base(function) if isinstance(function, ast.Attribute) else None)
                changes |= {_base(one) for one in given}
    return mentions, binds, changes, imports


def _base(node):
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
