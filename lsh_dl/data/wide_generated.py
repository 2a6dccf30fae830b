"""A generated set with very many labels, several a sample."""

from types import MappingProxyType

from pydantic import Field

from lsh_dl.data.base import MOST_GENERATED, Arrays, DataSet, Seeded, Sources


class WideGenerated(DataSet):
    """Sparse samples with one to three of 100,000 labels, the rarest 100,000 times rarer.

    Drawn by a rule of this project's own (`lsh_dl.data.synthetic.wide`), with what published sets
    have in common: few labels and few features are frequent, most are rare, by a power law each,
    and labels share features. A label is known by 16 features, of which a sample shows some, beside
    noise.
    """

    name = "wide_generated"
    title = "Many labels (generated)"
    kind = "generated"
    classes = 100_000
    features = 10_000
    several_labels = True
    preview = MappingProxyType({"train": 400, "test": 400, "labels": 100, "features": 500})
    bytes_of_sample = 2_000

    class Settings(Seeded):
        """Numbers of labels, features and samples."""

        labels: int = Field(100_000, ge=2, le=2**24, description="labels")
        features: int = Field(10_000, ge=16, le=2**24, description="features")
        train: int = Field(
            50_000, ge=1, le=MOST_GENERATED, description="training samples, validation included"
        )
        test: int = Field(5_000, ge=1, le=MOST_GENERATED, description="test samples")
        label_power: float = Field(
            1.0, ge=0, le=4, description="the label of rank r is drawn in proportion to r^-power"
        )
        feature_power: float = Field(0.5, ge=0, le=4, description="the same of features")
        shared: int = Field(
            4, ge=0, le=16, description="of a label's 16 features, those it shares with some others"
        )

    def build(self, sources: Sources) -> Arrays:
        """Draw both parts."""
        from lsh_dl.common.memory import require_memory
        from lsh_dl.data.synthetic.wide import draw_wide

        chosen = self.settings
        require_memory(500 * chosen.labels, f"{self.title}: {chosen.labels:,} labels")
        sizes = chosen.labels, chosen.features, chosen.seed
        names = "label_power", "feature_power", "shared"
        law = {name: getattr(chosen, name) for name in names}
        x_train, y_train = draw_wide(chosen.train, *sizes, part=0, **law)
        x_test, y_test = draw_wide(chosen.test, *sizes, part=1, **law)
        return Arrays(
            x_train,
            y_train,
            x_test,
            y_test,
            classes=chosen.labels,
            provenance=f"{chosen.train:,} + {chosen.test:,} generated samples of "
            f"{chosen.labels:,} labels",
        )
