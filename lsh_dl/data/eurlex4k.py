"""EURLex-4K, of the Extreme Classification Repository."""

from lsh_dl.data.formats.xc_sets import PublishedXc, published_file


class Eurlex4k(PublishedXc):
    """Laws of the European Union with their subjects (Mencia, Fürnkranz, ECML 2008).

    As prepared by the Extreme Classification Repository (Bhatia et al., 2016).
    15,539 + 3,809 samples, 5,000 features, 3,993 labels.
    """

    name = "eurlex4k"
    title = "EURLex-4K"
    classes = 3_993
    features = 5_000
    file = published_file("eurlex4k", "Eurlex.zip", "1xWW1UykQBTD2IorVn7V8XubJatQDScol")
    members = (("eurlex_train.txt", "train.txt"), ("eurlex_test.txt", "test.txt"))
