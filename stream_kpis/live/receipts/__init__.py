"""Where a value comes from: its formula with the figures in it, who is behind it, and why it moved. Pure."""
