"""The read model: the cells of all shards become values. Pure: records and times in, snapshots out."""
