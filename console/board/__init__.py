"""The columnar picture of every cached report, for queue, map and charts; imports `rules`, its round `cache`."""
