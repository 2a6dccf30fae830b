"""Other systems that train the dense network, a file each: what rules are compared with in time."""
