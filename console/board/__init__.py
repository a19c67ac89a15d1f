"""The columnar picture of every cached report: immutable snapshots, and Views of them for queue, map and charts."""
