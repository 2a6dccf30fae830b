"""What figures and pages have in common: a look for each curve, words for data and networks."""

#: Colour and marker (matplotlib's sign) by a curve's number: NN, VD, AD, WTA, LSH, then any
#: further labels in the config's order. The colours are Okabe and Ito's, told apart by colour-blind
#: readers.
LOOKS = (
    ("#333333", "h"),
    ("#0072B2", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#D55E00", "o"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    ("#8C6D31", "X"),
    ("#7B4FA3", "<"),
    ("#99A600", ">"),
)


def describe_network(hidden: str) -> str:
    """`2x1000` as "2 hidden layers of 1,000"; `1000-500` as "hidden layers of 1,000, 500"."""
    if "x" not in hidden:
        return f"hidden layers of {', '.join(f'{int(w):,}' for w in hidden.split('-'))}"
    layers, width = hidden.split("x")
    return f"{layers} hidden layer{'s' if layers != '1' else ''} of {int(width):,}"


def describe_data(title: str, kind: str) -> str:
    """The data set's title; says that it is generated or a stand-in where it does not itself."""
    return title if kind == "real" or kind in title else f"{title} ({kind})"
