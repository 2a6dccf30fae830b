"""WikiLSHTC-325K, of the Extreme Classification Repository."""

from lsh_dl.data.formats.xc_sets import PublishedXc, published_file


class Wikilshtc325k(PublishedXc):
    """Wikipedia's articles with their categories (Partalas et al., LSHTC, 2015).

    As prepared by the Extreme Classification Repository (Bhatia et al., 2016).
    1,778,351 + 587,084 samples, 1,617,899 features, 325,056 labels.
    """

    name = "wikilshtc325k"
    title = "WikiLSHTC-325K"
    classes = 325_056
    features = 1_617_899
    propensity = (0.5, 0.4)
    file = published_file("wikilshtc325k", "WikiLSHTC.zip", "1Y5xEJu-j3M7voyFV5Ouq9Wl3vyd9fus2")
    members = (("wikiLSHTC_train.txt", "train.txt"), ("wikiLSHTC_test.txt", "test.txt"))
