"""Amazon-670K, of the Extreme Classification Repository."""

from lsh_dl.data.formats.xc_sets import PublishedXc, published_file


class Amazon670k(PublishedXc):
    """Products with those that are bought with them (McAuley, Leskovec, RecSys 2013).

    As prepared by the Extreme Classification Repository (Bhatia et al., 2016).
    490,449 + 153,025 samples, 135,909 features, 670,091 labels.
    """

    name = "amazon670k"
    title = "Amazon-670K"
    classes = 670_091
    features = 135_909
    propensity = (0.6, 2.6)
    file = published_file("amazon670k", "Amazon670K.zip", "1PV-wbKVv6Ng1K1XM1USqNxFhaQo2qfk6")
    members = (("amazon_train.txt", "train.txt"), ("amazon_test.txt", "test.txt"))
