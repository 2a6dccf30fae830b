"""Test accuracy over the share of active nodes: LSH beside the selectors that compute all nodes.

The paper's figure 6, on the data sets that the config names. Rules of one's own appear here.
"""

import panels
import style

CAPTION = (
    "Winner-take-all (WTA) and adaptive dropout (AD) compute every node before they choose, LSH "
    "looks candidates up in hash tables; the dashed line is the standard network (NN), all of "
    "whose nodes are active."
)

if __name__ == "__main__":
    style.main(lambda table: panels.draw_over_active_share(table, CAPTION), __doc__)
