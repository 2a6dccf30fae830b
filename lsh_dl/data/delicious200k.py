"""Delicious-200K, of the Extreme Classification Repository."""

from lsh_dl.data.formats.xc_sets import PublishedXc, published_file


class Delicious200k(PublishedXc):
    """Bookmarked pages with their tags (Wetzker, Zimmermann, Bauckhage, 2008).

    As prepared by the Extreme Classification Repository (Bhatia et al., 2016).
    196,606 + 100,095 samples, 782,585 features, 205,443 labels.
    """

    name = "delicious200k"
    title = "Delicious-200K"
    classes = 205_443
    features = 782_585
    file = published_file(
        "delicious200k", "DeliciousLarge.zip", "18Tb595TuGyFW--nEYGfduwS5WvSbX-sX"
    )
    members = (("deliciousLarge_train.txt", "train.txt"), ("deliciousLarge_test.txt", "test.txt"))
