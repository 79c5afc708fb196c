"""Pages of segments in the back office: list, one segment, builder, members, export, proposal."""
