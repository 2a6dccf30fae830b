"""Test accuracy over the share of active nodes: LSH beside vanilla dropout and the full network.

The paper's figure 5, on the data sets that the config names.
"""

import panels
import style

CAPTION = (
    "LSH chooses the active nodes by hashing, vanilla dropout (VD) at random; the dashed line is "
    "the standard network (NN), all of whose nodes are active."
)

if __name__ == "__main__":
    style.main(lambda table: panels.draw_over_active_share(table, CAPTION), __doc__)
